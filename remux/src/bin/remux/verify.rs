//! `--verify`: the output, read back by the `mpeg2ts` crate, which refuses whatever is not by the book.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::{Buf, Bytes};
use mpeg2ts::ts::{ReadTsPacket, TsPacket, TsPacketReader, TsPayload};

use crate::Failure;

/// Reads in a thread of its own what is written to it.
pub(crate) struct Verifier {
    pieces: SyncSender<Bytes>,
    thread: JoinHandle<Result<(), String>>,
}

/// Pieces that may wait to be read.
const BACKLOG: usize = 64;

impl Verifier {
    pub(crate) fn start() -> Self {
        let (pieces, receiver) = sync_channel(BACKLOG);
        let thread = std::thread::spawn(move || verify(Pieces { receiver, current: Bytes::new() }));
        Self { pieces, thread }
    }

    /// The next bytes of the output.
    pub(crate) fn write(&self, bytes: Bytes) {
        // A reader that has given up says why in `finish`.
        let _ = self.pieces.send(bytes);
    }

    /// The end of the output: what is wrong with it.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        drop(self.pieces);
        let verdict = self.thread.join().map_err(|_| "verify: the independent parser broke down")?;
        verdict.map_err(|what| format!("verify: {what}").into())
    }
}

fn verify(pieces: Pieces) -> Result<(), String> {
    let mut reader = TsPacketReader::new(pieces);
    let mut counters: HashMap<u16, u8> = HashMap::new();
    let mut number = 0u64;
    loop {
        let at = |what: &dyn std::fmt::Display| {
            format!("packet {number} (byte {}): {what}", number * TsPacket::SIZE as u64)
        };
        let Some(packet) = reader.read_ts_packet().map_err(|error| at(&error))? else { break };
        match (number, &packet.payload) {
            (0, Some(TsPayload::Pat(_))) | (1, Some(TsPayload::Pmt(_))) | (2.., _) => {}
            _ => return Err(at(&"PAT and PMT do not come first")),
        }
        let (pid, counter) = (packet.header.pid.as_u16(), packet.header.continuity_counter.as_u8());
        let step = u8::from(packet.payload.is_some());
        if let Some(last) = counters.insert(pid, counter)
            && (last + step) & 0x0f != counter
        {
            // The source's own holes stay visible; they are in the report.
            eprintln!(
                "remux: verify: {}",
                at(&format_args!("continuity_counter of PID 0x{pid:x} steps from {last} to {counter}"))
            );
        }
        number += 1;
    }
    if number == 0 { Err("no packets".to_owned()) } else { Ok(()) }
}

/// What is written, as a reader.
struct Pieces {
    receiver: Receiver<Bytes>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Ok(next) = self.receiver.recv() else { return Ok(0) };
            self.current = next;
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
