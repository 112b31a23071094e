//! The platform: believes assertions, maps principals, issues, introspects and revokes tokens.
//!
//! Bytes come in through `http`, are believed by `service`, judged by `policy`, remembered by `store`.

mod clock;
pub use clock::{Clock, SystemClock};

pub mod config;

pub mod registry;
pub use registry::{Change, Registry, RegistryError, Rules};

pub mod secrets;

pub mod store;

mod platform;
pub use platform::{Platform, StartError};

mod server;
pub use server::{Server, ServerHandle};
