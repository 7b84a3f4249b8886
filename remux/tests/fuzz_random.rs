//! The bodies of fuzz targets on inputs made up here, in every ordinary run of the tests.
#![cfg(feature = "fuzzing")]

/// Numbers that look random and are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let count = self.next() % most;
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn the_mp4_writer_holds() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    (0..1000).for_each(|_| remux::fuzzing::mp4_writer(&numbers.bytes(600)));
}

#[test]
fn parsers_of_sound_hold() {
    // What a frame begins with, of each kind.
    const BEGINNINGS: [&[u8]; 7] = [
        &[0, 0xff, 0xf1, 0x50, 0x80, 0x02],
        &[1, 0xff, 0xfb, 0x90],
        &[2, 0x0b, 0x77, 0, 0, 0x1c, 0x40],
        &[3, 0x0b, 0x77, 0x01, 0x7f, 0x3f, 0x86],
        &[4, 0x7f, 0xe0],
        &[5, 0x56, 0xe0, 0x20],
        &[5],
    ];
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for beginning in BEGINNINGS.iter().cycle().take(7000) {
        remux::fuzzing::sound_frames(&[*beginning, &numbers.bytes(200)].concat());
    }
}

#[test]
fn recordings_without_an_index_hold_when_they_are_damaged() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/locate");
    let read = |name: &str| std::fs::read(seeds.join(name)).expect("a readable seed");
    let sound = ["bframes", "gop10", "mixed", "audiofirst", "fragments", "fragments-within-gops"].map(read);
    let mut numbers = Numbers(0x853c_49e6_748f_ea9b);
    for seed in sound.iter().cycle().take(600) {
        let mut data = [&seed[..], &seed[2..]].concat();
        for _ in 0..1 + numbers.next() % 12 {
            let at = numbers.next() as usize % data.len();
            match numbers.next() % 4 {
                0 => drop(data.drain(at..data.len().min(at + numbers.next() as usize % 2000))),
                1 => drop(data.splice(at..at, numbers.bytes(600))),
                // The header of a packet, often that of a PES as well.
                2 => {
                    let place = 2 + at / 188 * 188 + numbers.next() as usize % 24;
                    data.get_mut(place).into_iter().for_each(|byte| *byte ^= 0x41);
                }
                _ => data[at] = numbers.next() as u8,
            }
        }
        remux::fuzzing::locate(&data);
    }
}
