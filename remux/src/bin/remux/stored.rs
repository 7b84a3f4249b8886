//! The index of a recording: made by a pass over it, or read from the file beside it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use remux::{Event, Index, Indexer, Wants};

use crate::input::Input;
use crate::{Failure, about};

/// An index and where it comes from.
pub(crate) struct Indexed {
    pub(crate) index: Index,
    /// The first events of the pass; none where the index was stored.
    pub(crate) events: Vec<Event>,
}

/// Where `remux index` puts the index of a recording: `.idx` behind its name.
pub(crate) fn beside(recording: &Path) -> PathBuf {
    let mut name = OsString::from(recording);
    name.push(".idx");
    PathBuf::from(name)
}

/// The index stored beside the recording, where there is one that fits; otherwise that of a pass over it.
pub(crate) fn obtain(input: &mut Input, path: &Path) -> Result<Indexed, Failure> {
    match stored(input, path) {
        Some(index) => Ok(Indexed { index, events: Vec::new() }),
        None => make(input, path),
    }
}

/// What stands in the file beside it: it has to be sound and of this version, to be of as many bytes as the recording has,
/// and to be not older. Anything else is as good as none.
fn stored(input: &Input, path: &Path) -> Option<Index> {
    let length = input.length()?;
    let stored = beside(path);
    let written = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if written(&stored)? < written(path)? {
        return None;
    }
    let index = Index::decode(&std::fs::read(stored).ok()?).ok()?;
    (index.size == length).then_some(index)
}

/// One pass over all of `input`.
pub(crate) fn make(input: &mut Input, path: &Path) -> Result<Indexed, Failure> {
    let in_input = about(path);
    input.show_progress("indexing", input.length());
    let mut indexer = input.length().map_or_else(Indexer::new, Indexer::with_size);
    let (mut buffer, mut offset) = (Vec::new(), 0);
    loop {
        let length = match indexer.wants() {
            Wants::Nothing => break,
            Wants::Next => u64::MAX,
            Wants::Range(range) => {
                offset = range.start;
                range.end - range.start
            }
        };
        input.read_into(offset, length, &mut buffer).map_err(|error| in_input(&error))?;
        if buffer.is_empty() {
            break;
        }
        indexer.push_at(offset, &buffer);
        offset += buffer.len() as u64;
    }
    input.hide_progress();
    let (index, events) = indexer.finish_with_events().map_err(|error| in_input(&error))?;
    Ok(Indexed { index, events })
}
