//! What can be done with countersign, one program a thing?
//!
//! Each runs by itself and brings the platform that it talks to: `cargo run --example call_an_api`.

/// The code of the page on the SDK is compiled with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../docs/how-to/sdk.md")]
#[derive(Debug)]
pub struct PageOnTheSdk;
