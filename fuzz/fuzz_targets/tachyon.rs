//! What must hold of whatever a server of the Tachyon dialect says?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::tachyon::hold(input));
