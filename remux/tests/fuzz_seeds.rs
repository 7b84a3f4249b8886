//! What the fuzz targets start from, and what they have found, in every ordinary run of the tests.
#![cfg(feature = "fuzzing")]

use std::path::Path;

use remux::fuzzing;

type Target = fn(&[u8]);

#[test]
fn what_the_targets_check_holds_for_their_seeds() {
    let targets: [(&str, Target); 10] = [
        ("engine", fuzzing::engine),
        ("locate", fuzzing::locate),
        ("psi", fuzzing::psi),
        ("pes", fuzzing::pes),
        ("nal", fuzzing::nal),
        ("packaging", fuzzing::packaging),
        ("mp4_reader", fuzzing::mp4_reader),
        ("mp4_boxes", fuzzing::mp4_boxes),
        ("mp4_writer", fuzzing::mp4_writer),
        ("sound_frames", fuzzing::sound_frames),
    ];
    for (name, target) in targets {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(name);
        let mut count = 0;
        for entry in std::fs::read_dir(&seeds).expect("the seeds are part of the project") {
            let path = entry.expect("a readable directory").path();
            println!("{}", path.display());
            target(&std::fs::read(path).expect("a readable seed"));
            count += 1;
        }
        assert!(count >= 5, "{count} seeds of {name}");
    }
}
