//! What must hold of a proof of possession (RFC 9449)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::dpop::hold(input));
