//! How is a public key written as JSON, and what is its thumbprint?

use crate::{
    json::{Map, Value},
    key::{Algorithm, KeyError, PublicKey},
};

/// A public JSON Web Key for signatures (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /** the key */
    pub key: PublicKey,
    /** `kid` */
    pub kid: Option<String>,
    /** `alg` */
    pub algorithm: Option<Algorithm>,
}

/// A set of keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    /** in order */
    pub keys: Vec<Jwk>,
}

/// Why a JWK or a set is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwkError {
    Json(crate::json::JsonError),
    Member(&'static str),
    Key(KeyError),
    DuplicateKid(String),
}

impl Jwk {
    /// Reads a public JWK. Private members, `oct`, `use` other than `sig`, and key_ops without `verify` are refused.
    pub fn from_members(_members: &Map<String, Value>) -> Result<Jwk, JwkError> {
        todo!()
    }
    /// The public members, with `use: sig`.
    pub fn to_members(&self) -> Map<String, Value> {
        todo!()
    }
}

/// The RFC 7638 thumbprint (SHA-256, base64url) of a public key.
pub fn thumbprint(_key: &PublicKey) -> String {
    todo!()
}

/// The required members of a key in RFC 7638 order (`crv`,`kty`,`x`,`y` / `e`,`kty`,`n`).
pub fn required_members(_key: &PublicKey) -> Map<String, Value> {
    todo!()
}

impl JwkSet {
    /// Reads a set strictly, as for a registration: one bad key refuses the whole (security.md 54).
    pub fn parse(_bytes: &[u8]) -> Result<JwkSet, JwkError> {
        todo!()
    }
    /// Reads a set published by somebody else: keys that cannot verify for us are passed over (RFC 7517 §5);
    /// private or symmetric members and duplicate kids still refuse the whole.
    pub fn parse_published(_bytes: &[u8]) -> Result<JwkSet, JwkError> {
        todo!()
    }
    /// JSON text.
    pub fn to_json(&self) -> String {
        todo!()
    }
    /// The key with exactly this `kid`.
    pub fn find(&self, _kid: &str) -> Option<&Jwk> {
        todo!()
    }
}
