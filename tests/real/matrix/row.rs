//! One case of the matrix, and what is expected of the engine.

use super::clips::PICTURES;

/// One case.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) input: Vec<u8>,
    /// The pictures that must arrive, bit for bit; `None` where the peers alone are the measure.
    pub(crate) pictures: Option<usize>,
    /// Packets that are lost for good: the output must show the holes.
    pub(crate) is_lossy: bool,
    /// What the engine's exit status must be, where that follows from the case.
    pub(crate) code: Option<i32>,
    /// What is not compared with the peers, for the reason that the row gives.
    pub(crate) apart: &'static [Column],
    /// Kinds of faults that the source has, and that nobody can mend.
    pub(crate) faults: &'static [&'static str],
    pub(crate) has_sound: bool,
    pub(crate) is_h265: bool,
}

/// A measured column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Good,
    Bad,
    Errors,
    Sound,
    Back,
    Hole,
    Mistimed,
    Sync,
    Reference,
}

pub(super) const LOSS: &[Column] = &[Column::Bad, Column::Errors, Column::Hole];
pub(super) const LOSS_OF_SOUND: &[Column] = &[Column::Bad, Column::Errors, Column::Hole, Column::Sound];

impl Row {
    pub(super) fn new(name: &'static str, input: Vec<u8>) -> Self {
        let pictures = Some(PICTURES);
        Self {
            name,
            input,
            pictures,
            is_lossy: false,
            code: Some(0),
            apart: &[],
            faults: &[],
            has_sound: true,
            is_h265: false,
        }
    }

    pub(super) fn pictures(self, pictures: impl Into<Option<usize>>) -> Self {
        Self { pictures: pictures.into(), ..self }
    }

    /// What is damaged stays, and the hole shows it: that is the engine's policy. Then more pictures are not whole than
    /// where they are dropped, and the decoder says so; and time that is lost is a hole in time.
    pub(super) fn lossy(self) -> Self {
        Self { pictures: None, is_lossy: true, code: Some(1), apart: LOSS, ..self }
    }

    pub(super) fn code(self, code: impl Into<Option<i32>>) -> Self {
        Self { code: code.into(), ..self }
    }

    pub(super) fn apart(self, apart: &'static [Column]) -> Self {
        Self { apart, ..self }
    }

    pub(super) fn silent(self) -> Self {
        Self { has_sound: false, ..self }
    }

    pub(super) fn h265(self) -> Self {
        Self { is_h265: true, ..self }
    }
}
