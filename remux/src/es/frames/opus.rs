//! Opus: packets (RFC 6716 §3.1), their control header in transport streams, and their configuration in MP4.

use super::{Frame, Look};
use crate::bits::Bits;

/// The clock of Opus, whatever was recorded.
pub(crate) const SAMPLE_RATE: u32 = 48_000;

/// Samples of a packet: 120 ms (RFC 6716 §3.2.5).
const MOST_SAMPLES: u32 = 5760;

/// Samples of a packet at 48 kHz (RFC 6716 §3.1, tables 2 to 4); `None` where it is none.
pub(crate) fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config % 4], // SILK: 10 to 60 ms
        12..16 => [480, 960][config % 2],            // hybrid: 10 and 20 ms
        _ => [120, 240, 480, 960][config % 4],       // CELT: 2.5 to 20 ms
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * count).filter(|samples| (1..=MOST_SAMPLES).contains(samples))
}

/// Looks at the packet behind its opus_control_header that `bytes` begin with: prefix 0x3ff, flags, au_size, trims, as
/// the draft "Opus in MPEG-TS" has them, which encoders and players follow.
pub(crate) fn frame(bytes: &[u8]) -> Look {
    if matches!(bytes, [first, ..] if *first != 0x7f)
        || matches!(bytes, [_, second, ..] if second & 0xe0 != 0xe0)
    {
        return Look::Bad;
    }
    let Some((header, size)) = control_header(bytes) else { return Look::More };
    let Some(packet) = bytes.get(header..) else { return Look::More };
    // Two bytes of a packet tell how long it is.
    let look = &packet[..packet.len().min(size)];
    match samples(look) {
        Some(samples) => Look::Frame(Frame {
            header,
            length: header.saturating_add(size),
            samples,
            sample_rate: SAMPLE_RATE,
            channels: 0,
            continues: false,
        }),
        None if look.len() < size.min(2) => Look::More,
        None => Look::Bad,
    }
}

/// Bytes of a control header, and of the packet behind it; `None` where it is not complete.
fn control_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut bits = Bits::new(bytes.iter().copied());
    bits.skip(11)?; // control_header_prefix
    let (start_trim, end_trim, extension) = (bits.flag()?, bits.flag()?, bits.flag()?);
    bits.skip(2)?; // reserved
    let mut size = 0usize;
    loop {
        let byte = bits.bits(8)?;
        size = size.saturating_add(byte as usize);
        if byte != 0xff {
            break;
        }
    }
    // Three bits reserved and thirteen of trim each.
    bits.skip(16 * (u32::from(start_trim) + u32::from(end_trim)))?;
    if extension {
        let length = bits.bits(8)?;
        bits.skip(8 * length)?;
    }
    Some((bits.position() / 8, size))
}

/// The body of an OpusSpecificBox (Encapsulation of Opus in ISO Base Media File Format §4.3.2) for a stream of
/// `channels` in the mapping of its channel_config_code in a transport stream, 1 to 8; 0 is dual mono.
pub(crate) fn specific_box(channel_config_code: u8) -> Option<Vec<u8>> {
    // RFC 7845 §5.1.1.2: streams, coupled streams and the order of channels.
    const MAPPINGS: [(u8, u8, &[u8]); 9] = [
        (1, 1, &[0, 1]),
        (1, 0, &[0]),
        (1, 1, &[0, 1]),
        (2, 1, &[0, 2, 1]),
        (2, 2, &[0, 1, 2, 3]),
        (3, 2, &[0, 4, 1, 2, 3]),
        (4, 2, &[0, 4, 1, 2, 3, 5]),
        (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
        (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
    ];
    let &(streams, coupled, mapping) = MAPPINGS.get(usize::from(channel_config_code))?;
    let family = match channel_config_code {
        0 => 255,
        1 | 2 => 0,
        _ => 1,
    };
    // Version, OutputChannelCount, PreSkip (a transport stream says what to trim in band), InputSampleRate,
    // OutputGain, ChannelMappingFamily.
    let mut body = vec![0, mapping.len() as u8, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, family];
    if family != 0 {
        body.extend([streams, coupled]);
        body.extend(mapping);
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_every_kind() {
        let table: [(&[u8], Option<u32>); 9] = [
            (&[0x18], Some(2880)),       // SILK 60 ms
            (&[0x78], Some(960)),        // hybrid 20 ms
            (&[0x80], Some(120)),        // CELT 2.5 ms
            (&[0xfc], Some(960)),        // CELT 20 ms
            (&[0xfd], Some(1920)),       // two frames
            (&[0xff, 0x03], Some(2880)), // three frames
            (&[0xff, 0x07], None),       // 140 ms
            (&[0xff], None),
            (&[0xff, 0x00], None),
        ];
        for (packet, expected) in table {
            assert_eq!(samples(packet), expected, "{packet:02x?}");
        }
    }

    #[test]
    fn control_headers() {
        let plain = [0x7f, 0xe0, 0x02, 0xfc, 0x01];
        let frame = |bytes: &[u8]| {
            super::frame(bytes).frame().map(|frame| (frame.header, frame.length, frame.samples))
        };
        assert_eq!(frame(&plain), Some((3, 5, 960)));
        let trimmed = [0x7f, 0xf8, 0xff, 0x01, 0x01, 0x38, 0x00, 0x10, 0xfc, 0x01];
        assert_eq!(frame(&trimmed), Some((8, 8 + 256, 960)));
        let extended = [0x7f, 0xe4, 0x01, 0x02, 0xaa, 0xbb, 0x80];
        assert_eq!(frame(&extended), Some((6, 7, 120)));
        assert_eq!(super::frame(&plain[..3]), Look::More);
        assert_eq!(super::frame(&trimmed[..7]), Look::More);
        assert_eq!(super::frame(&[0x7f]), Look::More);
        assert_eq!(super::frame(&[0x7f, 0xc0, 0x02, 0xfc]), Look::Bad);
        assert_eq!(super::frame(&[0xfc]), Look::Bad);
        assert_eq!(super::frame(&[0x7f, 0xe0, 0x00, 0xfc]), Look::Bad, "an empty packet");
    }

    #[test]
    fn configurations() {
        assert_eq!(specific_box(2).unwrap(), [0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]);
        assert_eq!(specific_box(6).unwrap()[10..], [1, 4, 2, 0, 4, 1, 2, 3, 5]);
        assert_eq!(specific_box(9), None);
    }
}
