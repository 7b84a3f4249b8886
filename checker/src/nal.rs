//! NAL units of a byte stream (H.264 Annex B, H.265 Annex B).

/// Whose NAL unit header it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

impl Codec {
    /// By `stream_type`.
    pub fn of(stream_type: u8) -> Option<Self> {
        match stream_type {
            0x1B => Some(Self::H264),
            0x24 => Some(Self::H265),
            _ => None,
        }
    }

    /// `nal_unit_type`.
    pub fn nal_type(self, unit: &[u8]) -> u8 {
        match self {
            Self::H264 => unit[0] & 0x1F,
            Self::H265 => unit[0] >> 1 & 0x3F,
        }
    }

    /// Whether it belongs to the base layer (H.265 §7.4.2.2: nuh_layer_id 0); what does not is nothing that its type says.
    fn is_base(self, unit: &[u8]) -> bool {
        self == Self::H264 || matches!(unit, [first, second, ..] if first & 1 == 0 && second >> 3 == 0)
    }

    /// Whether it is an access unit delimiter.
    pub fn is_delimiter(self, unit: &[u8]) -> bool {
        self.nal_type(unit) == if self == Self::H264 { 9 } else { 35 }
    }

    /// Whether it is a parameter set.
    pub fn is_parameter_set(self, unit: &[u8]) -> bool {
        match self {
            Self::H264 => matches!(self.nal_type(unit), 7 | 8 | 13 | 15),
            Self::H265 => matches!(self.nal_type(unit), 32..=34) && self.is_base(unit),
        }
    }

    /// Whether it is a slice.
    pub fn is_slice(self, unit: &[u8]) -> bool {
        match self {
            Self::H264 => matches!(self.nal_type(unit), 1 | 2 | 5),
            Self::H265 => self.nal_type(unit) < 32 && self.is_base(unit),
        }
    }

    /// Whether it is a slice that a picture begins with: first_mb_in_slice 0, or first_slice_segment_in_pic_flag.
    pub fn begins_picture(self, unit: &[u8]) -> bool {
        let header = if self == Self::H264 { 1 } else { 2 };
        self.is_slice(unit) && unit.get(header).is_some_and(|byte| byte & 0x80 != 0)
    }

    /// Whether it is a slice of a picture that decoding can begin with: IDR (H.264), IRAP (H.265).
    pub fn is_key(self, unit: &[u8]) -> bool {
        match self {
            Self::H264 => self.nal_type(unit) == 5,
            Self::H265 => matches!(self.nal_type(unit), 16..=23) && self.is_base(unit),
        }
    }

    /// Whether it is an SEI NAL unit with a recovery point message (H.264 D.1.8, H.265 D.2.8).
    pub fn has_recovery_point(self, unit: &[u8]) -> bool {
        let mut rest = match (self, self.nal_type(unit)) {
            (Self::H264, 6) => &unit[1..],
            (Self::H265, 39) => unit.get(2..).unwrap_or_default(),
            _ => return false,
        };
        while rest.len() > 2 {
            let Some((kind, size, body)) = message(rest) else { return false };
            if kind == 6 {
                return true;
            }
            rest = body.get(size..).unwrap_or_default();
        }
        false
    }
}

/// payload_type, payload_size and what follows of an SEI message.
fn message(bytes: &[u8]) -> Option<(usize, usize, &[u8])> {
    let number = |bytes: &[u8]| {
        let full = bytes.iter().take_while(|&&byte| byte == 0xFF).count();
        Some((full * 255 + usize::from(*bytes.get(full)?), full + 1))
    };
    let (kind, used) = number(bytes)?;
    let (size, more) = number(&bytes[used..])?;
    Some((kind, size, &bytes[used + more..]))
}

/// The NAL units of a byte stream, without start codes and without the zeros behind them. Empty ones are no units.
pub fn units(bytes: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= bytes.len() {
        match bytes[at..at + 3] {
            [0, 0, 1] => {
                starts.push(at);
                at += 3;
            }
            [_, _, last] if last > 1 => at += 3,
            _ => at += 1,
        }
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let strip = |unit: &'_ [u8]| unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &bytes[start + 3..end])
        .map(|unit| &unit[..strip(unit)])
        .filter(|unit| !unit.is_empty())
        .collect()
}
