//! What is wrong with a file, as it is noticed.

use std::collections::VecDeque;

use crate::limits;
use crate::report::{Event, Report};

/// Counters, and events that nobody has asked for yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    pub(super) report: Report,
    events: VecDeque<Event>,
}

impl Log {
    /// A box that cannot be read.
    pub(super) fn on_box(&mut self, offset: u64) {
        self.report.damaged_boxes = self.report.damaged_boxes.saturating_add(1);
        self.tell(Event::DamagedBox { offset });
    }

    /// A sample that cannot be read, or not to its end.
    pub(super) fn on_sample(&mut self, offset: u64, track: u32) {
        self.report.damaged_samples = self.report.damaged_samples.saturating_add(1);
        self.tell(Event::DamagedSample { offset, track });
    }

    /// The next event.
    pub(super) fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < limits::EVENTS {
            self.events.push_back(event);
        }
    }
}
