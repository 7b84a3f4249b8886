//! The least that a remuxer could do: read, look at every packet's header and write one field, write out. What `remux copy`
//! is compared with. `touch IN OUT`

use std::fs::File;
use std::io::{Read, Write};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("touch IN OUT"));
    };
    let (mut input, mut output) = (File::open(input)?, File::create(output)?);
    // A multiple of the packet length, so that no packet is torn.
    let mut buffer = vec![0; 1400 * remux::ts::PACKET];
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
        for packet in buffer[..filled].chunks_exact_mut(remux::ts::PACKET) {
            packet[1] = packet[1] & 0xe0 | u8::from(packet[0] == remux::ts::SYNC_BYTE);
        }
        output.write_all(&buffer[..filled])?;
    }
}
