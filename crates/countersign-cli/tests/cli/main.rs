//! Does the binary do, say and hide what it should, as a whole process?
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_input;
mod browser;
mod cache;
mod choice;
mod doctor;
mod documentation;
mod encrypted_keys;
mod interrupted;
mod log;
mod person;
mod secrets;
mod server_text;
mod sign_in;
mod typist;
mod world;
