//! What must hold of what a server says about itself (RFC 8414)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::metadata::hold(input));
