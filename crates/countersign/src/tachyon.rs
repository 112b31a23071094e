//! How is a server of the 1E/Tachyon dialect signed in to?
//!
//! The dialect is that of an existing platform. Use it where the server speaks nothing else: **it has
//! no step that ties the browser to the terminal**. Whoever begins a [`TachyonLogin`] gets the token of
//! whoever opens its address, so that an address that came from somebody else must not be opened.
//! [`crate::login`] closes that hole, and this crate never falls back from it by itself.
//!
//! ```no_run
//! # async fn example(credential: countersign::Credential) -> Result<(), countersign::Error> {
//! use countersign::tachyon::TachyonClient;
//!
//! let client = TachyonClient::builder("https://tachyon.example", "0c83091d", credential)
//!     .consumer("Inventory")
//!     .build()?;
//! let mut request = http::Request::new(Vec::<u8>::new());
//! *request.uri_mut() = http::Uri::from_static("https://tachyon.example/consumer/devices");
//! client.authorize(&mut request).await?; // X-Tachyon-Authenticate and X-Tachyon-Consumer
//! # Ok(())
//! # }
//! ```
//!
//! What is not public is not spoken: an interactive token is not refreshed, there are no platform
//! tokens, and no principal can be asked for.

pub use countersign_proto::tachyon::{Consumer, Generation};

mod token;
pub use token::{ASSUMED_LIFETIME, TachyonToken};

mod site;
use site::Site;
pub use site::{DEFAULT_CONSUMER, TachyonSite};

mod certificate;

mod client;
pub use client::{TachyonClient, TachyonClientBuilder};

mod login;
pub use login::TachyonLogin;
