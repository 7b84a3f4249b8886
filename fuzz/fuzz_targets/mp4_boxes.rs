//! The MP4 reader on files made of boxes; what is checked stands in `remux::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| remux_fuzz::bounded(data, remux::fuzzing::mp4_boxes));
