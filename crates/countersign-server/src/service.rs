//! What happens between a request that was read and an answer that is written?
//!
//! The only place that knows both policy and store. An exchange goes through stations; each is a
//! type that only the step before it makes, so a skipped step does not compile:
//!
//! ```text
//! TokenRequest ─verify→ VerifiedAssertion ─admit→ AdmittedAssertion ─record→ Authenticated ─decide→ Grant ─mint→ IssuedToken
//! TokenRequest ─judge, advance→ LiveSession ─permit→ SessionGrant ─mint→ IssuedToken
//! ```

mod equal_cost;
pub(crate) use equal_cost::DummyKeys;

mod token_request;
pub(crate) use token_request::AuthorizationHeader;
pub use token_request::TokenRequest;

mod assertion;
pub(crate) use assertion::Identified;
pub use assertion::VerifiedAssertion;

mod forwarding;
pub use forwarding::AdmittedAssertion;
pub(crate) use forwarding::Forwarder;

mod authentication;
pub use authentication::Authenticated;

mod proof;
pub(crate) use proof::{Proofs, record_proof};

mod exchange;
pub(crate) use exchange::exchange;

pub(crate) mod sign_in;

pub(crate) mod console;

mod refresh;
pub(crate) use refresh::{Terms, deliver, permit_terms};

pub(crate) mod login;

mod own_token;

mod liveness;
pub(crate) use liveness::VerifiedTokens;

mod access;
pub(crate) use access::{AccessRefusal, Caller, Permissions, PresentedRequest, authorize};

mod introspection;
pub(crate) use introspection::{IntrospectionRefusal, introspect};

mod revocation;
pub(crate) use revocation::{RevocationRefusal, revoke};

mod registry;
pub(crate) use registry::{
    Alterable, Applications, ChangeRefusal, Mappings, Noun, Principals, Roles, audit, certificates,
    create, delete, find, keys, list, passwords, registered, sessions, update,
};

pub(crate) mod tokens;

/// How many signatures of assertions this thread verified: an unknown client must cost one too.
#[cfg(test)]
pub(crate) fn verifications() -> u32 {
    assertion::VERIFICATIONS.with(std::cell::Cell::get)
}
