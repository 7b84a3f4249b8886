//! From packets to PES: the grid, the tables, the counters.

use std::collections::BTreeMap;

use crate::fault::{Kind, fault};
use crate::packet::{PACKET, Packet};
use crate::{Checked, Pes, tables};

#[derive(Default)]
struct Walk {
    checked: Checked,
    /// The last counter of a PID, and whether a payload came with it.
    counters: BTreeMap<u16, u8>,
    /// The PES that is open on a PID, by its place in `checked.pes`.
    open: BTreeMap<u16, usize>,
    /// PIDs whose next payload a discontinuity_indicator goes before.
    discontinuous: Vec<u16>,
    reference: Option<u64>,
    has_program: bool,
}

pub(crate) fn walk(pieces: &[&[u8]]) -> Checked {
    let mut walk = Walk::default();
    let mut base = 0;
    for (piece, bytes) in pieces.iter().enumerate() {
        walk.piece(piece, bytes, base);
        base += bytes.len();
    }
    for stream in walk.checked.program.streams.clone() {
        if walk.checked.of(stream.pid).next().is_none() {
            walk.fault(Kind::Undeclared, base, format!("PID {:#x} is declared and silent", stream.pid));
        }
    }
    walk.checked
}

impl Walk {
    fn fault(&mut self, kind: Kind, offset: usize, found: impl Into<String>) {
        fault(&mut self.checked.faults, kind, offset, found);
    }

    fn piece(&mut self, piece: usize, bytes: &[u8], base: usize) {
        if !bytes.len().is_multiple_of(PACKET) {
            self.fault(Kind::Grid, base + bytes.len(), format!("{} bytes", bytes.len()));
        }
        let pids: Vec<u16> = bytes.chunks(PACKET).take(2).filter_map(Packet::new).map(Packet::pid).collect();
        for (number, bytes) in bytes.chunks_exact(PACKET).enumerate() {
            let offset = base + number * PACKET;
            match Packet::new(bytes) {
                Some(packet) if packet.adaptation().is_some() => self.packet(packet, offset, piece),
                Some(_) => self.fault(Kind::Grid, offset, "adaptation field longer than the packet"),
                None => self.fault(Kind::Grid, offset, format!("{:#x} instead of a sync byte", bytes[0])),
            }
        }
        if pids.first() != Some(&0) || pids.get(1) != Some(&self.checked.program.pmt_pid) {
            self.fault(Kind::Tables, base, format!("piece {piece} begins with PIDs {pids:x?}"));
        }
    }

    fn packet(&mut self, packet: Packet<'_>, offset: usize, piece: usize) {
        let pid = packet.pid();
        if packet.has_error() || packet.is_scrambled() {
            self.fault(Kind::Flags, offset, format!("PID {pid:#x}: transport error or scrambling"));
        }
        let is_hole = self.count(packet, offset);
        if pid == 0 || self.has_program && pid == self.checked.program.pmt_pid {
            return self.table(packet, offset);
        }
        let program = &self.checked.program;
        if pid != program.pcr_pid && program.streams.iter().all(|stream| stream.pid != pid) {
            return self.fault(Kind::Undeclared, offset, format!("PID {pid:#x}"));
        }
        if packet.is_discontinuous() {
            self.discontinuous.push(pid);
        }
        if let Some(pcr) = packet.pcr() {
            if pid != program.pcr_pid {
                self.fault(Kind::Reference, offset, format!("clock reference on PID {pid:#x}"));
            } else {
                self.reference = Some(pcr);
                self.checked.clock.references.push((offset, pcr, packet.is_discontinuous()));
            }
        }
        if packet.has_payload() {
            self.payload(packet, offset, piece, is_hole);
        }
    }

    /// Follows the counter of a PID; whether packets are missing.
    fn count(&mut self, packet: Packet<'_>, offset: usize) -> bool {
        let (pid, counter) = (packet.pid(), packet.counter());
        let Some(last) = self.counters.insert(pid, counter) else { return false };
        let step = counter.wrapping_sub(last) & 0x0F;
        match (packet.has_payload(), step) {
            (true, 1) | (false, 0) => false,
            _ if packet.is_discontinuous() || self.discontinuous.contains(&pid) => false,
            (true, 0) => {
                self.fault(Kind::Counter, offset, format!("PID {pid:#x}: counter {counter} again"));
                false
            }
            (false, _) => {
                self.fault(Kind::Counter, offset, format!("PID {pid:#x}: a step without payload"));
                false
            }
            (true, _) => {
                self.checked.holes += 1;
                true
            }
        }
    }

    fn table(&mut self, packet: Packet<'_>, offset: usize) {
        let pid = packet.pid();
        if !packet.is_start() {
            return self.fault(Kind::Tables, offset, format!("PID {pid:#x}: a section of several packets"));
        }
        let known = self.has_program.then_some(self.checked.program.pmt_pid);
        let read = if pid == 0 {
            match tables::pat(packet.payload()) {
                Ok(pmt_pid) if known.is_some_and(|known| known != pmt_pid) => {
                    Err("another PMT PID".to_owned())
                }
                Ok(pmt_pid) => {
                    self.checked.program.pmt_pid = pmt_pid;
                    self.has_program = true;
                    Ok(())
                }
                Err(error) => Err(error),
            }
        } else {
            tables::pmt(packet.payload(), pid).and_then(|program| self.program(program))
        };
        if let Err(error) = read {
            self.fault(Kind::Tables, offset, format!("PID {pid:#x}: {error}"));
        }
    }

    fn program(&mut self, program: crate::Program) -> Result<(), String> {
        let known = &mut self.checked.program;
        if known.streams.is_empty() {
            *known = program;
        } else if *known != program {
            return Err(format!("the PMT changes: {program:x?}"));
        }
        Ok(())
    }

    fn payload(&mut self, packet: Packet<'_>, offset: usize, piece: usize, is_hole: bool) {
        let pid = packet.pid();
        if is_hole && let Some(&open) = self.open.get(&pid) {
            self.checked.pes[open].has_hole = true;
        }
        if packet.is_start() {
            self.open.insert(pid, self.checked.pes.len());
            self.checked.pes.push(Pes {
                pid,
                offset,
                piece,
                is_random_access: packet.is_random_access(),
                is_discontinuous: self.discontinuous.contains(&pid),
                reference: self.reference,
                ..Pes::default()
            });
        }
        self.discontinuous.retain(|&other| other != pid);
        let Some(&open) = self.open.get(&pid) else {
            // What follows a loss is all that is left of a PES.
            return if !is_hole {
                self.fault(Kind::Length, offset, format!("PID {pid:#x}: no PES start"))
            };
        };
        if let Err(error) = self.checked.pes[open].push(packet.payload()) {
            self.fault(Kind::Length, offset, format!("PID {pid:#x}: {error}"));
        }
    }
}
