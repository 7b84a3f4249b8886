//! As much of an H.264 sequence parameter set (§7.3.2.1.1) as says whether pictures may be fields.

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// ue(v); that of se(v) has the same length.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.bits(zeros)?)
    }
}

/// Whether pictures of the sequence may be fields: frame_mbs_only_flag is 0.
pub(crate) fn may_have_fields(sps: &[u8]) -> Option<bool> {
    let rbsp = without_emulation_prevention(sps);
    let mut bits = Bits { bytes: &rbsp, at: 8 };
    let profile = bits.bits(8)?;
    bits.bits(16)?;
    bits.ue()?;
    if [100, 110, 122, 244, 44, 83, 86, 118, 128].contains(&profile) {
        let chroma = bits.ue()?;
        if chroma == 3 {
            bits.bit()?;
        }
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
        if bits.bit()? == 1 {
            scaling_lists(&mut bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.bit()?;
            bits.ue()?;
            bits.ue()?;
            for _ in 0..bits.ue()?.min(255) {
                bits.ue()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.bit()?;
    bits.ue()?;
    bits.ue()?;
    Some(bits.bit()? == 0)
}

/// §7.3.2.1.1.1.
fn scaling_lists(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    for list in 0..count {
        if bits.bit()? == 0 {
            continue;
        }
        let mut next = 8i64;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                let code = i64::from(bits.ue()?);
                let delta = if code % 2 == 1 { (code + 1) / 2 } else { -(code / 2) };
                next = (next + delta).rem_euclid(256);
            }
        }
    }
    Some(())
}

fn without_emulation_prevention(unit: &[u8]) -> Vec<u8> {
    let mut rbsp: Vec<u8> = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    rbsp
}
