//! What must hold of a set of keys, and of a key, that somebody publishes (RFC 7517)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::jwk_set::hold(input));
