//! Reading what the engine needs: the next bytes, or those that it asks for.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use remux::Remuxer;

use crate::input::Input;
use crate::{Failure, about};

/// Reads `range` of the recording, or what the engine wants instead, until it is complete or there is no more. `drain` takes
/// what comes out, and gives what was wanted last.
pub(crate) fn feed(
    input: &mut Input,
    path: &Path,
    remuxer: &mut Remuxer,
    range: Range<u64>,
    mut drain: impl FnMut(&mut Remuxer, &Input) -> Result<Option<Range<u64>>, Failure>,
) -> Result<(), Failure> {
    let in_input = about(path);
    let can_jump = input.length().is_some();
    let (mut next, mut is_wanted) = (range, false);
    loop {
        if let Some(wanted) = drain(remuxer, input)?
            && can_jump
        {
            // Its end says how far bytes would be of use, not that there are so many.
            (next, is_wanted) = (wanted, true);
        }
        if remuxer.is_complete() || next.is_empty() {
            break;
        }
        let chunk = input.read(next.start, next.end - next.start).map_err(|error| in_input(&error))?;
        if chunk.is_empty() && next.end != u64::MAX && !is_wanted {
            return Err(in_input(&"became shorter while it was read"));
        }
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len() as u64;
        remuxer.push(next.start, Bytes::from(chunk)).map_err(|error| in_input(&error))?;
        next.start += length;
    }
    remuxer.finish().map_err(|error| in_input(&error))?;
    drain(remuxer, input).map(drop)
}
