//! Which key proves possession, and which nonces do servers want (RFC 9449)?

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_proto::{
    dpop::{ProofRequest, mint, signing_input},
    key::{KeyType, LocalKey, SigningKey},
    time::UnixTime,
};
use http::{HeaderMap, HeaderValue};
use tokio::sync::OnceCell;
use url::Url;

use crate::{Error, ErrorKind, random};

/// The header that carries a proof.
pub(crate) const PROOF: &str = "DPoP";
/// The header by which a server hands out a nonce (RFC 9449 §8).
const NONCE: &str = "DPoP-Nonce";
/// Nonces are remembered for so many origins.
const ORIGINS: usize = 64;
/// A longer nonce is not taken.
const NONCE_BYTES: usize = 256;

/// Whether tokens are bound to a key (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dpop {
    /// Bearer tokens.
    #[default]
    Off,
    /// Tokens bound to a key of this client; a `Bearer` answer is refused.
    Required,
}

/// The proof key of one client or session, and the nonces of the servers that it speaks to.
#[derive(Default)]
pub(crate) struct Prover {
    /// ES256. Unless it was given, it is made when first needed, and never stored.
    key: OnceCell<Arc<dyn SigningKey>>,
    nonces: Mutex<HashMap<String, String>>,
}

impl Prover {
    /// With a key that is there already.
    pub(crate) fn with_key(key: Arc<dyn SigningKey>) -> Prover {
        Prover {
            key: OnceCell::new_with(Some(key)),
            nonces: Mutex::default(),
        }
    }

    /// A proof for one request.
    pub(crate) async fn prove(
        &self,
        method: &http::Method,
        url: &Url,
        access_token: Option<&str>,
        now: UnixTime,
    ) -> Result<HeaderValue, Error> {
        let key = self.key.get_or_try_init(make_key).await?;
        let nonce = self.nonce(url);
        let request = ProofRequest {
            method,
            uri: url,
            access_token,
            nonce: nonce.as_deref(),
        };
        let proof = sign(&request, key, now).await?;
        let mut value = HeaderValue::from_str(&proof)
            .map_err(|_| Error::new(ErrorKind::Signing, "the DPoP proof is not a header value"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Remembers the nonce of an answer, if it has one. Whether it is a new one.
    pub(crate) fn remember(&self, url: &Url, headers: &HeaderMap) -> bool {
        let Some(nonce) = headers
            .get(NONCE)
            .and_then(|value| value.to_str().ok())
            .filter(|nonce| !nonce.is_empty() && nonce.len() <= NONCE_BYTES)
        else {
            return false;
        };
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = url.origin().ascii_serialization();
        if nonces.get(&origin).is_some_and(|known| known == nonce) {
            return false;
        }
        if nonces.len() >= ORIGINS && !nonces.contains_key(&origin) {
            nonces.clear();
        }
        nonces.insert(origin, nonce.to_owned());
        true
    }

    fn nonce(&self, url: &Url) -> Option<String> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.get(&url.origin().ascii_serialization()).cloned()
    }
}

/// On a thread of its own where the key may wait for a device.
async fn sign(
    request: &ProofRequest<'_>,
    key: &Arc<dyn SigningKey>,
    now: UnixTime,
) -> Result<String, Error> {
    let jti = random::jti()?;
    if !key.may_block() {
        return Ok(mint(request, key.as_ref(), now, &jti)?);
    }
    let public_key = key.public_key();
    let Some(algorithm) = public_key.algorithms().first().copied() else {
        return Err(Error::new(ErrorKind::Signing, "the key has no algorithm"));
    };
    let input = signing_input(request, public_key, algorithm, now, &jti);
    let key = Arc::clone(key);
    let signed = tokio::task::spawn_blocking(move || {
        let signature = key.sign(algorithm, input.as_bytes())?;
        Ok::<_, Error>(input.finish(&signature))
    });
    signed.await.map_err(|_| {
        Error::new(
            ErrorKind::Signing,
            "the key could not sign: its thread was stopped",
        )
    })?
}

async fn make_key() -> Result<Arc<dyn SigningKey>, Error> {
    let made = tokio::task::spawn_blocking(|| LocalKey::generate(KeyType::P256)).await;
    match made {
        Ok(Ok((key, _pkcs8))) => Ok(Arc::new(key)),
        _ => Err(Error::new(
            ErrorKind::Signing,
            "no key for proof of possession could be made",
        )),
    }
}
