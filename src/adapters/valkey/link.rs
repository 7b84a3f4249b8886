//! The link to Valkey: connected in the background, watched, and never waited for longer than a request may.
//!
//! ```text
//! Starting ──connected──▶ Up ──dropped──▶ Connecting ──connected──▶ Up
//!    │                    │                   │
//!    └─────────failed─────┴─does not answer───┴──────▶ Away ──connected──▶ Up
//! ```
//!
//! While it is `Away` every call fails at once, so that a Valkey that is gone costs nothing; only the keeper tries it.
//! `ConnectionManager` of the redis crate is not used: it keeps a connection that answers nothing, and never tries again after a
//! refused password.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{info, warn};

use super::Server;
use super::connect::{CONNECT_TIMEOUT, Connection};
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::UpstreamState;

/// What the service calls it, in `/health` and metrics.
pub(super) const NAME: &str = "valkey";

/// The link to a Valkey server or cluster.
#[derive(Debug)]
pub(super) struct Link {
    server: Server,
    metrics: Arc<Metrics>,
    state: watch::Sender<State>,
    /// Somebody got no answer: the keeper looks at once.
    doubt: Notify,
}

#[derive(Debug, Clone)]
enum State {
    /// Nobody knows yet.
    Starting,
    /// It worked a moment ago.
    Up(Connection, Generation),
    /// The connection broke, and why; a new one is being made.
    Connecting(Arc<str>),
    /// It cannot be used, and why.
    Away(Arc<str>),
}

/// Counts connections.
type Generation = u64;

/// Why a command was not answered.
#[derive(Debug)]
enum Failure {
    /// It is known to be away.
    Away,
    /// Not in time.
    Late,
    /// The server or the connection says no.
    Refused(RedisError),
}

impl Link {
    /// A link that nobody keeps yet.
    pub(super) fn new(server: Server, metrics: Arc<Metrics>) -> Self {
        Self { server, metrics, state: watch::Sender::new(State::Starting), doubt: Notify::new() }
    }

    /// Whether it is known that it cannot be used.
    pub(super) fn is_away(&self) -> bool {
        matches!(*self.state.borrow(), State::Away(_) | State::Connecting(_))
    }

    /// For `/health`.
    pub(super) fn state(&self) -> UpstreamState {
        match &*self.state.borrow() {
            State::Starting => UpstreamState::Starting,
            State::Up(..) => UpstreamState::Up,
            State::Connecting(why) | State::Away(why) => UpstreamState::Away(why.to_string()),
        }
    }

    /// Waits until it is known whether it can be used.
    ///
    /// # Errors
    /// Where it cannot, with the reason.
    pub(super) async fn decided(&self) -> Result<()> {
        let mut states = self.state.subscribe();
        let decided = states.wait_for(|state| matches!(state, State::Up(..) | State::Away(_))).await;
        match decided.as_deref() {
            Ok(State::Away(why)) => {
                Err(Error::new(Kind::UpstreamDown, format!("Valkey cannot be used: {why}.")))
            }
            _ => Ok(()),
        }
    }

    /// Comes back when it can be used and was not, just before.
    pub(super) async fn returned(&self, seen: &mut u64) {
        let mut states = self.state.subscribe();
        let is_new = |state: &State| matches!(state, State::Up(_, generation) if generation > seen);
        if let Ok(state) = states.wait_for(is_new).await
            && let State::Up(_, generation) = *state
        {
            *seen = generation;
        }
    }

