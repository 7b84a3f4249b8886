//! Indexes beside the files.

use std::io::{self, Read};

use remux::index::Index;
use tracing::{debug, warn};

use super::super::index_beside::{LARGEST, SUFFIX, Unfit, check_size, decode};
use super::root::{Root, Stamp};

#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("it is older than the recording")]
    Older,
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The index beside the file at `path`, which is as `stamp` says, where there is one that can be used. Blocks.
pub(super) fn index(root: &Root, path: &str, stamp: Stamp) -> Option<Index> {
    match read(root, path, stamp) {
        Ok(index) => {
            debug!(recording = path, "index found beside it");
            Some(index)
        }
        Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(reason) => {
            warn!(recording = path, %reason, "index beside a recording not used");
            None
        }
    }
}

fn read(root: &Root, path: &str, stamp: Stamp) -> Result<Index, Unread> {
    let (file, written) = root.open(&format!("{path}{SUFFIX}"))?;
    if written.modified < stamp.modified {
        return Err(Unread::Older);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unfit::TooLarge.into());
    }
    let index = decode(&bytes)?;
    check_size(&index, stamp.size)?;
    Ok(index)
}
