//! Both ends of a sign-in in one process, for the tests of a service that signs in.
//!
//! No port, no TLS, no sleeping: the platform is a value, the wire is a function call, and the
//! clock is turned by hand. Everything that the product does, it does here too; only the bytes do
//! not leave the process.
//!
//! ```
//! use std::time::Duration;
//! use countersign_testkit::{Fault, Pair};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let Pair { client, clock, wire, .. } = Pair::new().await?;
//!
//! let first = client.token().await?;
//! assert_eq!(first.principal.as_deref(), Some("service"));
//!
//! // The cache answers as long as the token is fresh …
//! client.token().await?;
//! assert_eq!(wire.requests_to("/oauth2/token"), 1);
//!
//! // … and when it has aged and the platform does not answer, the living token stays in use.
//! clock.advance(Duration::from_secs(880));
//! wire.always(Fault::Refuse(400));
//! assert_eq!(client.token().await?.access_token, first.access_token);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`TachyonServer`] is a server of another kind, for clients of the 1E/Tachyon dialect.
//!
//! [`Chaos`] harms a stated share of good calls, on the wire and on the loopback socket of
//! [`TestPlatform::on_loopback`]: for tests of whether a service, in whatever language, lives with it.
//!
//! The private keys of the [`fixtures`] are published with this crate: never register them anywhere else.

mod pair;
pub use pair::Pair;

mod platform;
pub use platform::{TestPlatform, TestkitError};

mod application;
pub use application::NewApplication;

mod guard;

mod wire;
pub use wire::{Fault, Wire};

mod chaos;
pub use chaos::{Chaos, Harm, Place, Refusal};

mod tachyon;
pub use tachyon::{Instead, Knobs, Step, TachyonServer};

mod clock;
pub use clock::ManualClock;

pub mod fixtures;