    /// Sends a command that may be repeated, and waits for its answer as long as a request may.
    ///
    /// # Errors
    /// [`Kind::UpstreamDown`], [`Kind::UpstreamLate`], or [`Kind::BadUpstream`] for an answer that makes no sense.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let deadline = Instant::now() + self.server.timeout;
        let answer = timeout_at(deadline, self.send(command)).await;
        let answer = answer.unwrap_or_else(|_| Err(self.on_late()));
        answer.map_err(|failure| self.failed(failure)).and_then(|value| {
            T::from_redis_value(value).map_err(|error| self.failed(Failure::Refused(RedisError::from(error))))
        })
    }

    /// Sends many commands that may be repeated, many at a time; ends with the first that fails.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) async fn ask_all(&self, commands: impl Iterator<Item = Cmd>) -> Result<()> {
        let mut answers = stream::iter(commands)
            .map(|command| async move { self.ask::<redis::Value>(&command).await })
            .buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            answer?;
        }
        Ok(())
    }

    async fn send(&self, command: &Cmd) -> std::result::Result<redis::Value, Failure> {
        let (mut connection, generation) = self.connection(0).await?;
        match connection.send(command).await {
            Err(error) if is_worth_another(&error) => {
                self.doubt.notify_one();
                // A server that loads its data, or a replica that becomes the primary, wants a moment; a connection that broke
                // is made anew by the keeper.
                let next = if is_of_server(&error) {
                    sleep(MOMENT).await;
                    0
                } else {
                    generation + 1
                };
                let (mut connection, _) = self.connection(next).await?;
                connection.send(command).await.map_err(Failure::Refused)
            }
            answer => answer.map_err(Failure::Refused),
        }
    }

    /// The connection, once it is the one of `generation` or a later one.
    async fn connection(
        &self,
        generation: Generation,
    ) -> std::result::Result<(Connection, Generation), Failure> {
        let mut states = self.state.subscribe();
        let is_decided = |state: &State| match state {
            State::Up(_, current) => *current >= generation,
            State::Away(_) => true,
            State::Starting | State::Connecting(_) => false,
        };
        let state = states.wait_for(is_decided).await.map(|state| state.clone());
        match state {
            Ok(State::Up(connection, generation)) => Ok((connection, generation)),
            _ => Err(Failure::Away),
        }
    }

    fn on_late(&self) -> Failure {
        self.doubt.notify_one();
        Failure::Late
    }

    /// The one place where failures become errors of the service.
    fn failed(&self, failure: Failure) -> Error {
        let error = match &failure {
            Failure::Away => Error::new(Kind::UpstreamDown, AWAY),
            Failure::Late => {
                Error::new(Kind::UpstreamLate, "Valkey, which keeps the sessions, did not answer in time.")
            }
            Failure::Refused(error) if is_worth_another(error) => Error::new(Kind::UpstreamDown, AWAY),
            Failure::Refused(error) => {
                warn!(address = %self.server, "valkey: refuses: {}", said(error));
                let what = error.code().unwrap_or(error.category());
                Error::new(Kind::BadUpstream, format!("Valkey, which keeps the sessions, refuses: {what}."))
            }
        };
        // What is known to be away was not asked.
        if !matches!(failure, Failure::Away) {
            self.metrics.on_upstream_failure(NAME, &error);
        }
        error
    }

    /// Connects, watches over the connection, and connects again, for ever. Calls `on_return` before others can use a connection.
    pub(super) async fn keep(&self, on_return: impl Fn()) {
        let mut delay = FIRST_DELAY;
        for generation in 1.. {
            match self.connect().await {
                Ok(mut connection) => {
                    on_return();
                    self.on_up(connection.clone(), generation);
                    delay = FIRST_DELAY;
                    let lost = self.lost(&mut connection).await;
                    self.on_lost(lost);
                }
                Err(why) => {
                    self.on_away(why);
                    sleep(delay).await;
                    delay = (delay * 2).min(LAST_DELAY);
                }
            }
        }
    }

    async fn connect(&self) -> std::result::Result<Connection, Arc<str>> {
        let connecting = async {
            let mut connection = Connection::open(&self.server).await?;
            connection.send(&probe()).await?;
            Ok(connection)
        };
        let connected = timeout(CONNECT_TIMEOUT, connecting).await;
        connected.map_err(|_| SILENT.into()).and_then(|connected| connected.map_err(|error| said(&error)))
    }

    /// Watches over a connection until it cannot be used any more.
    async fn lost(&self, connection: &mut Connection) -> State {
        loop {
            let _ = timeout(WATCH, self.doubt.notified()).await;
            match timeout(2 * self.server.timeout, connection.send(&probe())).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) if is_of_server(&error) => return State::Away(said(&error)),
                Ok(Err(error)) => return State::Connecting(said(&error)),
                Err(_) => return State::Away(SILENT.into()),
            }
        }
    }

    fn on_up(&self, connection: Connection, generation: Generation) {
        info!(address = %self.server, "valkey: connected");
        self.state.send_replace(State::Up(connection, generation));
    }

    fn on_lost(&self, state: State) {
        let (State::Connecting(why) | State::Away(why)) = &state else { return };
        warn!(address = %self.server, "valkey: lost: {why}");
        self.state.send_replace(state);
    }

    fn on_away(&self, why: Arc<str>) {
        self.metrics.on_upstream_failure(NAME, &Error::new(Kind::UpstreamDown, AWAY));
        let was_away = matches!(&*self.state.borrow(), State::Away(before) if *before == why);
        if !was_away {
            warn!(address = %self.server, "valkey: cannot be used: {why}");
        }
        self.state.send_replace(State::Away(why));
    }
}

const AWAY: &str = "Valkey, which keeps the sessions, cannot be reached. Sessions that are playing go on; new ones cannot \
                    be opened. Try again in a moment.";

const SILENT: &str = "it does not answer";

/// How often a connection that nobody complains about is looked at.
const WATCH: Duration = Duration::from_secs(1);

/// How long to wait before trying again what the server refuses for the moment.
const MOMENT: Duration = Duration::from_millis(50);

/// From the first to the last pause between two attempts to connect.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LAST_DELAY: Duration = Duration::from_secs(1);

/// How many commands of one task are on their way at a time.
const AT_ONCE: usize = 256;

/// A command that only a server answers which can be written to, and that changes nothing.
fn probe() -> Cmd {
    let mut probe = redis::cmd("DEL");
    probe.arg("playback:probe");
    probe
}

/// Whether the same command may well succeed in a moment, or on a new connection.
fn is_worth_another(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_io_error() || is_of_server(error)
}

/// Whether a server that can be reached says that it cannot do anything for the moment.
fn is_of_server(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    matches!(error.kind(), ErrorKind::Server(BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain))
}

/// What an error says, shortened.
fn said(error: &RedisError) -> Arc<str> {
    error.to_string().chars().take(200).collect::<String>().into()
}
