//! What a client and the platform mean by the same bytes.
//!
//! Every function here takes values and returns values. There is no socket, no file, no clock
//! and no environment: the time is an argument, and so is every `jti`. Encode and decode, mint
//! and verify, stand in the same file, so that neither end can drift from the other.

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

pub mod metadata;

pub mod oauth_error;

pub mod management;

#[cfg(test)]
mod fixtures;

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod token_matrix;
