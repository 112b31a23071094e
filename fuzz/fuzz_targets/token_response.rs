//! What must hold of the answer of a token endpoint (RFC 6749 §5)?

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| countersign_tests::invariants::token_response::hold(input)
);
