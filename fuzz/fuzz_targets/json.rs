//! What must hold of JSON from outside?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::json::hold(input));
