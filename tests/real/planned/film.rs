//! Recordings whose every picture says when it was taken: small pictures, real rates and groups of pictures.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A recording that ffmpeg encodes.
pub(super) struct Film {
    pub(super) name: &'static str,
    pub(super) gops: Gops,
    pub(super) rate: Rate,
    pub(super) b_frames: bool,
}

/// When random access points come.
#[derive(Clone, Copy)]
pub(super) enum Gops {
    /// All so many seconds.
    Fixed(f64),
    /// 1 to 30 s, as cameras do it that save what does not move.
    Irregular,
}

/// Bits per second.
#[derive(Clone, Copy)]
pub(super) enum Rate {
    /// Always the same, with filler data where there is little to encode.
    Constant,
    /// Ten times as many when much moves as when little does.
    Varying,
}

/// Pictures a second.
const RATE: (usize, usize) = (25, 2);
/// Of a picture, in microseconds; the counter in the picture counts 40 ms each.
pub(super) const PICTURE_US: i64 = 80_000;
const COUNTS: usize = 2;
const CAMERA: u32 = 3;
/// A quarter of what the band of `testdata/README.md` is described for.
const WIDTH: usize = 160;
const HEIGHT: usize = 90;
const CELL: usize = WIDTH / 40;
const BAND: usize = HEIGHT * 336 / 360;

impl Film {
    /// Encodes `seconds` of it.
    pub(super) fn make(&self, directory: &Path, seconds: usize) -> PathBuf {
        let file = directory.join(format!("{}.ts", self.name));
        let mut ffmpeg = self.encoder(directory, &file, seconds);
        let mut pictures = ffmpeg.stdin.take().unwrap();
        self.draw(&mut pictures, seconds * RATE.0 / RATE.1).unwrap();
        drop(pictures);
        let output = ffmpeg.wait_with_output().unwrap();
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        file
    }

    /// How far a planned cut may be off, in ticks.
    pub(super) fn tolerance(&self) -> i64 {
        match self.gops {
            Gops::Fixed(seconds) => (seconds * 45_000.0) as i64,
            Gops::Irregular => 30 * 90_000,
        }
    }

    fn encoder(&self, directory: &Path, file: &Path, seconds: usize) -> Child {
        let size = format!("{WIDTH}x{HEIGHT}");
        let rate = format!("{}/{}", RATE.0, RATE.1);
        let input = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size, "-r", &rate, "-i", "-"];
        let tone = tone(directory, self.name);
        let sound = ["-stream_loop", "-1", "-i", tone.to_str().unwrap(), "-map", "0:v", "-map", "1:a"];
        let keys = self.gops.times(seconds).map(|time| format!("{time:.2}")).collect::<Vec<_>>().join(",");
        let gops = ["-g", "100000", "-keyint_min", "1", "-sc_threshold", "0", "-force_key_frames", &keys];
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y"]).args(input).args(sound);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1"]).args(gops);
        command.args(match self.rate {
            Rate::Constant => &[
                "-b:v",
                "500k",
                "-maxrate",
                "500k",
                "-bufsize",
                "250k",
                "-x264-params",
                "nal-hrd=cbr:filler=1",
            ][..],
            Rate::Varying => &["-qp", "28"],
        });
        command.args(["-bf", if self.b_frames { "3" } else { "0" }]);
        command.args(["-c:a", "copy", "-t", &seconds.to_string()]).arg(file);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("ffmpeg is needed for these tests (tests/run installs it)")
    }

    fn draw(&self, out: &mut ChildStdin, pictures: usize) -> std::io::Result<()> {
        let noise: Vec<u8> =
            Chance(7).take(8 * WIDTH * HEIGHT).map(|number| 64 + (number % 128) as u8).collect();
        let mut picture = vec![128; WIDTH * HEIGHT * 3 / 2];
        for number in 0..pictures {
            // What moves is a stripe, of a height that goes up and down once in seven minutes.
            let height = match self.rate {
                Rate::Constant => 8,
                Rate::Varying => 2 + (20.0 * (1.0 - (number as f64 / 840.0).cos())) as usize,
            };
            let from = number * 977 % (noise.len() - height * WIDTH);
            picture[..BAND * WIDTH].fill(128);
            picture[WIDTH..][..height * WIDTH].copy_from_slice(&noise[from..][..height * WIDTH]);
            draw_counter(&mut picture, (number * COUNTS) as u32);
            out.write_all(&picture)?;
        }
        Ok(())
    }
}

/// A minute of sound, encoded once: what counts is how often it comes and when.
fn tone(directory: &Path, name: &str) -> PathBuf {
    let file = directory.join(format!("{name}-tone.m4a"));
    let input = ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000"];
    crate::tools::run("ffmpeg", &[&input[..], &["-t", "60", "-c:a", "aac", file.to_str().unwrap()]].concat());
    file
}

/// The band at the bottom: `testdata/README.md` describes it.
fn draw_counter(picture: &mut [u8], counter: u32) {
    let seven = 0xA << 24 | CAMERA << 20 | counter;
    let check = (0..7).fold(0, |check, nibble| check ^ (seven >> (4 * nibble) & 0xF));
    let cells = seven << 4 | check;
    for row in picture[BAND * WIDTH..WIDTH * HEIGHT].chunks_exact_mut(WIDTH) {
        row.fill(16);
        for cell in 0..32 {
            let is_white = cells >> (31 - cell) & 1 == 1;
            row[4 * CELL + cell * CELL..][..CELL].fill(if is_white { 235 } else { 16 });
        }
    }
}

impl Gops {
    /// When random access points come within `seconds`.
    fn times(self, seconds: usize) -> impl Iterator<Item = f64> {
        let mut chance = Chance(3);
        let mut next = 0.0;
        std::iter::from_fn(move || {
            let time = next;
            next += match self {
                Self::Fixed(seconds) => seconds,
                // On a picture: 80 ms apart.
                Self::Irregular => 1.04 + 0.08 * (chance.next()? % 362) as f64,
            };
            Some(time)
        })
        .take_while(move |&time| time < seconds as f64)
    }
}

/// The same numbers every time (xorshift).
pub(super) struct Chance(pub(super) u64);

impl Iterator for Chance {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some(self.0 >> 16)
    }
}
