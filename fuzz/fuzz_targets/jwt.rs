//! What must hold of a text that somebody presents as a signed token?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::jwt::hold(input));
