//! What must hold of bytes that somebody calls a certificate?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::certificate::hold(input));
