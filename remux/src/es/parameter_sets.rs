//! Parameter sets by kind and id: what a decoder has been told, and what a picture that decoding may begin at still lacks.

use super::{h264, h265};
use crate::layout::{Codec, Setup};
use crate::limits;

/// Which parameter set a NAL unit is: a later one of the same kind and id takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SetId {
    /// nal_unit_type; in the order in which sets refer to each other: VPS, SPS, PPS.
    pub(crate) kind: u8,
    /// Its id.
    pub(crate) id: u32,
}

/// The parameter sets of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    /// In order of kind and id.
    sets: Vec<(SetId, Vec<u8>)>,
}

/// Which parameter set a NAL unit of this codec is; `None` where it is none.
pub(crate) fn set_id(codec: Codec, nal: &[u8]) -> Option<SetId> {
    match codec {
        Codec::H264 => h264::set_id(nal),
        Codec::H265 => h265::set_id(nal),
        _ => None,
    }
}

impl ParameterSets {
    /// Those of a layout.
    pub(crate) fn from_setup(codec: Codec, setup: &Setup) -> Self {
        let mut sets = Self::default();
        if let Setup::ParameterSets(nals) = setup {
            nals.iter().for_each(|nal| sets.learn(codec, nal));
        }
        sets
    }

    /// As a layout has them.
    pub(crate) fn to_setup(&self) -> Setup {
        match self.sets.is_empty() {
            true => Setup::None,
            false => Setup::ParameterSets(self.sets.iter().map(|(_, nal)| nal.clone()).collect()),
        }
    }

    /// Takes a NAL unit, if it is a parameter set. Past [`limits::PARAMETER_SETS`] those with new ids are not kept.
    pub(crate) fn learn(&mut self, codec: Codec, nal: &[u8]) {
        let Some(id) = set_id(codec, nal) else { return };
        if nal.len() > limits::PARAMETER_SET {
            return;
        }
        match self.sets.binary_search_by_key(&id, |&(id, _)| id) {
            Ok(at) if self.sets[at].1 == nal => {}
            Ok(at) => self.sets[at].1 = nal.to_vec(),
            Err(at) if self.sets.len() < limits::PARAMETER_SETS => self.sets.insert(at, (id, nal.to_vec())),
            Err(_) => {}
        }
    }

    /// Takes all of them that are parameter sets.
    pub(crate) fn learn_all<'a>(&mut self, codec: Codec, nals: impl Iterator<Item = &'a [u8]>) {
        nals.for_each(|nal| self.learn(codec, nal));
    }

    /// Takes a NAL unit, if it is a parameter set with an id that is not known.
    pub(crate) fn learn_new(&mut self, codec: Codec, nal: &[u8]) {
        let is_known = set_id(codec, nal).is_none_or(|id| self.sets.iter().any(|&(known, _)| known == id));
        if !is_known {
            self.learn(codec, nal);
        }
    }

    /// In order of kind and id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.iter().map(|(_, nal)| nal.as_slice())
    }

    /// The kinds that there are.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = u8> {
        self.sets.iter().map(|&(id, _)| id.kind)
    }

    /// Those that are not among `nals`.
    pub(crate) fn missing_from<'a>(&self, codec: Codec, nals: impl Iterator<Item = &'a [u8]>) -> Vec<&[u8]> {
        let present: Vec<SetId> = nals.filter_map(|nal| set_id(codec, nal)).collect();
        let missing = self.sets.iter().filter(|(id, _)| !present.contains(id));
        missing.map(|(_, nal)| nal.as_slice()).collect()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}
