//! Takes the access unit delimiters out of H.264 in a transport stream, for benchmarks: cameras leave them out, muxers at
//! hand do not. The packets stay as many; stuffing takes the place. `undelimit IN OUT`

use std::fs::File;
use std::io::{Read, Write};

use remux::ts::PACKET;

const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0xf0];

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("undelimit IN OUT"));
    };
    let (mut input, mut output) = (File::open(input)?, File::create(output)?);
    let mut buffer = vec![0; 1400 * PACKET];
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match input.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(());
        }
        buffer[..filled].chunks_exact_mut(PACKET).for_each(undelimit);
        output.write_all(&buffer[..filled])?;
    }
}

/// A packet that a PES begins in loses the delimiter behind the header.
fn undelimit(packet: &mut [u8]) {
    let payload = if packet[3] & 0x20 == 0 { 4 } else { 5 + usize::from(packet[4]) };
    let Some(&[0, 0, 1, 0xe0..=0xef, _, _, _, _, fields]) = packet.get(payload..payload + 9) else { return };
    let data = payload + 9 + usize::from(fields);
    // Many muxers write the primary_pic_type that fits the picture.
    let begins_with = |bytes: &[u8]| bytes.starts_with(&DELIMITER[..5]) && bytes.len() > DELIMITER.len();
    if packet[1] & 0x40 == 0 || !packet.get(data..).is_some_and(begins_with) {
        return;
    }
    packet.copy_within(payload..data, payload + DELIMITER.len());
    if packet[3] & 0x20 == 0 {
        packet[3] |= 0x20;
        packet[4..6].copy_from_slice(&[DELIMITER.len() as u8 - 1, 0]);
        packet[6..payload + DELIMITER.len()].fill(0xff);
    } else {
        packet[4] += DELIMITER.len() as u8;
        packet[payload..payload + DELIMITER.len()].fill(0xff);
    }
}
