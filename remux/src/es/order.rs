//! Picture order count: where a picture stands in the order of showing (H.264 §8.2.1, H.265 §8.3.1).
//!
//! Slices carry its lower bits only. It is unwrapped near that of the last reference picture; of two pictures of one coded
//! video sequence the difference is what counts.

/// Pictures that can wait for one that is shown before them (H.264 §E.2.1: max_num_reorder_frames).
pub(crate) const DEEPEST_REORDER: usize = 16;

/// What the first slice of a picture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderBits {
    /// pic_order_cnt_lsb, slice_pic_order_cnt_lsb.
    pub(crate) lsb: u32,
    /// How many bits it has.
    pub(crate) length: u32,
    /// A coded video sequence begins, and the count anew.
    pub(crate) begins_sequence: bool,
    /// The pictures that follow count from this one.
    pub(crate) is_reference: bool,
}

/// Where a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// Number of its coded video sequence.
    pub(crate) sequence: u64,
    pub(crate) count: i64,
}

/// Unwraps the counts of a stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrderWatch {
    sequence: u64,
    /// Of the last reference picture.
    before: Option<i64>,
}

impl OrderWatch {
    /// The next picture in the order of decoding.
    pub(crate) fn on_picture(&mut self, bits: OrderBits) -> Order {
        let lsb = i64::from(bits.lsb);
        if bits.begins_sequence {
            self.sequence += 1;
            self.before = None;
        }
        let count = self.before.map_or(lsb, |before| near(before, lsb, bits.length));
        if bits.is_reference || self.before.is_none() {
            self.before = Some(count);
        }
        Order { sequence: self.sequence, count }
    }
}

/// The number nearest to `before` that ends in these bits.
fn near(before: i64, lsb: i64, length: u32) -> i64 {
    let turn = 1i64 << length.min(32);
    let step = (lsb - before).rem_euclid(turn);
    before + if step > turn / 2 { step - turn } else { step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_over_their_lower_bits() {
        let mut watch = OrderWatch::default();
        let mut count = |lsb, begins_sequence, is_reference| {
            let order = watch.on_picture(OrderBits { lsb, length: 4, begins_sequence, is_reference });
            (order.sequence, order.count)
        };
        assert_eq!(count(12, true, true), (1, 12));
        assert_eq!(count(4, false, true), (1, 20));
        assert_eq!(count(14, false, false), (1, 14));
        assert_eq!(count(2, false, false), (1, 18));
        assert_eq!(count(10, false, true), (1, 26));
        assert_eq!(count(0, true, true), (2, 0));
    }
}
