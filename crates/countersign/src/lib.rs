//! Signs a service in to a platform with its certificate, and keeps the token fresh.

pub use countersign_proto as proto;

mod clock;
pub use clock::{Clock, SystemClock};

mod random;

mod transport;
pub use transport::{HttpTransport, HttpTransportBuilder, Transport, TransportError};

mod credential;
pub use credential::{Credential, CredentialError, CredentialSource, Current, Reload};

pub mod certificate_store;

mod selector;
pub use selector::{CertificateSelector, SelectError, Selection, Verdict};

mod error;
pub use error::{Error, ErrorKind};

mod retry;

mod discovery;

mod dpop;
pub use dpop::Dpop;

mod exchange;
pub use exchange::Audience;

mod platform_token;

mod token;
pub use token::{Token, TokenObject};

mod cache;

mod flight;

mod client;
pub use client::{Client, ClientBuilder};

mod token_status;

pub mod cache_file;

pub mod authorize;

pub mod admin;

pub mod blocking;

#[cfg(test)]
mod scripted;
