//! What does an authorization server say about itself (RFC 8414)?

use url::Url;

/// Authorization server metadata: the members that we use. Every URL is https, or http on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    pub issuer: String,
    pub token_endpoint: Url,
    pub jwks_uri: Option<Url>,
    pub introspection_endpoint: Option<Url>,
    pub revocation_endpoint: Option<Url>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    pub dpop_signing_alg_values_supported: Vec<String>,
    pub grant_types_supported: Vec<String>,
    pub scopes_supported: Vec<String>,
    /** management API root */
    pub countersign_api: Option<Url>,
    pub countersign_login_endpoint: Option<Url>,
    pub countersign_version: Option<String>,
}

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    Json(crate::json::JsonError),
    Member(&'static str),
    /** security.md 64 */
    Issuer {
        expected: String,
        found: String,
    },
    Insecure(&'static str),
}

/// Why a text is no issuer identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerError {
    Url,
    /** not https, and not http on loopback */
    Scheme,
    QueryOrFragment,
    Userinfo,
}

/// Checks an issuer identifier (RFC 8414 §2): https, or http on loopback (127.0.0.0/8, [::1], localhost); no query, fragment, userinfo.
pub fn check_issuer(_issuer: &str) -> Result<Url, IssuerError> {
    todo!()
}
/// `/.well-known/oauth-authorization-server` inserted before the issuer's path, then `/.well-known/openid-configuration` appended to it.
pub fn well_known(_issuer: &Url) -> [Url; 2] {
    todo!()
}

impl Metadata {
    /// The metadata of our platform for an issuer.
    pub fn for_platform(_issuer: &Url) -> Metadata {
        todo!()
    }
    /// Reads a document that was fetched for `issuer` (as configured, byte for byte).
    pub fn parse(_body: &[u8], _issuer: &str) -> Result<Metadata, MetadataError> {
        todo!()
    }
    pub fn to_json(&self) -> Vec<u8> {
        todo!()
    }
}
