//! Recordings of any length that exist only where they are read.

use super::mux::Mux;
use super::{AUDIO, Noise, VIDEO};

/// How one is made.
#[derive(Clone)]
pub struct Recipe {
    pub seconds: u64,
    /// Distances of key frames, in pictures; used in turn.
    pub gops: Vec<u64>,
    /// Bytes per second, for each second in turn.
    pub rates: Vec<u64>,
    /// PTS of the first picture.
    pub zero: u64,
    /// A clock that is set forward (or back) at a picture.
    pub jump: Option<(u64, i64)>,
    /// Pictures are decoded two ahead of their showing, every second after the next.
    pub has_b_pictures: bool,
    /// By how much sound lies behind the pictures of its time, in milliseconds; negative: before.
    pub trail: i64,
    /// By how much the clock of sound is ahead of that of the pictures.
    pub sound_clock: u64,
    /// 188, 192 or 204.
    pub stride: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seconds: 3600,
            gops: vec![50],
            rates: vec![530_000],
            zero: 1_000_000,
            jump: None,
            has_b_pictures: false,
            trail: 300,
            sound_clock: 0,
            stride: 188,
        }
    }
}

/// A PES.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    pub pid: u16,
    /// Unwrapped.
    pub pts: u64,
    pub dts: u64,
    pub is_rap: bool,
    /// What is added to its times where they are written.
    added: u64,
    /// Its first packet.
    packet: u64,
    packets: u64,
    /// Counter of its first packet.
    counter: u64,
}

pub struct Recording {
    pub units: Vec<Unit>,
    pub recipe: Recipe,
    tables: Vec<u8>,
    packets: u64,
}

const FRAME: u64 = 3600;
const SOUND: u64 = 11_520;
const TABLES: u64 = 2;

impl Recording {
    pub fn new(recipe: Recipe) -> Self {
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        let tables = Mux::of(&[(super::mux::H264, VIDEO), (super::mux::AAC, AUDIO)]).out;
        let (mut units, mut packet, mut counters) = (Vec::new(), TABLES, [0u64; 2]);
        let mut put =
            |units: &mut Vec<Unit>, is_video: bool, pts: u64, dts: u64, is_rap: bool, bytes: u64| {
                let packets = (bytes / 184).max(1);
                let counter = &mut counters[usize::from(!is_video)];
                let pid = if is_video { VIDEO } else { AUDIO };
                let added = if is_video { 0 } else { recipe.sound_clock };
                units.push(Unit { pid, pts, dts, is_rap, added, packet, packets, counter: *counter });
                *counter += packets;
                packet += packets;
            };
        let (mut gop, mut gops, mut next_rap) = (0, recipe.gops.iter().cycle(), 0);
        let mut sound = 0;
        for number in 0..recipe.seconds * 25 {
            let clock = number * FRAME;
            while (sound * SOUND) as i64 + recipe.trail * 90 <= clock as i64 {
                let pts = recipe.at(sound * SOUND, clock);
                put(&mut units, false, pts, pts, false, 552);
                sound += 1;
            }
            let is_rap = number == next_rap;
            if is_rap {
                gop = *gops.next().unwrap();
                next_rap += gop;
            }
            let rate = recipe.rates[(number / 25) as usize % recipe.rates.len()];
            // A key frame weighs ten pictures.
            let picture = rate * gop / 25 / (gop + 9);
            let bytes = if is_rap { picture * 10 } else { picture * (80 + noise.below(40) as u64) / 100 };
            let delay = match (recipe.has_b_pictures, (number + gop - next_rap) % 3) {
                (false, _) => 0,
                // I/P 3 frames, B 1 frame: P B B
                (true, 0) => 3,
                (true, _) => 0,
            };
            let dts = recipe.at(clock, clock);
            put(&mut units, true, dts + delay * FRAME, dts, is_rap, bytes);
        }
        Self { units, recipe, tables, packets: packet }
    }

    pub fn size(&self) -> u64 {
        self.packets * self.recipe.stride as u64
    }

    pub fn offset(&self, unit: &Unit) -> u64 {
        unit.packet * self.recipe.stride as u64 + if self.recipe.stride == 192 { 4 } else { 0 }
    }

    pub fn raps(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(|unit| unit.is_rap)
    }

    /// The bytes of a range.
    pub fn read(&self, range: std::ops::Range<u64>) -> Vec<u8> {
        let stride = self.recipe.stride as u64;
        let (first, last) = (range.start / stride, range.end.div_ceil(stride).min(self.packets));
        let mut out = Vec::with_capacity((range.end - range.start) as usize + 400);
        let mut at = self.units.partition_point(|unit| unit.packet <= first).saturating_sub(1);
        for packet in first..last {
            while self.units.get(at + 1).is_some_and(|next| next.packet <= packet) {
                at += 1;
            }
            if stride == 192 {
                out.extend([
                    (packet >> 24) as u8 & 0x3f,
                    (packet >> 16) as u8,
                    (packet >> 8) as u8,
                    packet as u8 & 0x3f,
                ]);
            }
            match self.tables.get(packet as usize * 188..packet as usize * 188 + 188) {
                Some(table) => out.extend(table),
                None => self.units[at].write(packet - self.units[at].packet, &mut out),
            }
            if stride == 204 {
                out.extend([0xaa; 16]);
            }
        }
        let skip = (range.start - first * stride) as usize;
        out.truncate((range.end - first * stride) as usize);
        out.drain(..skip);
        out
    }
}

impl Recipe {
    /// `clock` is that of the picture that is written at the time.
    fn at(&self, time: u64, clock: u64) -> u64 {
        let jumped = self.jump.filter(|&(from, _)| clock >= from * FRAME).map_or(0, |(_, by)| by);
        (self.zero + time).checked_add_signed(jumped).unwrap()
    }
}

impl Unit {
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let begin = out.len();
        let [high, low] = self.pid.to_be_bytes();
        let start = if number == 0 { 0x40 } else { 0 };
        let marks = if number == 0 && self.is_rap { &[1, 0x40][..] } else { &[] };
        let control = if marks.is_empty() { 0x10 } else { 0x30 };
        out.extend([0x47, high | start, low, control | (self.counter + number) as u8 & 15]);
        out.extend_from_slice(marks);
        if number == 0 {
            let time = |prefix: u8, time: u64| {
                let time = time + self.added;
                [
                    prefix << 4 | (time >> 29) as u8 & 14 | 1,
                    (time >> 22) as u8,
                    (time >> 14) as u8 | 1,
                    (time >> 7) as u8,
                    (time << 1) as u8 | 1,
                ]
            };
            let is_video = self.pid == VIDEO;
            out.extend([0, 0, 1, if is_video { 0xe0 } else { 0xc0 }, 0, 0, 0x80, 0xc0, 10]);
            out.extend(time(3, self.pts));
            out.extend(time(1, self.dts));
            match is_video {
                true => out.extend([0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, if self.is_rap { 0x65 } else { 0x41 }]),
                false => out.extend([0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc]),
            }
            // So that no PES is like another.
            out.extend([0x80 | (self.pts >> 21) as u8, 0x80 | (self.pts >> 14) as u8]);
        }
        // `resize` writes byte by byte.
        let rest = begin + 188 - out.len();
        out.extend_from_slice(&[0x80 | (self.counter + number) as u8 & 0x7f; 188][..rest]);
    }
}
