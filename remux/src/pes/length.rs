//! What PES say of their own length, `PES_packet_length`, and what comes of it (H.222.0 §2.4.3.7).

use crate::ts::{PACKET, Packet};

/// How long a PES is in all by its own account. Its first bytes must be there; `None` where it says 0: until the next begins.
pub(crate) fn told(pes: &[u8]) -> Option<usize> {
    let &[_, _, _, _, high, low] = pes.first_chunk()?;
    let length = usize::from(high) << 8 | usize::from(low);
    (length > 0).then_some(BEGINNING + length)
}

/// Bytes up to the end of `PES_packet_length`.
const BEGINNING: usize = 6;

/// What a packet holds besides its header.
const ROW_PAYLOAD: usize = PACKET - 4;

/// Compares the PES of one stream with what they say.
#[derive(Debug, Clone)]
pub(crate) struct LengthWatch {
    /// Only pictures may leave it open.
    may_be_open: bool,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// No PES has begun, packets of it are missing, or it says nothing.
    Unknown,
    /// So many bytes have come, which do not say it yet.
    Beginning([u8; BEGINNING], usize),
    /// So many are still to come, and fewer than 0 have been too many.
    Left(i64),
    /// It should say how long it is.
    Missing,
}

impl LengthWatch {
    /// Of a stream of pictures, or another.
    pub(crate) fn new(is_video: bool) -> Self {
        Self { may_be_open: is_video, state: State::Unknown }
    }

    /// The payload of the next packet. Says whether the PES that ends before it was of another length than it said.
    #[inline]
    pub(crate) fn on_payload(&mut self, payload: &[u8], is_start: bool) -> bool {
        if !is_start && matches!(self.state, State::Unknown) {
            return false;
        }
        let was_wrong = is_start && matches!(self.state, State::Missing | State::Left(..=-1 | 1..));
        if is_start {
            self.state = State::Beginning([0; BEGINNING], 0);
        }
        self.count(payload);
        was_wrong
    }

    /// The next packets, which are nothing but payload and begin no PES.
    #[inline]
    pub(crate) fn on_row(&mut self, row: &[Packet]) {
        match &mut self.state {
            State::Left(left) => *left -= (row.len() * ROW_PAYLOAD) as i64,
            State::Unknown | State::Missing => {}
            State::Beginning(..) => row.iter().for_each(|packet| self.count(&packet[PACKET - ROW_PAYLOAD..])),
        }
    }

    fn count(&mut self, payload: &[u8]) {
        match &mut self.state {
            State::Left(left) => *left -= payload.len() as i64,
            State::Beginning(begun, count) => {
                let (room, seen) = (&mut begun[*count..], *count + payload.len());
                let here = room.len().min(payload.len());
                room[..here].copy_from_slice(&payload[..here]);
                *count += here;
                if *count == BEGINNING {
                    self.state = match told(begun) {
                        Some(told) => State::Left(told as i64 - seen as i64),
                        None if self.may_be_open => State::Unknown,
                        None => State::Missing,
                    };
                }
            }
            State::Unknown | State::Missing => {}
        }
    }

    /// Packets are missing here.
    pub(crate) fn on_loss(&mut self) {
        self.state = State::Unknown;
    }

    /// The source ends; where it does so inside of a PES, that is not for the PES to say. Says whether it was of another
    /// length all the same.
    pub(crate) fn finish(&mut self) -> bool {
        matches!(std::mem::replace(&mut self.state, State::Unknown), State::Missing | State::Left(..=-1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these PES are of another length than they say; the last one ends with the source.
    fn wrong(is_video: bool, packets: &[(bool, &[u8])]) -> Vec<bool> {
        let mut watch = LengthWatch::new(is_video);
        let said = packets.iter().map(|&(is_start, payload)| watch.on_payload(payload, is_start));
        let mut said: Vec<bool> = said.collect();
        said.push(watch.finish());
        said
    }

    const SOUND: &[u8] = &[0, 0, 1, 0xc0, 0, 4, 0x80, 0, 0, 7];

    #[test]
    fn too_short_too_long_and_right() {
        let split: [(bool, &[u8]); 4] =
            [(true, &SOUND[..2]), (false, &SOUND[2..8]), (false, &SOUND[8..]), (true, SOUND)];
        assert_eq!(wrong(false, &split), [false; 5]);
        assert_eq!(wrong(false, &[(true, &SOUND[..9]), (true, SOUND)]), [false, true, false]);
        assert_eq!(wrong(false, &[(true, SOUND), (false, &[1]), (true, SOUND)]), [false, false, true, false]);
        assert_eq!(wrong(false, &[(true, SOUND), (false, &[1])]), [false, false, true]);
        assert_eq!(wrong(false, &[(true, &SOUND[..9])]), [false, false], "the source ends in it");
    }

    #[test]
    fn only_pictures_may_say_nothing() {
        let open = [&[0, 0, 1, 0xc0, 0, 0][..], &SOUND[6..]].concat();
        assert_eq!(wrong(true, &[(true, &open), (true, &open)]), [false; 3]);
        assert_eq!(wrong(false, &[(true, &open), (true, &open)]), [false, true, true]);
    }

    #[test]
    fn what_a_loss_has_torn_says_nothing() {
        let mut watch = LengthWatch::new(false);
        watch.on_payload(&SOUND[..8], true);
        watch.on_loss();
        assert!(!watch.on_payload(SOUND, true));
    }
}
