//! How do certificates become a published key set, and a key set certificates?

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Algorithm, KeyRefusal, Signer,
    jwk::{AnyJwk, AnyKey, Members},
    public_pem::{Found, public_keys},
};
use crate::{
    certificate::{Certificate, CertificateChain, CertificateError},
    json::{self, Limits, Map, Value},
    jwk::{self, JwkError},
    key::{KeyError, PublicKey},
};

/// A public key as it is published, with its certificates when it has some.
#[derive(Clone, Debug)]
pub struct PublishedKey {
    key: PublicKey,
    kid: String,
    algorithm: Option<Algorithm>,
    chain: Option<CertificateChain>,
}

impl PublishedKey {
    /// The key of a certificate, with the certificates, under its RFC 7638 thumbprint.
    pub fn of_certificate(chain: &CertificateChain) -> PublishedKey {
        PublishedKey {
            chain: Some(chain.clone()),
            ..PublishedKey::of_key(chain.leaf().public_key())
        }
    }

    /// A key without a certificate, under its RFC 7638 thumbprint.
    pub fn of_key(key: &PublicKey) -> PublishedKey {
        PublishedKey {
            key: key.clone(),
            kid: jwk::thumbprint(key),
            algorithm: None,
            chain: None,
        }
    }

    /// The public half of what signs, under the name and the algorithm that it signs by. `None` when
    /// there is no public half: a secret is never published.
    pub fn of_signer(signer: &Signer) -> Option<PublishedKey> {
        let key = signer.public_key()?;
        Some(PublishedKey {
            key: key.clone(),
            kid: signer
                .kid()
                .map_or_else(|| jwk::thumbprint(key), str::to_owned),
            algorithm: Some(signer.algorithm()),
            chain: signer.chain().cloned(),
        })
    }

    /// Every certificate and public key of a PEM text; the public half of a private key when there is
    /// nothing else.
    ///
    /// # Errors
    ///
    /// When one of them is refused, or when there is none.
    pub fn all_from_pem(text: &str) -> Result<Vec<PublishedKey>, KeyRefusal> {
        let published = |found: Found| match found.certificate {
            Some(leaf) => PublishedKey::of_certificate(&CertificateChain::new(leaf, Vec::new())),
            None => PublishedKey::of_key(&found.key),
        };
        Ok(public_keys(text)?.into_iter().map(published).collect())
    }

    /// The keys of a JWK set, or one JWK, under their names and for their algorithms: of private ones
    /// the public half. Certificates are left out.
    ///
    /// # Errors
    ///
    /// When the text is neither, or when a key is refused, as every secret is.
    pub fn all_from_jwks(text: &[u8]) -> Result<Vec<PublishedKey>, KeyRefusal> {
        let keys = keys_of(text)?;
        keys.into_iter()
            .map(|members| {
                let jwk = AnyJwk::from_members(&members)?;
                let key = match &jwk.key {
                    AnyKey::Public(key) => key,
                    AnyKey::Private(key) => key.public_key(),
                    AnyKey::Symmetric(_) => return Err(KeyError::Symmetric.into()),
                };
                Ok(PublishedKey {
                    key: key.clone(),
                    kid: jwk.kid.unwrap_or_else(|| jwk::thumbprint(key)),
                    algorithm: jwk.algorithm,
                    chain: None,
                })
            })
            .collect()
    }

    /// The name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// A JWK with `x5c` and `x5t#S256` (RFC 7517 §4.7, §4.9) where there are certificates.
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = jwk::required_members(&self.key);
        members.insert("use".to_owned(), "sig".into());
        members.insert("kid".to_owned(), self.kid.as_str().into());
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".to_owned(), algorithm.name().into());
        }
        if let Some(chain) = &self.chain {
            let thumbprint = chain.leaf().sha256().to_base64url();
            members.insert("x5c".to_owned(), chain.x5c().into());
            members.insert("x5t#S256".to_owned(), thumbprint.into());
        }
        members
    }
}

/// A set of these keys (RFC 7517 §5): `{"keys": [...]}`.
///
/// # Errors
///
/// When two different keys have one `kid`. A key that is there twice is published once.
pub fn key_set(keys: &[PublishedKey]) -> Result<Value, KeyRefusal> {
    let mut published: Vec<&PublishedKey> = Vec::new();
    for key in keys {
        match published.iter().find(|known| known.kid == key.kid) {
            None => published.push(key),
            Some(known) if known.key == key.key => {}
            Some(_) => return Err(KeyRefusal::DuplicateKid(key.kid.clone())),
        }
    }
    let keys = published.iter().map(|key| Value::Object(key.to_members()));
    let mut set = Map::new();
    set.insert("keys".to_owned(), keys.collect());
    Ok(Value::Object(set))
}

/// The certificates that the keys of a set, or one JWK, bring along (`x5c`), in the order of the set.
/// Keys without certificates are passed over. Nothing is trusted because of this.
///
/// # Errors
///
/// When the text is neither, when a certificate is refused, or when the first certificate of a key is
/// not of that key (RFC 7517 §4.7).
pub fn certificates_in(text: &[u8]) -> Result<Vec<CertificateChain>, KeyRefusal> {
    let mut chains = Vec::new();
    for Members(key) in &keys_of(text)? {
        if let Some(x5c) = key.get("x5c") {
            chains.push(chain_of(key, x5c)?);
        }
    }
    Ok(chains)
}

/// The keys of a set, or the one that the text is.
fn keys_of(text: &[u8]) -> Result<Vec<Members>, JwkError> {
    const NO_SET: JwkError = JwkError::Member("keys");
    let mut members = json::object(text, &Limits::DOCUMENT).map_err(JwkError::Json)?;
    let keys = match members.remove("keys") {
        None => return Ok(vec![Members(members)]),
        Some(Value::Array(keys)) => keys,
        Some(_) => return Err(NO_SET),
    };
    keys.into_iter()
        .map(|key| match key {
            Value::Object(members) => Ok(Members(members)),
            _ => Err(NO_SET),
        })
        .collect()
}

fn chain_of(key: &Map<String, Value>, x5c: &Value) -> Result<CertificateChain, KeyRefusal> {
    let wrong = || KeyRefusal::from(JwkError::Member("x5c"));
    let mut certificates = x5c
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|text| {
            let der = text.as_str().and_then(|text| STANDARD.decode(text).ok());
            let der = der.ok_or(CertificateError::NotDer)?;
            Certificate::from_der(&der)
        })
        .collect::<Result<Vec<_>, CertificateError>>()?
        .into_iter();
    let leaf = certificates.next().ok_or_else(wrong)?;
    let public_key = jwk::read_key(jwk::required(key, "kty")?, key)?;
    if *leaf.public_key() != public_key {
        return Err(KeyRefusal::CertificateOfAnotherKey);
    }
    match jwk::optional(key, "x5t#S256")? {
        Some(thumbprint) if thumbprint != leaf.sha256().to_base64url() => {
            Err(KeyError::Malformed("x5t#S256 names another certificate than x5c").into())
        }
        _ => Ok(CertificateChain::new(leaf, certificates.collect())),
    }
}
