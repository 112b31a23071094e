//! How does a receiver know that a notice is ours, is for it, and was not sent before?
//!
//! A detached JWS (RFC 7515 appendix F) over the body, by the key that signs tokens. Its header says
//! who signed, for whom, when, and which event it is; its `typ` makes it useless for everything
//! else. docs/events.md says how it is verified.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{key::SigningKey as _, time::UnixTime};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use url::Url;

use super::Notice;
use crate::{keys::IssuerKeys, refusal::Fault};

/// Where the signature stands.
pub(super) const HEADER: HeaderName = HeaderName::from_static("countersign-signature");

/// The media type of what is signed, without `application/` (RFC 7515 §4.1.9).
const TYPE: &str = "event+jws";

/// The protected header. Besides the members of a JWS it has claims (RFC 7519 §5.3).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
    iss: &'a str,
    aud: &'a str,
    iat: u64,
    jti: &'a str,
}

/// Signs a notice for `receiver`, now.
pub(super) fn sign(
    notice: &Notice,
    keys: &IssuerKeys,
    issuer: &str,
    receiver: &Url,
    now: UnixTime,
) -> Result<HeaderValue, Fault> {
    let active = keys.active();
    let header = Header {
        alg: active.algorithm.name(),
        kid: &active.kid,
        typ: TYPE,
        iss: issuer,
        aud: receiver.as_str(),
        iat: now.as_secs(),
        jti: &notice.id,
    };
    let header = serde_json::to_vec(&header).map_err(|error| Fault::new(error.to_string()))?;
    let header = URL_SAFE_NO_PAD.encode(header);
    let payload = URL_SAFE_NO_PAD.encode(&notice.body);
    let signature = active
        .key
        .sign(active.algorithm, format!("{header}.{payload}").as_bytes())
        .map_err(|error| Fault::new(format!("issuer key does not sign: {error:?}")))?;
    let detached = format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature));
    HeaderValue::try_from(detached).map_err(|error| Fault::new(error.to_string()))
}
