//! What can be done with countersign, one program a thing?
//!
//! Each runs by itself and brings the platform that it talks to: `cargo run --example call_an_api`.
