//! What must hold of a file that somebody calls a certificate store (RFC 7292, RFC 5958, RFC 7468)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::pkcs12::hold(input));
