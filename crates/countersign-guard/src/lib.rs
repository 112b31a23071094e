//! Protects an API: believes or refuses the token of each request.
//!
//! A [`Guard`] believes JWTs by the signature of their issuer, whose keys it finds, keeps and renews,
//! and asks the issuer about tokens that only the issuer can read (RFC 7662). Both come in by one
//! route. Behind [`Guard::layer`] each request has a [`Caller`] in its extensions, and a route says
//! what it demands by [`Guard::require`]; everything else is answered with a challenge (RFC 6750 §3)
//! and does not get there.
//!
//! It has no opinion on what a caller may do beyond what a route demands, mints nothing, keeps no
//! session, and has no task of its own that outlasts a fetch: [`Guard::keep_fresh`] is a future that the
//! application spawns, or does not.
//!
//! ```
//! use axum::{Extension, Router, routing::get};
//! use countersign_guard::{Caller, Guard, Require};
//!
//! async fn orders(Extension(caller): Extension<Caller>) -> String {
//!     format!("the orders of {}", caller.principal())
//! }
//!
//! fn service(guard: &Guard) -> Router {
//!     let reader = Require::caller().scope("orders.read").role("Reader");
//!     Router::new()
//!         .route("/orders", get(orders).layer(guard.require(reader)))
//!         .layer(guard.layer())
//! }
//!
//! # use std::{sync::Arc, time::Duration};
//! # use countersign_guard::{Clock as _, SystemClock};
//! # use countersign_proto::{jwt::{JwtBuilder, Signer, TrustedKeys}, key::{KeyType, LocalKey}};
//! # use tower::ServiceExt as _;
//! # let signer = Signer::key_pair(Arc::new(LocalKey::generate(KeyType::P256)?.0));
//! let guard = Guard::builder("https://id.example")
//!     .audience("https://api.example")
//! #   .keys(TrustedKeys::of(&signer))
//!     .build()?;
//! let service = service(&guard);
//! # let builder = JwtBuilder::new()
//! #     .typ("at+jwt")
//! #     .issuer("https://id.example")
//! #     .audience("https://api.example")
//! #     .subject("alice")
//! #     .lifetime(Duration::from_secs(600))
//! #     .claim("scope", "orders.read")
//! #     .claim("roles", serde_json::json!(["Reader"]));
//! # let token = builder.build(&signer, SystemClock.now())?;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let ask = |token: &str| {
//! #     let request = http::Request::get("/orders").header("Authorization", format!("Bearer {token}"));
//! #     let request = request.body(axum::body::Body::empty()).expect("a request");
//! #     service.clone().oneshot(request)
//! # };
//!
//! let answer = ask(token.expose()).await?;
//! assert_eq!(answer.status(), 200);
//!
//! let answer = ask("some.other.token").await?;
//! assert_eq!(answer.status(), 401);
//! assert!(answer.headers()["WWW-Authenticate"].to_str()?.contains("error=\"invalid_token\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is believed
//!
//! A JWT with the `typ` `at+jwt` (RFC 9068), signed by an asymmetric key that the issuer publishes,
//! whose `iss` is the issuer byte for byte, whose `aud` is the one string that was set, before its `exp`
//! and not 10 s before its `nbf` and `iat`. What differs in tokens of older issuers is a setting each:
//! [`GuardBuilder::accept_plain_jwt`], [`GuardBuilder::accept_audience_lists`],
//! [`GuardBuilder::leeway`].
//!
//! Opaque tokens, and JWTs that are signed by a secret, when the issuer vouches for them: see
//! [`GuardBuilder::introspect_with`]. Without it they are refused.
//!
//! A token that is bound to a key is taken with a proof of that key (RFC 9449), one that is bound to a
//! certificate over a connection with it (RFC 8705, [`PeerCertificate`]); one that is bound to anything
//! else is refused.
//!
//! # When the issuer is away
//!
//! The keys that were good stay in use; a token that can be judged by them is judged. What cannot be
//! judged without the issuer is answered with 503 and `Retry-After`: the caller is not at fault.

mod guard;
pub use guard::Guard;

mod builder;
pub use builder::{BuildError, GuardBuilder};

mod caller;
pub use caller::{Caller, How};

mod refusal;
pub use refusal::Refusal;

mod layer;
pub use layer::{Answering, GuardLayer, Guarded};

mod require;
pub use require::{Require, RequireLayer, Required};

pub mod blocking;

mod presented;
pub use presented::PeerCertificate;

mod introspector;
pub use introspector::Introspector;

mod secure;
pub use secure::{PeerAddress, Secure};

mod first_factor;
pub use first_factor::{Factor, FirstFactor, NotRecognized, Recognizing};

mod basic;
pub use basic::{Basic, CannotVerify, Password, RealmError};

mod api_keys;
pub use api_keys::{ApiKeyError, ApiKeys};

mod client_certificate;
pub use client_certificate::ClientCertificates;

mod issuer;

mod discovery;

mod keys;

mod introspect;

mod possession;

mod nonce;

mod replay;

mod fetch;

mod transport;
pub use transport::{HttpTransport, Transport, TransportError};

mod clock;
pub use clock::{Clock, SystemClock};

mod random;

#[cfg(test)]
mod scripted;

#[cfg(test)]
mod tests;
