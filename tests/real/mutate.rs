//! Transport streams with the faults and habits of cameras and recorders, made out of sound ones.
//!
//! Two levels: [`packets`] edits a stream where it lies, packet by packet; [`mux`] writes a stream anew from its PES, for
//! what cannot be had by editing. [`nal`] edits what the pictures are made of.

pub(crate) mod mux;
pub(crate) mod nal;
pub(crate) mod packets;

/// Numbers that look random and are the same on every run (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}
