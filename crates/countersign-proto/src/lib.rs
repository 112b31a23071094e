//! What a client and the platform mean by the same bytes.
//!
//! Every function here takes values and returns values. There is no socket, no file, no clock
//! and no environment: the time is an argument, and so is every `jti`. Encode and decode, mint
//! and verify, stand in the same file, so that neither end can drift from the other.
//!
//! # Features
//!
//! Which library does the arithmetic is chosen when the crate is built. One of the two is needed, and
//! with both it is aws-lc.
//!
//! | feature | keys | needs |
//! | --- | --- | --- |
//! | `aws-lc`, the default | RSA, EC P-256, P-384, P-521, Ed25519, symmetric | a C compiler |
//! | `pure-rust` | RSA, EC P-256, symmetric | Rust alone |
//!
//! `pure-rust` is for platforms without a C toolchain:
//!
//! ```toml
//! countersign-proto = { version = "0.1", default-features = false, features = ["pure-rust"] }
//! ```
//!
//! It signs and verifies some times slower, and refuses the kinds of keys that it has not by
//! [`KeyError::Unsupported`](key::KeyError::Unsupported). What both have gives the same answers:
//! the tests hold them against each other.

#[cfg(not(any(feature = "aws-lc", feature = "pure-rust")))]
compile_error!(
    "countersign-proto needs a crypto library: keep the default feature `aws-lc`, or choose `pure-rust` where there is no C toolchain"
);

pub mod time;

pub mod json;

pub mod showable;

pub mod distinguished_name;

pub mod thumbprint;

pub mod certificate;

mod crypto;

mod der;

mod pem;

mod weak_key;

pub mod key;

pub mod jwk;

pub mod jws;

pub mod jwt;

pub mod assertion;

pub mod dpop;

pub mod scope;

pub mod exchange;

pub mod token;

pub mod opaque;

pub mod bearer;

pub mod token_form;

pub mod introspection;

pub mod login;

pub mod tachyon;

pub mod metadata;

pub mod oauth_error;

pub mod management;

#[cfg(test)]
mod fixtures;

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod token_matrix;
