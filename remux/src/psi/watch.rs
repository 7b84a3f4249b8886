//! Following the PAT and the PMTs of a source, through changes of version.

use super::section::SectionAssembler;
use super::tables::{Pmt, Program, parse_pat, parse_pmt};
use crate::ts::{Header, Packet, Pid, payload};

/// What the source says about its programs right now.
#[derive(Debug, Clone, Default)]
pub(crate) struct PsiWatch {
    pat: SectionAssembler,
    programs: Vec<ProgramWatch>,
}

#[derive(Debug, Clone)]
struct ProgramWatch {
    program: Program,
    sections: SectionAssembler,
    /// The section taken last: one that is repeated needs no second look.
    section: Vec<u8>,
    pmt: Option<Pmt>,
}

/// Programs that are followed; a PAT section has room for 253.
const PROGRAMS: usize = 253;

impl PsiWatch {
    /// Takes a packet if it is of a PID that carries tables. Says whether a PMT is new or has changed.
    pub(crate) fn on_packet(&mut self, packet: &Packet) -> bool {
        let header = Header::of(packet);
        let (pid, unit_start) = (header.pid(), header.payload_unit_start_indicator());
        if pid == Pid::PAT {
            let programs = &mut self.programs;
            self.pat.on_payload(payload(packet), unit_start, |section| {
                if let Some(listed) = parse_pat(section) {
                    update_programs(programs, &listed);
                }
            });
            return false;
        }
        let mut changed = false;
        for watch in self.programs.iter_mut().filter(|watch| watch.program.pmt_pid == pid) {
            changed |= watch.on_payload(payload(packet), unit_start);
        }
        changed
    }

    /// The PIDs that carry tables.
    pub(crate) fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        std::iter::once(Pid::PAT).chain(self.programs.iter().map(|watch| watch.program.pmt_pid))
    }

    /// The programs in the order of the PAT; `None` where the PMT has not been seen yet.
    pub(crate) fn pmts(&self) -> impl Iterator<Item = Option<&Pmt>> {
        self.programs.iter().map(|watch| watch.pmt.as_ref())
    }

    /// The numbers of the programs that the PAT lists.
    pub(crate) fn programs(&self) -> impl Iterator<Item = u16> + '_ {
        self.programs.iter().map(|watch| watch.program.number)
    }

    /// Sections dropped for a wrong CRC or impossible lengths.
    pub(crate) fn damaged(&self) -> u64 {
        self.pat.damaged + self.programs.iter().map(|watch| watch.sections.damaged).sum::<u64>()
    }
}

/// Brings the list to what a PAT says; what is known of a program that stays is kept.
fn update_programs(programs: &mut Vec<ProgramWatch>, listed: &[Program]) {
    if programs.iter().map(|watch| &watch.program).eq(listed) {
        return;
    }
    let mut known = std::mem::take(programs);
    programs.extend(listed.iter().take(PROGRAMS).map(|&program| {
        match known.iter().position(|watch| watch.program == program) {
            Some(at) => known.swap_remove(at),
            None => ProgramWatch {
                program,
                sections: SectionAssembler::default(),
                section: Vec::new(),
                pmt: None,
            },
        }
    }));
}

impl ProgramWatch {
    fn on_payload(&mut self, payload: &[u8], unit_start: bool) -> bool {
        let mut changed = false;
        let Self { program, sections, section: last, pmt } = self;
        sections.on_payload(payload, unit_start, |section| {
            if section == last.as_slice() {
                return;
            }
            let parsed = parse_pmt(section).filter(|parsed| parsed.program_number == program.number);
            if let Some(parsed) = parsed {
                changed |= pmt.as_ref().is_none_or(|before| before.streams != parsed.streams);
                *pmt = Some(parsed);
                *last = section.to_vec();
            }
        });
        changed
    }
}
