//! How is possession of a key proved with a request (RFC 9449)?

use crate::{
    jws::JwsError,
    key::{PublicKey, SigningError, SigningKey},
    time::UnixTime,
};

/// What a proof is about.
#[derive(Clone, Debug)]
pub struct ProofRequest<'a> {
    pub method: &'a http::Method,
    /** without query and fragment */
    pub uri: &'a url::Url,
    /** the token presented with it, for `ath` */
    pub access_token: Option<&'a str>,
    pub nonce: Option<&'a str>,
}

/// Mints a proof: `typ: dpop+jwt`, the public key in `jwk`. The result goes into the `DPoP` header.
pub fn mint(
    _request: &ProofRequest<'_>,
    _key: &dyn SigningKey,
    _now: UnixTime,
    _jti: &str,
) -> Result<String, SigningError> {
    todo!()
}

/// A proof that holds.
#[derive(Clone, Debug)]
pub struct VerifiedProof {/* private: key, jkt, jti, issued_at */}
impl VerifiedProof {
    pub fn key(&self) -> &PublicKey {
        todo!()
    }
    /** RFC 7638 thumbprint for `cnf.jkt` */
    pub fn thumbprint(&self) -> &str {
        todo!()
    }
    pub fn jti(&self) -> &str {
        todo!()
    }
    pub fn issued_at(&self) -> UnixTime {
        todo!()
    }
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    Jws(JwsError),
    Type,
    Jwk,
    Method,
    Uri,
    AccessToken,
    NonceMissing,
    NonceWrong,
    Claim(crate::jws::ClaimError),
    TooOld,
    InFuture,
}

/// Verifies a proof against the request it came with (RFC 9449 §4.3). The caller records the `jti`.
pub fn verify(
    _proof: &str,
    _request: &ProofRequest<'_>,
    _now: UnixTime,
) -> Result<VerifiedProof, ProofError> {
    todo!()
}
