//! The keys of a session, and the commands that read and write them.
//!
//! | key | value |
//! |---|---|
//! | `playback:session:{id}` | the [session](super::wire) |
//! | `playback:hls:manifest:{id}` | its playlist |
//! | `playback:hls:segment:{id}:{index}` | which cut of which recording a segment is |
//! | `playback:keys:{id}` | bits: which segment keys have been written |
//!
//! Every command touches one key, for in a cluster the keys of a session lie on different nodes; each may be repeated without
//! harm. No key is ever without an end.

use redis::{Cmd, cmd};

use super::wire;
use crate::domain::{SessionId, WallTime};

/// `playback:session:{id}`
pub(super) fn session(id: SessionId) -> String {
    format!("playback:session:{}", id.reveal())
}

/// `playback:hls:manifest:{id}`
pub(super) fn manifest(id: SessionId) -> String {
    format!("playback:hls:manifest:{}", id.reveal())
}

/// `playback:hls:segment:{id}:{index}`
pub(super) fn segment(id: SessionId, index: u32) -> String {
    format!("playback:hls:segment:{}:{index}", id.reveal())
}

fn list(id: SessionId) -> String {
    format!("playback:keys:{}", id.reveal())
}

/// Keeps a value for a while.
pub(super) fn put(key: String, value: &str, millis: i64) -> Cmd {
    let mut command = cmd("SET");
    command.arg(key).arg(value).arg("PX").arg(millis);
    command
}

/// The same, unless there is one already.
pub(super) fn put_back(key: String, value: &str, millis: i64) -> Cmd {
    let mut command = put(key, value, millis);
    command.arg("NX");
    command
}

/// The session; empty where there is none.
pub(super) fn read(id: SessionId) -> Cmd {
    range(session(id), wire::MAX_BYTES)
}

/// The session's [head](wire::HEAD_BYTES); empty where there is no session.
pub(super) fn read_head(id: SessionId) -> Cmd {
    range(session(id), wire::HEAD_BYTES - 1)
}

fn range(key: String, last: usize) -> Cmd {
    let mut command = cmd("GETRANGE");
    command.arg(key).arg(0).arg(last);
    command
}

/// Moves the end of a session that has not ended, never to an earlier moment. Answers when it ends now, in the words of
/// [`wire::end_text`]; with nothing where there is none.
pub(super) fn renew(id: SessionId, now: WallTime, expires_at: WallTime) -> Cmd {
    let mut command = cmd("EVAL");
    command
        .arg(RENEW)
        .arg(1)
        .arg(session(id))
        .arg(wire::PREFIX)
        .arg(wire::end_text(now))
        .arg(wire::end_text(expires_at))
        .arg(millis(now, expires_at));
    command
}

/// Times in fixed width compare as text.
const RENEW: &str = "\
local head = redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] + #ARGV[3] - 1) \
if string.sub(head, 1, #ARGV[1]) ~= ARGV[1] then return '' end \
local ends = string.sub(head, #ARGV[1] + 1) \
if ends <= ARGV[2] then return '' end \
if ends >= ARGV[3] then return ends end \
redis.call('SETRANGE', KEYS[1], #ARGV[1], ARGV[3]) \
redis.call('PEXPIRE', KEYS[1], ARGV[4]) \
return ARGV[3]";

/// Remembers that a segment key is about to be written.
pub(super) fn remember(id: SessionId, index: u32, millis: i64) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(REMEMBER).arg(1).arg(list(id)).arg(index).arg(millis);
    command
}

const REMEMBER: &str = "\
redis.call('SETBIT', KEYS[1], ARGV[1], 1) \
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// Which segment keys have been written; read it with [`indices`].
pub(super) fn read_list(id: SessionId) -> Cmd {
    range(list(id), MAX_LIST_BYTES - 1)
}

/// A bit for each segment: enough for a week of segments of a fifth of a second.
const MAX_LIST_BYTES: usize = MAX_INDEX as usize / 8 + 1;

/// The highest number of a segment that is noted.
pub(super) const MAX_INDEX: u32 = (1 << 22) - 1;

/// The numbers of the bits that are set: the first of a byte is its highest.
pub(super) fn indices(list: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let bytes = (0_u32..).zip(list);
    bytes.flat_map(|(number, &byte)| {
        (0..8).filter(move |bit| byte & (0x80 >> bit) != 0).map(move |bit| number * 8 + bit)
    })
}

/// Every key of a session but the session itself, by its list.
pub(super) fn others(id: SessionId, indices: impl Iterator<Item = u32>) -> impl Iterator<Item = String> {
    let segments = indices.map(move |index| segment(id, index));
    // The list goes last: who is interrupted finds it again.
    std::iter::once(manifest(id)).chain(segments).chain(std::iter::once(list(id)))
}

/// All of a value that is short.
pub(super) fn read_all(key: String) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

/// Removes a key. Answers how many there were.
pub(super) fn remove(key: String) -> Cmd {
    let mut command = cmd("DEL");
    command.arg(key);
    command
}

/// Moves the end of a key.
pub(super) fn prolong(key: String, millis: i64) -> Cmd {
    let mut command = cmd("PEXPIRE");
    command.arg(key).arg(millis);
    command
}

/// From `now` to `end`, at least one: 0 would mean for ever, or an error.
pub(super) fn millis(now: WallTime, end: WallTime) -> i64 {
    (end - now).num_milliseconds().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_numbered_as_setbit_numbers_them() {
        assert_eq!(indices(&[0b1000_0001, 0, 0b0100_0000]).collect::<Vec<_>>(), [0, 7, 17]);
        assert_eq!(indices(&[]).count(), 0);
    }

    #[test]
    fn what_has_almost_ended_still_has_an_end() {
        assert_eq!(millis(WallTime::UNIX_EPOCH, WallTime::UNIX_EPOCH), 1);
    }
}
