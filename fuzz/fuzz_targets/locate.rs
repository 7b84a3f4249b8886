//! Recordings without an index; what is checked stands in `remux::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| remux_fuzz::bounded(data, remux::fuzzing::locate));
