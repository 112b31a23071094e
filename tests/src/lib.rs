//! What do the tests, the fuzzer and a second end share?
//!
//! Nothing of the product depends on this.

// What does not hold ends by a panic, and says what it was.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod hostile;

pub mod invariants;
