//! What the PES of a video stream in the head need in order to be played.

use super::framing::{framing, nals};
use super::order::OrderSurvey;
use super::probe::Findings;
use crate::es::order::OrderWatch;
use crate::es::parameter_sets::{ParameterSets, set_id};
use crate::es::picture::PictureWatch;
use crate::es::{Role, Unit, role, unit_of, video_format};
use crate::layout::{Codec, Format, Framing, Repair, Setup};
use crate::time::Ticks;

/// Looks into the PES of one video stream.
#[derive(Debug, Clone)]
pub(super) struct Pictures {
    codec: Codec,
    /// As the first PES has it.
    framing: Option<Framing>,
    picture: PictureWatch,
    order: OrderWatch,
    orders: OrderSurvey,
    /// What a decoder can be told at the first key picture: of each id the first, and of those that come later only what there
    /// was none of.
    sets: ParameterSets,
    /// Whether a key picture has come.
    has_begun: bool,
    repairs: Vec<Repair>,
    format: Option<Format>,
    /// Pictures that began in whole PES.
    pictures: i64,
    /// Of the PES with a time: how many there were, and how many pictures had begun before the first and the last.
    timed: i64,
    first_timed: i64,
    last_timed: i64,
}

impl Pictures {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            framing: None,
            picture: PictureWatch::new(codec),
            order: OrderWatch::default(),
            orders: OrderSurvey::default(),
            sets: ParameterSets::default(),
            has_begun: false,
            repairs: Vec::new(),
            format: None,
            pictures: 0,
            timed: 0,
            first_timed: 0,
            last_timed: 0,
        }
    }

    /// A PES; says what kind of access unit it begins.
    pub(super) fn on_pes(&mut self, data: &[u8], has_time: bool, is_torn: bool) -> Unit {
        if self.framing.is_none() && !is_torn {
            self.framing = framing(self.codec, data);
        }
        let nals = nals(self.framing.unwrap_or_default(), data);
        let unit = unit_of(self.codec, nals.iter().copied());
        let mut order = self.order(&nals, unit);
        // What stands before the first start code belongs to the access unit before.
        let begins_inside = framing(self.codec, data).is_none() && !nals.is_empty();
        order.is_misplaced |= self.framing == Some(Framing::Native) && begins_inside;
        if unit.may_begin() && self.format.is_none() {
            let known = self.sets.iter().chain(nals.iter().copied());
            self.format = Some(Format::Video(video_format(self.codec, known)));
        }
        if !is_torn {
            self.count(has_time, order.pictures);
            self.judge(&nals, unit, has_time, &order);
        }
        unit
    }

    fn count(&mut self, has_time: bool, pictures: i64) {
        if has_time {
            self.first_timed = if self.timed == 0 { self.pictures } else { self.first_timed };
            self.last_timed = self.pictures;
            self.timed += 1;
        }
        self.pictures += pictures;
    }

    /// How the parts of access units follow each other.
    fn order(&mut self, nals: &[&[u8]], unit: Unit) -> Order {
        let mut order = Order { starts_with_delimiter: false, pictures: 0, slices: 0, is_misplaced: false };
        for (position, nal) in nals.iter().enumerate() {
            match role(self.codec, nal) {
                Some(Role::Slice) => {
                    order.slices += 1;
                    self.has_begun |= unit.may_begin();
                    if self.picture.on_slice(nal) {
                        order.pictures += 1;
                        self.note_order(nal);
                    }
                    order.is_misplaced = false;
                }
                Some(Role::Delimiter) => {
                    order.starts_with_delimiter |= position == 0;
                    order.is_misplaced |= order.slices > 0;
                }
                Some(Role::ParameterSet) => {
                    self.picture.on_parameter_set(nal);
                    self.learn_set(nal);
                    order.is_misplaced |= order.slices > 0;
                }
                Some(Role::Before) => order.is_misplaced |= order.slices > 0,
                Some(Role::Behind) | None => {}
            }
        }
        order
    }

    fn note_order(&mut self, slice: &[u8]) {
        if let Some(bits) = self.picture.order(slice) {
            self.orders.on_picture(self.order.on_picture(bits));
        }
    }

    fn learn_set(&mut self, nal: &[u8]) {
        let kind = set_id(self.codec, nal).map(|id| id.kind);
        if !self.has_begun || !self.sets.kinds().any(|known| Some(known) == kind) {
            self.sets.learn_new(self.codec, nal);
        }
    }

    fn judge(&mut self, nals: &[&[u8]], unit: Unit, has_time: bool, order: &Order) {
        let lacks_sets = || {
            let mut present: Vec<u8> = Vec::new();
            present.extend(nals.iter().filter_map(|nal| set_id(self.codec, nal)).map(|set| set.kind));
            !self.sets.kinds().all(|kind| present.contains(&kind))
        };
        let found = [
            (Repair::LengthPrefixed, matches!(self.framing, Some(Framing::Length(_)))),
            (Repair::NoDelimiter, !order.starts_with_delimiter),
            (Repair::NoParameterSets, unit.may_begin() && !self.sets.is_empty() && lacks_sets()),
            (Repair::Misplaced, order.is_misplaced),
            (Repair::Packing, order.pictures != 1),
            (Repair::NoTimes, !has_time),
        ];
        for (repair, _) in found.into_iter().filter(|&(_, is_found)| is_found) {
            if !self.repairs.contains(&repair) {
                self.repairs.push(repair);
            }
        }
    }

    /// How long a picture lasts, where it is `step` from one time to the next.
    pub(super) fn per_picture(&self, step: Ticks) -> Ticks {
        let (steps, pictures) = (self.timed - 1, self.last_timed - self.first_timed);
        match pictures > steps && steps > 0 {
            true => Ticks::new((step.get().saturating_mul(steps) / pictures).max(1)),
            false => step,
        }
    }

    /// What picture order count says where times do not: the step from picture to picture, and how many of them are decoded
    /// before one that is shown before them. Where most pictures have times these show the latter, whatever is counted.
    pub(super) fn unwritten_order(&self) -> Option<(u8, u8)> {
        let lack_times = [Repair::NoTimes, Repair::Packing];
        let is_needed = self.repairs.iter().any(|repair| lack_times.contains(repair));
        let depth = if 2 * self.timed < self.pictures { self.orders.depth() } else { 0 };
        is_needed.then(|| (self.orders.step(), depth))
    }

    pub(super) fn findings(&self) -> Findings {
        let mut repairs = self.repairs.clone();
        repairs.sort_unstable();
        let setup = self.sets.to_setup();
        if setup == Setup::None {
            // Without any there is nothing to insert.
            repairs.retain(|&repair| repair != Repair::NoParameterSets);
        }
        Findings { repairs, framing: self.framing.unwrap_or_default(), setup, format: self.format.clone() }
    }
}

/// What a PES holds.
struct Order {
    starts_with_delimiter: bool,
    /// Pictures that begin in it.
    pictures: i64,
    slices: usize,
    /// Its last slice is followed by what belongs before the next.
    is_misplaced: bool,
}
