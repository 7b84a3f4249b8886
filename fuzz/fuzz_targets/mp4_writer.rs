//! The MP4 writer on any access units; what is checked stands in `remux::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| remux_fuzz::bounded(data, remux::fuzzing::mp4_writer));
