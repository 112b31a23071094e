//! What must hold of every input from outside, whatever it is?
//!
//! Each function takes any bytes and panics when something does not hold. The fuzzer (`fuzz/`) looks
//! for such bytes; an ordinary test holds every input that was kept against the same functions.
//!
//! Three kinds of input, by their first byte, where a target has signatures: anything that comes from
//! outside as it is; a list of changes to a good token ([`CHANGES`]); and content that the right key
//! signs ([`CONTENT`]), so that what lies behind the signature is reached too.

pub mod certificate;
pub mod distinguished_name;
pub mod dpop;
pub mod introspection;
pub mod json;
pub mod jwk_set;
pub mod jwt;
pub mod login_message;
pub mod metadata;
pub mod opaque;
pub mod pem;
pub mod pkcs11_uri;
pub mod pkcs12;
pub mod tachyon;
pub mod token_form;
pub mod token_response;

mod changes;
mod keys;
mod rereading;

pub use changes::CHANGES;
pub use keys::CONTENT;

/// One target of the fuzzer.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// What must hold.
    pub hold: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 16] = [
    target("certificate", certificate::hold),
    target("distinguished_name", distinguished_name::hold),
    target("dpop", dpop::hold),
    target("introspection", introspection::hold),
    target("json", json::hold),
    target("jwk_set", jwk_set::hold),
    target("jwt", jwt::hold),
    target("login_message", login_message::hold),
    target("metadata", metadata::hold),
    target("opaque", opaque::hold),
    target("pem", pem::hold),
    target("pkcs11_uri", pkcs11_uri::hold),
    target("pkcs12", pkcs12::hold),
    target("tachyon", tachyon::hold),
    target("token_form", token_form::hold),
    target("token_response", token_response::hold),
];

const fn target(name: &'static str, hold: fn(&[u8])) -> Target {
    Target { name, hold }
}
