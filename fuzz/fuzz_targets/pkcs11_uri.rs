//! What must hold of a text that somebody calls the URI of a token (RFC 7512)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::pkcs11_uri::hold(input));
