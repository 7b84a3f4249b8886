//! What the pictures of a head say of the order in which they are shown.

use crate::es::order::{DEEPEST_REORDER, Order};

/// Collects picture order counts.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderSurvey {
    sequence: u64,
    /// Of the sequence that is being read, in the order of decoding.
    counts: Vec<i64>,
    step: Option<i64>,
    depth: usize,
}

/// Pictures of one sequence that are looked at.
const PICTURES: usize = 256;

impl OrderSurvey {
    pub(super) fn on_picture(&mut self, order: Order) {
        if order.sequence != self.sequence {
            self.settle();
            self.sequence = order.sequence;
        }
        if self.counts.len() < PICTURES {
            let before = self.counts.iter().rev().take(DEEPEST_REORDER);
            self.depth = self.depth.max(before.filter(|&&count| count > order.count).count());
            self.counts.push(order.count);
        }
    }

    /// The sequence is over: of the distances from picture to picture the smallest is that of neighbours.
    fn settle(&mut self) {
        let mut counts = std::mem::take(&mut self.counts);
        counts.sort_unstable();
        let steps = counts.windows(2).map(|pair| pair[1] - pair[0]).filter(|&step| step > 0);
        self.step = steps.chain(self.step).min();
    }

    /// What the count grows by from one picture to that which is shown next; 0 where that is not known.
    pub(super) fn step(&self) -> u8 {
        let mut all = self.clone();
        all.settle();
        all.step.and_then(|step| u8::try_from(step).ok()).unwrap_or(0)
    }

    /// Pictures that are decoded before one that is shown before them, at most.
    pub(super) fn depth(&self) -> u8 {
        self.depth as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b_pictures_show_how_far_apart_neighbours_count_and_how_deep_they_are_reordered() {
        let mut survey = OrderSurvey::default();
        for (sequence, count) in [(1, 0), (1, 8), (1, 4), (1, 2), (1, 6), (2, 0), (2, 8)] {
            survey.on_picture(Order { sequence, count });
        }
        assert_eq!((survey.step(), survey.depth()), (2, 2));
        assert_eq!((OrderSurvey::default().step(), OrderSurvey::default().depth()), (0, 0));
    }
}
