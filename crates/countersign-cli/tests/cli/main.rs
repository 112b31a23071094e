//! Does the binary do, say and hide what it should, as a whole process?
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod administered;
mod agent;
mod bad_input;
mod browser;
mod cache;
mod certificates;
mod choice;
mod doctor;
mod documentation;
mod encrypted_keys;
mod granted;
mod interrupted;
mod jwt;
mod keyring;
mod log;
mod person;
#[path = "../../../../tests/tests/parts/postgres.rs"]
mod postgres;
mod programs;
mod provider;
mod renewal;
mod sealed;
mod secrets;
mod server_text;
mod sign_in;
mod store;
mod typist;
mod world;
