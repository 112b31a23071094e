//! The platform: believes assertions, maps principals, issues, introspects and revokes tokens.
//!
//! Bytes come in through `http`, are believed by `service`, judged by `policy`, remembered by `store`.
//! Every station between them is a type: [`TokenRequest`], [`VerifiedAssertion`],
//! [`AdmittedAssertion`], [`Authenticated`], [`Grant`], [`LiveSession`], [`SessionGrant`],
//! [`IssuedToken`]. They are public to be seen; nobody outside makes one.

mod clock;
pub use clock::{Clock, SystemClock};

mod random;

pub mod config;

pub mod registry;
pub use registry::{Change, Registry, RegistryError, Rules};

pub mod secrets;

pub mod store;

mod refusal;

mod mapping;

mod policy;
pub use policy::{Grant, SessionGrant};

mod refresh;
pub use refresh::LiveSession;

mod tokens;

mod trusted;

mod keys;

mod issuer;
pub use issuer::IssuedToken;

mod service;
pub use service::{AdmittedAssertion, Authenticated, TokenRequest, VerifiedAssertion};

mod audit;

mod source;

mod networks;
pub use networks::{NetworkError, Networks};

mod limits;

mod login;

mod console;

mod metrics;

mod events;

mod outbound;

mod idp;

mod connection;

mod http;

mod bootstrap;

mod cleanup;

pub mod restore;

mod platform;
pub use platform::{Platform, StartError};

mod server;
pub use server::{Server, ServerHandle};

#[cfg(test)]
mod tests;
