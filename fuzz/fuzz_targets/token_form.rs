//! What must hold of the form of a request to an endpoint (RFC 6749 §3.2, RFC 7009, RFC 7662)?

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| countersign_tests::invariants::token_form::hold(input));
