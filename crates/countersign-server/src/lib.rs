//! The platform: believes assertions, maps principals, issues, introspects and revokes tokens.
//!
//! Bytes come in through `http`, are believed by `service`, judged by `policy`, remembered by `store`.

mod clock;
pub use clock::{Clock, SystemClock};

mod random;

pub mod config;

pub mod registry;
pub use registry::{Change, Registry, RegistryError, Rules};

pub mod secrets;

pub mod store;

mod refusal;
pub use refusal::{Fault, Refusal};

mod mapping;

pub mod policy;

mod keys;

pub mod issuer;

pub mod service;

mod audit;

mod source;

mod limits;

mod metrics;

mod http;

mod bootstrap;

mod platform;
pub use platform::{Platform, StartError};

mod server;
pub use server::{Server, ServerHandle};

#[cfg(test)]
mod tests;
