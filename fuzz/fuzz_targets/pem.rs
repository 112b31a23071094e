//! What must hold of a text with certificates and keys in it (RFC 7468)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::pem::hold(input));
