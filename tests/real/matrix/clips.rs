//! The clips that the matrix is made from, and what a decoder makes of them.

use std::collections::HashMap;
use std::path::Path;

use checker::Codec;

use crate::content::{decoded, samples, sound};
use crate::mutate::mux::Unit;
use crate::tools::run;

/// A sound recording; every frame of pictures and sound occurs in it once only.
pub(crate) struct Clip {
    pub(crate) stream: Vec<u8>,
    /// Its PES, on the PIDs of [`crate::mutate::mux`].
    pub(crate) units: Vec<Unit>,
}

/// What frames there are: where they belong in the clip, by a hash of the decoded picture or the sound's bytes.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) pictures: HashMap<String, i64>,
    pub(crate) sounds: HashMap<String, i64>,
}

/// Ten seconds, 25 pictures a second, a random access point a second.
pub(crate) const PICTURES: usize = 250;

const H264: &[&str] = &["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-pix_fmt", "yuv420p"];

pub(crate) struct Clips {
    pub(crate) plain: Clip,
    /// Other pictures, the same clock.
    pub(crate) second: Clip,
    pub(crate) latm: Clip,
    pub(crate) h265: Clip,
    /// Its slices fit into 255 bytes.
    pub(crate) tiny: Clip,
    /// Of another size.
    pub(crate) small: Clip,
    /// One IDR, then pictures that are refreshed bit by bit.
    pub(crate) refreshed: Clip,
    pub(crate) slow: Vec<(u32, Clip)>,
    pub(crate) truth: Truth,
}

impl Clips {
    pub(crate) fn make(work: &Path) -> Self {
        let mut truth = Truth::default();
        let mut clip = |name: &str, size: &str, rate: u32, seek: &str, arguments: &[&str]| {
            let file = work.join(format!("clip-{name}.ts"));
            let pictures = format!("testsrc2=size={size}:rate={rate}");
            let sounds = format!("anoisesrc=sample_rate=48000:amplitude=0.2:seed={seek}{rate}");
            let inputs =
                ["-v", "error", "-ss", seek, "-f", "lavfi", "-i", &pictures, "-f", "lavfi", "-i", &sounds];
            let gop = rate.to_string();
            let output = ["-t", "10", "-g", &gop, file.to_str().unwrap()];
            run("ffmpeg", &[&["-y"][..], &inputs, arguments, &["-c:a", "aac"], &output].concat());
            learn(&file, &mut truth);
            Clip::read(&file)
        };
        let tiny = [H264, &["-x264-params", "slice-max-size=200:scenecut=0"]].concat();
        let refreshed = [H264, &["-bf", "0", "-x264-params", "intra-refresh=1"]].concat();
        let latm = [H264, &["-mpegts_flags", "latm"]].concat();
        let h265 = [
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "log-level=none",
            "-pix_fmt",
            "yuv420p",
        ];
        Self {
            plain: clip("plain", "640x360", 25, "10", H264),
            second: clip("second", "640x360", 25, "100", H264),
            latm: clip("latm", "640x360", 25, "200", &latm),
            h265: clip("h265", "320x180", 25, "400", &h265),
            tiny: clip("tiny", "160x96", 25, "500", &tiny),
            small: clip("small", "320x180", 25, "600", H264),
            refreshed: clip("refreshed", "640x360", 25, "700", &refreshed),
            slow: [5, 8, 15]
                .map(|rate| (rate, clip(&format!("slow{rate}"), "640x360", rate, "300", H264)))
                .into(),
            truth,
        }
    }
}

fn learn(file: &Path, truth: &mut Truth) {
    let (pictures, complaints) = decoded(file);
    assert_eq!(complaints, 0, "{}: the clip itself", file.display());
    truth.pictures.extend(pictures.into_iter().map(|frame| (frame.hash, frame.pts)));
    // LATM may go out in another form: then its samples tell.
    truth.sounds.extend(samples(file, "0:a:0").into_iter().map(|frame| (frame.hash, frame.pts)));
    truth.sounds.extend(sound(file, "0:a:0", None).into_iter().map(|frame| (frame.hash, frame.pts)));
}

impl Clip {
    fn read(file: &Path) -> Self {
        let stream = std::fs::read(file).unwrap();
        let checked = checker::check(&[&stream]);
        let is_video = |pid| {
            checked
                .streams()
                .iter()
                .any(|stream| stream.pid == pid && Codec::of(stream.stream_type).is_some())
        };
        let units = checked.pes.iter().map(|pes| Unit::of(pes, is_video(pes.pid))).collect();
        Self { stream, units }
    }

    /// The PES whose pictures, or what comes with them, lie from one picture up to another.
    pub(crate) fn part(&self, from: usize, to: usize) -> Vec<Unit> {
        let place = |n: usize| {
            let pictures = self.units.iter().enumerate().filter(|(_, unit)| unit.is_video);
            pictures.map(|(at, _)| at).nth(n).unwrap_or(self.units.len())
        };
        self.units[place(from)..place(to)].to_vec()
    }
}
