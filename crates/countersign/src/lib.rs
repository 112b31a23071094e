//! Signs a service in to a platform with its certificate, and keeps the token fresh.
//!
//! ```no_run
//! # async fn example(mut request: http::Request<()>) -> Result<(), Box<dyn std::error::Error>> {
//! use countersign::{CertificateSelector, Client, CredentialSource, certificate_store::CertificateStore};
//!
//! let store = CertificateStore::open("/etc/inventory/certificates".as_ref(), None)?;
//! let which = CertificateSelector::by_subject("CN=inventory".parse()?);
//! let credential = CredentialSource::store(store, which);
//! let client = Client::builder("https://platform.example", "inventory", credential).build()?;
//!
//! let token = client.token().await?; // cached, renewed ahead of its end, one request however many ask
//! countersign::authorize::authorize(&client, &mut request).await?;
//! # drop(token);
//! # Ok(())
//! # }
//! ```
//!
//! There is no rule of the platform in here, nothing is printed, and no task runs that the
//! application did not start.

pub use countersign_proto as proto;

mod clock;
pub use clock::{Clock, SystemClock};

mod random;

mod transport;
pub use transport::{HttpTransport, HttpTransportBuilder, Transport, TransportError};

mod credential;
pub use credential::{Credential, CredentialError, CredentialSource, Current, Reload};

pub mod certificate_store;

#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "pkcs11")]
pub use pkcs11::{ObjectType, Pkcs11Uri, Pkcs11UriError};

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

pub mod provider;
pub use provider::Provider;

mod platform_token;

mod token;
pub use token::{Token, TokenObject};

mod websocket;

pub mod login;
pub use login::InteractiveToken;

mod cache;

mod flight;

mod client;
pub use client::{Client, ClientBuilder};

pub mod tachyon;

mod session;
pub use session::InteractiveSession;

mod token_status;

pub mod cache_file;

mod keyring;
pub use keyring::{FoundKeyring, Keyring, KeyringProblem};

mod granted;
pub use granted::GrantedCredential;

pub mod authorize;

pub mod admin;

pub mod blocking;

#[cfg(test)]
mod scripted;
