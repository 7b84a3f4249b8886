//! What the fuzz targets start from, and what they have found, in every ordinary run of the tests.
#![cfg(feature = "fuzzing")]

use std::path::Path;

#[test]
fn hold_what_the_engine_target_checks() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/engine");
    let mut count = 0;
    for entry in std::fs::read_dir(&seeds).expect("the seeds are part of the project") {
        let path = entry.expect("a readable directory").path();
        println!("{}", path.display());
        remux::fuzzing::engine(&std::fs::read(path).expect("a readable seed"));
        count += 1;
    }
    assert!(count >= 13, "{count} seeds");
}
