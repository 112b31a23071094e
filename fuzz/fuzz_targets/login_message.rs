//! What must hold of a message on the socket of a sign-in, in both directions?

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| countersign_tests::invariants::login_message::hold(input)
);
