use super::*;
use futures::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};

const PATIENCE: Duration = Duration::from_secs(2);

fn turns(places: usize, share: usize, queue: usize) -> (FairTurns, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let limits = Limits { segments: places, reads: places, share, queue, patience: PATIENCE };
    (FairTurns::new(limits, &metrics), metrics)
}

fn sessions<const N: usize>() -> [SessionId; N] {
    std::array::from_fn(|_| SessionId::random())
}

/// Notes who got a turn, and gives it back at once.
fn queued(
    turns: &FairTurns,
    session: SessionId,
    name: &'static str,
    order: &Arc<Mutex<Vec<&'static str>>>,
) -> BoxFuture<'static, ()> {
    let (turn, order) = (turns.segment(session), Arc::clone(order));
    async move {
        let _turn = turn.await.unwrap();
        order.lock().unwrap().push(name);
    }
    .boxed()
}

#[tokio::test(start_paused = true)]
async fn sessions_take_turns() {
    let (turns, metrics) = turns(1, 8, 100);
    let [greedy, other, third] = sessions();
    let held = turns.segment(greedy).await.unwrap();
    let order = Arc::default();
    let mut waiting = Vec::new();
    for (session, name) in
        [(greedy, "g1"), (greedy, "g2"), (greedy, "g3"), (other, "o1"), (third, "t1"), (other, "o2")]
    {
        waiting.push(queued(&turns, session, name, &order));
    }
    // Polled once in this order, so that they queue up in it.
    let all = tokio::spawn(join_all(waiting));
    while metrics.turns_awaited.with_label_values(&["segment"]).get() < 6 {
        tokio::task::yield_now().await;
    }
    drop(held);
    all.await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["g1", "o1", "t1", "g2", "o2", "g3"]);
    assert_eq!(metrics.turns_taken.with_label_values(&["segment"]).get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_with_its_share_lets_others_go_first() {
    let (turns, metrics) = turns(4, 2, 100);
    let [greedy, other] = sessions();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(turns.segment(greedy).await.unwrap());
    }
    let order = Arc::default();
    let all = tokio::spawn(join_all([
        queued(&turns, greedy, "greedy", &order),
        queued(&turns, other, "other", &order),
    ]));
    while metrics.turns_awaited.with_label_values(&["segment"]).get() < 2 {
        tokio::task::yield_now().await;
    }
    drop(held.pop());
    all.await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["other", "greedy"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_or_finds_the_queue_full_is_told_to_come_back() {
    let (turns, metrics) = turns(1, 8, 2);
    let [session] = sessions();
    let held = turns.segment(session).await.unwrap();
    let begun = Instant::now();
    let waiting = tokio::spawn(join_all([turns.segment(session), turns.segment(session)]));
    while metrics.turns_awaited.with_label_values(&["segment"]).get() < 2 {
        tokio::task::yield_now().await;
    }
    let busy = |error: &Error| matches!(error.kind(), Kind::Busy { retry_after: 2 });
    assert!(busy(&turns.segment(session).await.unwrap_err()));
    assert_eq!(begun.elapsed(), Duration::ZERO, "a full queue says so at once");
    let refused = waiting.await.unwrap();
    assert!(refused.iter().all(|turn| turn.as_ref().is_err_and(busy)));
    assert!((PATIENCE..PATIENCE + Duration::from_millis(10)).contains(&begun.elapsed()));
    assert_eq!(metrics.turns_refused.with_label_values(&["segment"]).get(), 3);
    assert_eq!(metrics.turns_awaited.with_label_values(&["segment"]).get(), 0);
    drop(held);
    turns.segment(session).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_leaves_the_queue_and_loses_no_place() {
    let (turns, metrics) = turns(1, 8, 100);
    let [session] = sessions();
    let held = turns.segment(session).await.unwrap();
    let mut waiting = turns.segment(session);
    assert!((&mut waiting).now_or_never().is_none());
    drop(held);
    // The place has been given to somebody who never takes it.
    drop(waiting);
    assert_eq!(metrics.turns_taken.with_label_values(&["segment"]).get(), 0);
    let held = turns.segment(session).await.unwrap();
    let mut waiting = turns.segment(session);
    assert!((&mut waiting).now_or_never().is_none());
    drop(waiting);
    assert_eq!(metrics.turns_awaited.with_label_values(&["segment"]).get(), 0);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn reads_ahead_take_only_what_is_spare() {
    let (turns, _) = turns(4, 8, 100);
    let [session] = sessions();
    let first = turns.read(session, Need::Ahead).await.unwrap();
    let second = turns.read(session, Need::Ahead).await.unwrap();
    assert!(turns.read(session, Need::Ahead).await.is_err(), "half of the places stay free");
    drop((first, second));
    let _held =
        (turns.read(session, Need::Now).await.unwrap(), turns.read(session, Need::Now).await.unwrap());
    assert!(turns.read(session, Need::Ahead).await.is_err());
}

/// A read that goes on when it is told to.
struct Slow {
    moves: AtomicBool,
    turn: Mutex<Option<Turn>>,
}

impl Reading for Slow {
    fn rests(&self) -> bool {
        !self.moves.load(Ordering::SeqCst)
    }

    fn yield_turn(&self) {
        self.turn.lock().unwrap().take();
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_rests_makes_room() {
    let (turns, _) = turns(1, 8, 100);
    let [session, other] = sessions();
    let turn = turns.read(session, Need::Now).await.unwrap();
    let slow = Arc::new(Slow { moves: AtomicBool::new(true), turn: Mutex::new(Some(turn)) });
    let reading: Weak<Slow> = Arc::downgrade(&slow);
    turns.on_reading(reading);
    assert!(turns.read(other, Need::Now).await.is_err(), "who goes on keeps its turn");
    slow.moves.store(false, Ordering::SeqCst);
    let turn = turns.read(other, Need::Now).await.unwrap();
    assert!(slow.turn.lock().unwrap().is_none());
    // What goes on waits longer than others may, and comes before them.
    let onward = tokio::spawn(turns.read(session, Need::Onward));
    let late = turns.read(session, Need::Now).await;
    assert!(late.is_err());
    drop(turn);
    onward.await.unwrap().unwrap();
}
