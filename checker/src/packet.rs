//! Transport stream packets (H.222.0 §2.4.3.2 to §2.4.3.5).

/// Bytes of a packet.
pub const PACKET: usize = 188;

/// A packet that begins with a sync byte.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a>(&'a [u8; PACKET]);

impl<'a> Packet<'a> {
    /// The packet in these bytes, if they begin with a sync byte.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.first_chunk().filter(|bytes| bytes[0] == 0x47).map(Self)
    }

    /// transport_error_indicator.
    pub fn has_error(self) -> bool {
        self.0[1] & 0x80 != 0
    }

    /// payload_unit_start_indicator.
    pub fn is_start(self) -> bool {
        self.0[1] & 0x40 != 0
    }

    /// The PID.
    pub fn pid(self) -> u16 {
        u16::from_be_bytes([self.0[1], self.0[2]]) & 0x1FFF
    }

    /// Whether transport_scrambling_control is not 0.
    pub fn is_scrambled(self) -> bool {
        self.0[3] & 0xC0 != 0
    }

    /// Whether adaptation_field_control announces a payload.
    pub fn has_payload(self) -> bool {
        self.0[3] & 0x10 != 0
    }

    /// continuity_counter.
    pub fn counter(self) -> u8 {
        self.0[3] & 0x0F
    }

    /// What follows adaptation_field_length; empty without an adaptation field, `None` where it leaves the packet.
    pub fn adaptation(self) -> Option<&'a [u8]> {
        if self.0[3] & 0x20 == 0 {
            return Some(&[]);
        }
        let length = usize::from(self.0[4]);
        let most = if self.has_payload() { 182 } else { 183 };
        (length <= most).then(|| &self.0[5..5 + length])
    }

    /// The payload; empty where there is none.
    pub fn payload(self) -> &'a [u8] {
        let begin = if self.0[3] & 0x20 == 0 { 4 } else { 5 + usize::from(self.0[4]) };
        if self.has_payload() { self.0.get(begin..).unwrap_or_default() } else { &[] }
    }

    fn flag(self, bit: u8) -> bool {
        self.adaptation().and_then(<[u8]>::first).is_some_and(|flags| flags & bit != 0)
    }

    /// discontinuity_indicator.
    pub fn is_discontinuous(self) -> bool {
        self.flag(0x80)
    }

    /// random_access_indicator.
    pub fn is_random_access(self) -> bool {
        self.flag(0x40)
    }

    /// The clock reference on the 27 MHz clock.
    pub fn pcr(self) -> Option<u64> {
        let field = self.adaptation().filter(|_| self.flag(0x10))?.get(1..7)?;
        let base = field[..4].iter().fold(0, |base, &byte| base << 8 | u64::from(byte)) << 1
            | u64::from(field[4] >> 7);
        Some(base * 300 + (u64::from(field[4] & 1) << 8 | u64::from(field[5])))
    }
}
