//! Sessions that follow a recording while it is being written.
//!
//! Nothing is kept of how far they have come: what such a session plays now is planned anew from its range. The cuts of a
//! recording that grows only ever get more ([`plan`](super::plan) leaves the last one out while it may still get longer), so
//! what was numbered before keeps its number, on every replica.

use std::borrow::Cow;

use remux::time::Ticks;

use super::Playback;
use super::plan::{Plan, Stretch};
use super::playlist::Ending;
use super::ports::PlaybackSession;
use crate::domain::ticks_between;
use crate::error::Result;

impl Playback {
    /// The plan of a session as it stands now.
    pub(super) async fn current<'a>(&self, session: &'a PlaybackSession) -> Result<Cow<'a, Plan>> {
        let opened = &session.plan;
        if !opened.follows {
            return Ok(Cow::Borrowed(opened));
        }
        let (planned, _) = self.planned(&session.camera, opened.range).await?;
        Ok(planned.and_then(|plan| continued(opened, plan)).map_or(Cow::Borrowed(opened), Cow::Owned))
    }

    /// Whether more will be added to what `plan` plays now: its last recording is being written, or ended so short a time ago
    /// that the next one may follow. A playlist that stands still longer makes players give up.
    pub(super) fn ending(&self, plan: &Plan) -> Ending {
        if !plan.follows {
            return Ending::Complete;
        }
        let target = Ticks::new(2 * self.settings.segment_target.get());
        let may_go_on = plan.stretches.last().is_some_and(|last| {
            let silence = ticks_between(last.span.end(), self.ports.clock.now()).abs();
            let is_alive = last.recording.version.growing || silence < target;
            is_alive && last.span.end() < plan.range.end()
        });
        if may_go_on { Ending::Open { target } } else { Ending::Completed { target } }
    }
}

/// `now` as the continuation of what was `opened`; `None` where it is something else.
fn continued(opened: &Plan, now: Plan) -> Option<Plan> {
    let (last, before) = opened.stretches.split_last()?;
    let (kept, rest) = now.stretches.split_at_checked(before.len())?;
    let is_same = kept.iter().zip(before).all(|(now, then)| {
        (&now.recording.id, now.first, now.last) == (&then.recording.id, then.first, then.last)
    });
    let goes_on = rest.first().is_some_and(|now| goes_on(last, now));
    (is_same && goes_on && now.packaging == opened.packaging).then_some(Plan {
        follows: true,
        start_offset: opened.start_offset,
        ..now
    })
}

fn goes_on(then: &Stretch, now: &Stretch) -> bool {
    (&then.recording.id, then.first) == (&now.recording.id, now.first) && now.last >= then.last
}
