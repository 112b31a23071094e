//! What must hold of an answer to the question whether a token is still good (RFC 7662)?

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| countersign_tests::invariants::introspection::hold(input)
);
