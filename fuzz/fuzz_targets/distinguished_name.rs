//! What must hold of a distinguished name, as text and as DER?

#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: &[u8]| countersign_tests::invariants::distinguished_name::hold(input)
);
