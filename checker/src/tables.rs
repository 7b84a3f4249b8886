//! PAT and PMT (H.222.0 §2.4.4), one packet each.

/// What a PMT declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Where the PMT lies.
    pub pmt_pid: u16,
    /// Where the clock references lie.
    pub pcr_pid: u16,
    /// The streams, in their order.
    pub streams: Vec<Stream>,
}

/// One line of a PMT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Its PID.
    pub pid: u16,
    /// Its `stream_type`.
    pub stream_type: u8,
}

/// The PID of the PMT, if the payload is the section of a PAT with one program and nothing else.
pub(crate) fn pat(payload: &[u8]) -> Result<u16, String> {
    let body = section(payload, 0x00)?;
    match body {
        [_, number, high, low] if *number != 0 => Ok(u16::from_be_bytes([*high, *low]) & 0x1FFF),
        _ => Err(format!("PAT with {} bytes of programs", body.len())),
    }
}

/// The program, if the payload is the section of a PMT.
pub(crate) fn pmt(payload: &[u8], pmt_pid: u16) -> Result<Program, String> {
    let body = section(payload, 0x02)?;
    let [high, low, info_high, info_low, rest @ ..] = body else { return Err("short PMT".into()) };
    let number = |high: &u8, low: &u8, mask: u16| u16::from_be_bytes([*high, *low]) & mask;
    let mut program = Program { pmt_pid, pcr_pid: number(high, low, 0x1FFF), streams: Vec::new() };
    let mut rest =
        rest.get(usize::from(number(info_high, info_low, 0x0FFF))..).ok_or("program_info too long")?;
    while let [stream_type, high, low, info_high, info_low, more @ ..] = rest {
        program.streams.push(Stream { pid: number(high, low, 0x1FFF), stream_type: *stream_type });
        rest = more.get(usize::from(number(info_high, info_low, 0x0FFF))..).ok_or("ES_info too long")?;
    }
    Ok(program)
}

/// The part of a section between `last_section_number` and the checksum.
fn section(payload: &[u8], table_id: u8) -> Result<&[u8], String> {
    let [0, section @ ..] = payload else { return Err("pointer_field is not 0".into()) };
    let [id, high, low, ..] = section else { return Err("no section".into()) };
    let length = 3 + usize::from(u16::from_be_bytes([*high, *low]) & 0x0FFF);
    if *id != table_id || high & 0xF0 != 0xB0 {
        return Err(format!("table_id {id:#x}, flags {high:#x}"));
    }
    let whole = section.get(..length).filter(|_| length >= 12).ok_or("section longer than its packet")?;
    if crc(whole) != 0 {
        return Err("wrong CRC".into());
    }
    if section[length..].iter().any(|&byte| byte != 0xFF) {
        return Err("something behind the section".into());
    }
    Ok(&whole[8..length - 4])
}

/// CRC-32/MPEG-2, bit by bit; 0 over a section with its checksum.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    })
}
