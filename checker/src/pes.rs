//! PES packets (H.222.0 §2.4.3.6 and §2.4.3.7).

/// A PES with its payload.
#[derive(Debug, Clone, Default)]
pub struct Pes {
    /// Its PID.
    pub pid: u16,
    /// Where its first packet lies.
    pub offset: usize,
    /// The piece it begins in.
    pub piece: usize,
    /// PTS as it stands there, 33 bits.
    pub pts: Option<u64>,
    /// DTS as it stands there; the PTS where there is none.
    pub dts: Option<u64>,
    /// The payload behind the header.
    pub data: Vec<u8>,
    /// random_access_indicator of its first packet.
    pub is_random_access: bool,
    /// discontinuity_indicator of its first packet or of a packet without payload before it.
    pub is_discontinuous: bool,
    /// A packet is missing in it or right behind it.
    pub has_hole: bool,
    /// The last clock reference before its payload, on the 27 MHz clock.
    pub reference: Option<u64>,
    /// `PES_packet_length`, if it is not 0, minus what belongs to the header.
    pub declared: Option<usize>,
    /// Bytes before the payload; `None` as long as the header is not complete.
    pub(crate) header: Option<usize>,
}

impl Pes {
    /// Takes a payload of a packet; reads the header as soon as it is complete.
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), String> {
        self.data.extend_from_slice(payload);
        if self.header.is_none() && self.data.len() >= 9 {
            let length = 9 + usize::from(self.data[8]);
            if self.data.len() >= length {
                self.read_header(length)?;
                self.data.drain(..length);
            }
        }
        Ok(())
    }

    fn read_header(&mut self, length: usize) -> Result<(), String> {
        self.header = Some(length);
        let header = &self.data[..length];
        if header[..3] != [0, 0, 1] || header[6] & 0xC0 != 0x80 {
            return Err(format!("no PES header: {:02x?}", &header[..9]));
        }
        let packet_length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        if packet_length > 0 {
            self.declared =
                Some((packet_length + 6).checked_sub(length).ok_or("PES_packet_length within its header")?);
        }
        let times = header[7] >> 6;
        if times >= 2 {
            self.pts = Some(timestamp(&header[9..], if times == 3 { 3 } else { 2 })?);
            self.dts = self.pts;
        }
        if times == 3 {
            self.dts = Some(timestamp(header.get(14..).unwrap_or_default(), 1)?);
        }
        Ok(())
    }
}

/// 33 bits in 5 bytes, behind a prefix and with marker bits between.
fn timestamp(field: &[u8], prefix: u8) -> Result<u64, String> {
    let Some(&[a, b, c, d, e]) = field.first_chunk() else {
        return Err("header too short for its times".into());
    };
    if a >> 4 != prefix || a & c & e & 1 != 1 {
        return Err(format!("timestamp {a:02x} {b:02x} {c:02x} {d:02x} {e:02x}"));
    }
    let wide = [u64::from(a >> 1 & 7), u64::from(b), u64::from(c >> 1), u64::from(d), u64::from(e >> 1)];
    Ok(wide[0] << 30 | wide[1] << 22 | wide[2] << 15 | wide[3] << 7 | wide[4])
}
