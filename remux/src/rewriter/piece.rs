//! One piece of output: what belongs into it, by the cut rule, and in which order it goes out.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::held::{Content, Held};
use super::movie::{Measured, Movie, Target};
use super::outlet::{Departure, Outlet};
use super::{Extent, KEY};
use crate::cut::{Bounds, Cutter, KeyVerdict, Verdict};
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::layout::{Layout, RapClass, Repair, Stream};
use crate::locate::Standing;
use crate::mux::pacing::Pacing;
use crate::report::Report;
use crate::time::MediaTime;
use crate::timeline::Times;
use crate::ts::Packet;

/// Collects a whole recording, or a segment of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) layout: Arc<Layout>,
    pub(super) cutter: Cutter,
    /// Where packets go.
    pub(super) outlet: Outlet,
    /// Where access units go instead, where MP4 is made.
    movie: Option<Movie>,
    held: Held,
    /// Where the packets of each stream go, of its PES that was understood last.
    routes: Vec<Route>,
    extent: Extent,
    is_closed: bool,
    /// Up to where the key stream has come, inside or outside.
    pub(super) reached: MediaTime,
    /// The DTS of the key stream's last that went out.
    decoded: Option<MediaTime>,
    /// What was dropped and kept, up to where it became MP4.
    pub(super) counted: Report,
}

/// Where the packets of a PES go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Out,
    Nowhere,
    Held,
}

impl From<Verdict> for Route {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Keep => Self::Out,
            Verdict::Drop | Verdict::Early => Self::Nowhere,
            Verdict::Hold => Self::Held,
        }
    }
}

/// What the cut rule says of a PES or an access unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub(super) route: Route,
    /// It is a RAP, and to be marked as one.
    pub(super) is_marked: bool,
    /// The first of the piece: what was held goes behind it.
    pub(super) is_begin: bool,
    /// The piece ends before it.
    pub(super) is_end: bool,
}

impl Piece {
    pub(super) fn new(
        layout: Arc<Layout>,
        bounds: Bounds,
        extent: Extent,
        outlet: Outlet,
        target: Target,
    ) -> Result<Self, Error> {
        let streams = layout.streams.len();
        let waits = |key: &Stream| key.codec.is_video() && key.repairs.contains(&Repair::NoTimes);
        let is_in_bursts = layout.streams.first().is_some_and(waits);
        Ok(Self {
            movie: Movie::new(&layout, target)?,
            cutter: Cutter::new(bounds, streams).in_bursts(is_in_bursts),
            outlet,
            held: Held::default(),
            routes: vec![Route::Nowhere; streams],
            extent,
            is_closed: false,
            reached: layout.zero,
            decoded: None,
            counted: Report::default(),
            layout,
        })
    }

    /// Hands out what was collected from `chunk`.
    pub(super) fn take(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        match &mut self.movie {
            Some(movie) => movie.take(out),
            None => self.outlet.take(chunk, out),
        }
    }

    /// What was dropped and kept.
    pub(super) fn report(&self) -> Report {
        let written = self.movie.as_ref().map(Movie::report).unwrap_or_default();
        written + &self.counted
    }

