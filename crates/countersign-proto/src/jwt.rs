//! How is a JWT made, looked at, verified and renewed by hand?
//!
//! This is for tokens that are not of the protocol between client and platform: those of another
//! issuer, of a small service of one's own, of a test. It is the only part that knows symmetric
//! keys. The platform believes one kind of token because of a secret, by [`LocalSigningKeys`], and
//! nothing else that it believes can take one:
//!
//! ```compile_fail
//! use countersign_proto::{jws::UnverifiedJws, jwt::SymmetricKey};
//!
//! fn believe(jws: UnverifiedJws<'_>, key: &SymmetricKey) {
//!     let _ = jws.verify(key, &[]);
//! }
//! ```
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use countersign_proto::{
//!     jwt::{JwtBuilder, Signer, TrustedKeys, verify},
//!     key::{KeyType, LocalKey},
//!     time::UnixTime,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UnixTime::from_secs(1_700_000_000);
//! let (key, _pkcs8) = LocalKey::generate(KeyType::P256)?;
//! let signer = Signer::key_pair(Arc::new(key));
//!
//! let builder = JwtBuilder::new()
//!     .issuer("https://issuer.example")
//!     .audience("https://api.example")
//!     .lifetime(Duration::from_secs(600));
//! let token = builder.clone().subject("alice").claim("role", "reader").build(&signer, now)?;
//!
//! let verified = verify(token.expose(), &TrustedKeys::of(&signer), &builder.requirements(), now)?;
//! assert_eq!(verified.claims().string("sub")?, "alice");
//! # Ok(())
//! # }
//! ```

mod algorithm;
pub use algorithm::Algorithm;

mod symmetric_key;
pub use symmetric_key::{SymmetricKey, SymmetricKeyError};

mod local_signing_keys;
pub use local_signing_keys::LocalSigningKeys;

mod private_key;
pub use private_key::PrivateKey;

mod jwk;

mod public_pem;

mod key_refusal;
pub use key_refusal::KeyRefusal;

mod signer;
pub use signer::{Kid, Signer};

mod builder;
pub use builder::{BuildError, Jwt, JwtBuilder};

mod inspection;
pub use inspection::{InspectError, Inspected, Node, Repeated, inspect};

mod trusted_keys;
pub use trusted_keys::TrustedKeys;

mod requirements;
pub use requirements::Requirements;

mod refusal;
pub use refusal::Refusal;

mod verification;
pub use verification::{UnverifiedJwt, VerifiedJwt, check_claims, verify};

mod renewal;
pub use renewal::{RENEWAL_CLAIM, RenewalError, RenewalPolicy, Renewed, renew};

mod key_set;
pub use key_set::{PublishedKey, certificates_in, key_set};

#[cfg(test)]
mod tests;