    /// Why no more can be made.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.movie.as_ref().and_then(Movie::failure)
    }

    /// What was measured, where that was asked for.
    pub(super) fn into_measured(self) -> Result<Option<Measured>, Error> {
        self.movie.map_or(Ok(None), Movie::into_measured)
    }

    fn put_unit(&mut self, unit: AccessUnit, is_marked: bool) {
        match &mut self.movie {
            Some(movie) => movie.put(&unit),
            None => self.outlet.put_unit(unit, is_marked),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    #[inline]
    pub(super) fn route(&self, number: usize) -> Route {
        self.routes[number]
    }

    /// Nothing of this stream goes out until its next PES.
    pub(super) fn mute(&mut self, number: usize) {
        self.routes[number] = Route::Nowhere;
    }

    /// Applies the cut rule to a PES, or an access unit, that starts at `offset`.
    pub(super) fn judge(&mut self, number: usize, departure: Departure, is_rap: bool, offset: u64) -> Judged {
        self.cutter.on_offset(offset);
        if let (KEY, Some(times)) = (number, departure.times) {
            self.reached = self.reached.max(times.pts + self.layout.frame_duration);
        }
        let (mut is_begin, mut is_end) = (false, false);
        let verdict = match departure.times {
            None => self.without_time(number),
            Some(times) if number != KEY => self.cutter.on_other(number, times.pts),
            Some(times) => match self.cutter.on_key(times.pts, times.dts, is_rap, offset) {
                KeyVerdict::Keep => {
                    // The key stream has come as far as some of what ran ahead of it.
                    self.release_held();
                    Verdict::Keep
                }
                KeyVerdict::Drop => Verdict::Drop,
                KeyVerdict::Begin => {
                    is_begin = true;
                    Verdict::Keep
                }
                KeyVerdict::End => {
                    is_end = true;
                    self.release_held();
                    Verdict::Drop
                }
            },
        };
        self.count(number, verdict);
        if let (Verdict::Keep, Some(times)) = (verdict, departure.times) {
            self.on_kept(number, times);
        }
        let route = Route::from(verdict);
        self.routes[number] = route;
        // Where every PES is a RAP only the first is marked as one.
        let is_marked = is_begin || is_rap && self.layout.rap_class != RapClass::AnyPes;
        Judged { route, is_marked, is_begin, is_end }
    }

    /// Something goes out now.
    fn on_kept(&mut self, number: usize, times: Times) {
        if number == KEY {
            self.decoded = Some(times.dts);
        } else if self.decoded.is_some_and(|decoded| Pacing::is_late(times.dts, decoded)) {
            self.counted.late += u64::from(!self.layout.streams[number].codec.is_metadata());
        }
    }

    /// A PES without a PTS goes where the one before it went.
    fn without_time(&self, number: usize) -> Verdict {
        match self.routes[number] {
            _ if number == KEY && self.cutter.is_inside() => Verdict::Keep,
            _ if number == KEY => Verdict::Drop,
            // Metadata without a time belongs where it stands.
            _ if self.layout.streams[number].codec.is_metadata() => {
                if self.cutter.is_inside() {
                    Verdict::Keep
                } else {
                    Verdict::Drop
                }
            }
            Route::Out => Verdict::Keep,
            Route::Nowhere => Verdict::Drop,
            Route::Held => Verdict::Hold,
        }
    }

    /// An access unit that goes into new packets.
    pub(super) fn on_unit(&mut self, unit: AccessUnit) {
        if self.is_closed {
            return;
        }
        let number = unit.stream;
        let is_rap = number == KEY && unit.is_boundary && unit.unit.is_rap(self.layout.rap_class);
        let departure = Departure { times: Some(unit.times), is_marked: false };
        let judged = self.judge(number, departure, is_rap, unit.offset);
        if let (true, Some(movie)) = (judged.is_end, &mut self.movie) {
            movie.on_next(&unit);
        }
        self.close_if_complete();
        match judged.route {
            Route::Nowhere => self.outlet.skip_unit(&unit),
            Route::Held => {
                self.make_way();
                let dropped = self.held.push_unit(unit);
                self.count_dropped(dropped);
            }
            Route::Out => {
                // Decoding can begin at every RAP of a copy, also where none of its segments can: it has its parameter sets.
                let is_rap = number == KEY && unit.unit.is_rap(self.layout.rap_class);
                let is_marked = judged.is_marked || is_rap && self.layout.rap_class != RapClass::AnyPes;
                self.put_unit(unit, is_marked);
                if judged.is_begin {
                    self.release_held();
                }
            }
        }
    }

    /// A PES begins to be held.
    pub(super) fn start_holding(&mut self, number: usize, departure: Departure) {
        if let Some(times) = departure.times {
            self.held.start(number, times.pts);
        }
    }

    /// The next packet of a PES that is held.
    pub(super) fn hold(&mut self, number: usize, packet: &Packet) {
        self.make_way();
        if self.routes[number] == Route::Out {
            return self.outlet.put(number, packet);
        }
        let dropped = self.held.push(number, packet);
        self.count_dropped(dropped);
    }

    /// Nothing that lies inside is dropped for waiting: where too much waits for the key stream, it no longer does.
    fn make_way(&mut self) {
        if let (true, Some(latest)) = (self.cutter.is_inside() && self.held.is_full(), self.held.latest()) {
            self.cutter.on_overflow(latest);
            self.release_held();
        }
    }

    fn count_dropped(&mut self, dropped: u64) {
        // Before the first RAP of a run the oldest are those that would be too early in any case.
        if self.cutter.is_first() && !self.cutter.has_begun() {
            self.counted.early += dropped;
        } else {
            self.counted.overflowed += dropped;
        }
    }

    /// The key stream has reached a bound: asks the cut rule again for all that is held.
    pub(super) fn release_held(&mut self) {
        if self.held.latest().is_none() {
            return;
        }
        let is_open = self.routes.iter().map(|&route| route == Route::Held).collect::<Vec<_>>();
        for item in self.held.take() {
            let (number, verdict) = (item.stream, self.cutter.verdict(item.pts));
            self.count(number, verdict);
            // The rest of a PES goes where its beginning went; the last one held of a stream is the one that goes on.
            if is_open[number] {
                self.routes[number] = Route::from(verdict);
            }
            match (verdict, item.content) {
                (Verdict::Hold, content) => self.held.put_back(super::held::HeldItem { content, ..item }),
                (Verdict::Keep, Content::Packets(packets)) => {
                    packets.iter().for_each(|packet| self.outlet.put(number, packet));
                }
                (Verdict::Keep, Content::Unit(unit)) => self.put_unit(*unit, false),
                (Verdict::Drop | Verdict::Early, _) => {}
            }
        }
    }

    fn count(&mut self, number: usize, verdict: Verdict) {
        let report = &mut self.counted;
        match verdict {
            Verdict::Early => report.early += 1,
            Verdict::Drop if number == KEY && !self.cutter.has_begun() && self.cutter.is_first() => {
                report.before_first_rap += 1;
            }
            Verdict::Keep if self.layout.streams[number].codec.is_video() => report.video_pes += 1,
            Verdict::Keep => report.other_pes += 1,
            Verdict::Drop | Verdict::Hold => {}
        }
    }

    /// The source has been read up to `offset`.
    pub(super) fn on_offset(&mut self, offset: u64) {
        self.cutter.on_offset(offset);
        self.close_if_complete();
    }

    pub(super) fn close_if_complete(&mut self) {
        if self.cutter.is_complete() && !self.is_closed {
            self.close();
        }
    }

    /// The source has ended.
    pub(super) fn finish(&mut self) {
        if self.is_closed {
            return;
        }
        self.cutter.on_end();
        if self.cutter.has_begun() {
            self.release_held();
        }
        self.close();
    }

    fn close(&mut self) {
        self.is_closed = true;
        if self.cutter.standing() == Standing::Late {
            return;
        }
        match &mut self.movie {
            Some(movie) => movie.close(),
            None => self.outlet.close(self.cutter.next_rap()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::To;
    use crate::es::Unit;
    use crate::layout::Codec;
    use crate::mp4::write::testing::{layout, picture, sound};

    /// What is left of the units of a piece, for this target.
    fn piece(target: Target) -> Piece {
        let layout = Arc::new(layout(&[Codec::H264, Codec::AacAdts]));
        let outlet = Outlet::new(Arc::clone(&layout), true, Extent::Whole);
        let bounds = Bounds { from: None, is_first: true, is_exact: false, to: To::End, may_be_late: false };
        let mut piece = Piece::new(layout, bounds, Extent::Whole, outlet, target).unwrap();
        piece.on_unit(picture(0, 0, 0, Unit::Idr, &[&[0x65, 1]]));
        piece.on_unit(picture(0, 3600, 3600, Unit::Picture, &[&[0x68, 1], &[0x41, 1]]));
        piece.on_unit(picture(0, 3600, 3600, Unit::Picture, &[&[0x41, 1]]));
        piece.on_unit(sound(1, 0, &[]));
        piece.finish();
        piece
    }

    #[test]
    fn what_mp4_cannot_say_is_reported() {
        let kept = Report { video_pes: 3, other_pes: 1, ..Report::default() };
        let written =
            Report { dropped_samples: 1, moved_samples: 1, other_parameter_sets: 1, ..kept.clone() };
        assert_eq!(piece(Target::Segment).report(), written);
        let measure = piece(Target::Measure);
        assert_eq!(measure.report(), kept, "nothing is written yet");
        let measured = measure.into_measured().unwrap().unwrap();
        assert_eq!(piece(Target::File(Box::new(measured))).report(), written);
        assert!(written.is_damaged());
    }
}
