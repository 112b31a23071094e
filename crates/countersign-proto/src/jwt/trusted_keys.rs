//! By which keys is a token believed?

use std::sync::Arc;

use super::{
    Algorithm, KeyRefusal, Signer, SymmetricKey,
    jwk::{AnyJwk, AnyKey, Members},
    public_pem::public_keys,
    signer::Key,
};
use crate::{
    assertion::KidForm,
    certificate::Certificate,
    crypto::hmac::Hash,
    json::{self, Limits, Value},
    jwk::{self, JwkError},
    jws::Header,
    key::{KeyError, PublicKey},
};

/// The keys whose signatures are believed, each by its own algorithms and under its own names. Cheap
/// to clone.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Arc<[TrustedKey]>);

#[derive(Clone, Debug)]
pub(super) struct TrustedKey {
    key: VerifyingKey,
    /// The one algorithm that the key is for, when that is said; else any of its kind.
    algorithm: Option<Algorithm>,
    /// Each `kid` by which a token may name it.
    names: Vec<String>,
    naming: Naming,
}

/// Who gave a key its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// Whoever trusts it: a token that names another key is not for this one.
    Given,
    /// Nobody: they are its thumbprints. What its issuer calls it is not known, so that as the only
    /// key it is tried whatever a token says.
    ByThumbprint,
}

#[derive(Clone, Debug)]
enum VerifyingKey {
    Symmetric(SymmetricKey),
    Public(PublicKey),
}

/// Why no key was taken for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// The token names a key that is not there.
    Unknown,
    /// The token names none, and there are several.
    Unnamed,
}

impl TrustedKeys {
    /// The key of a signer, under its `kid`, for its one algorithm.
    pub fn of(signer: &Signer) -> TrustedKeys {
        let key = match signer.key() {
            Key::Symmetric(key) => VerifyingKey::Symmetric(key.clone()),
            Key::Pair(key) => VerifyingKey::Public(key.public_key().clone()),
        };
        TrustedKeys::one(TrustedKey {
            key,
            algorithm: Some(signer.algorithm()),
            names: signer.kid().map(str::to_owned).into_iter().collect(),
            naming: match signer.kid() {
                Some(_) => Naming::Given,
                None => Naming::ByThumbprint,
            },
        })
    }

    /// One secret, for every HMAC that it is long enough for.
    pub fn symmetric(key: SymmetricKey) -> TrustedKeys {
        TrustedKeys::one(TrustedKey {
            names: vec![key.thumbprint()],
            key: VerifyingKey::Symmetric(key),
            algorithm: None,
            naming: Naming::ByThumbprint,
        })
    }

    /// One public key, for every algorithm of its kind, under its RFC 7638 thumbprint.
    pub fn public_key(key: PublicKey) -> TrustedKeys {
        TrustedKeys::one(TrustedKey {
            names: vec![jwk::thumbprint(&key)],
            key: VerifyingKey::Public(key),
            algorithm: None,
            naming: Naming::ByThumbprint,
        })
    }

    /// The key of a certificate, under its thumbprints in all their forms. The certificate is not
    /// judged: it is trusted because it is named here.
    pub fn certificate(certificate: &Certificate) -> TrustedKeys {
        let forms = [
            KidForm::Sha1Hex,
            KidForm::Sha256Hex,
            KidForm::Sha1Base64url,
            KidForm::Sha256Base64url,
        ];
        let of_certificate = forms.iter().filter_map(|form| form.of(certificate));
        let key = certificate.public_key().clone();
        TrustedKeys::one(TrustedKey {
            names: of_certificate.chain([jwk::thumbprint(&key)]).collect(),
            key: VerifyingKey::Public(key),
            algorithm: None,
            naming: Naming::ByThumbprint,
        })
    }

    /// Every certificate and public key of a PEM text; the public half of a private key when there is
    /// nothing else.
    ///
    /// # Errors
    ///
    /// When one of them is refused, or when there is none.
    pub fn from_pem(text: &str) -> Result<TrustedKeys, KeyRefusal> {
        let found: Vec<TrustedKeys> = public_keys(text)?
            .into_iter()
            .map(|found| match &found.certificate {
                Some(certificate) => TrustedKeys::certificate(certificate),
                None => TrustedKeys::public_key(found.key),
            })
            .collect();
        TrustedKeys::together(&found)
    }

    /// One JWK of any kind: of a private one the public half. It is believed by its `alg` alone when
    /// it has one, and named by its `kid`, else by its thumbprint.
    ///
    /// # Errors
    ///
    /// When the JWK is refused.
    pub fn from_jwk(text: &[u8]) -> Result<TrustedKeys, KeyRefusal> {
        AnyJwk::read(text).map(|jwk| TrustedKeys::one(TrustedKey::from(jwk)))
    }

    /// A published set (RFC 7517 §5). Keys that cannot verify here are passed over.
    ///
    /// # Errors
    ///
    /// When the text is no set, when no key of it is usable, when it gives a private or symmetric
    /// key away, or when two usable keys have one `kid`.
    pub fn from_jwk_set(text: &[u8]) -> Result<TrustedKeys, KeyRefusal> {
        let mut set = json::object(text, &Limits::DOCUMENT).map_err(JwkError::Json)?;
        let Some(Value::Array(keys)) = set.remove("keys") else {
            return Err(JwkError::Member("keys").into());
        };
        let mut found = Vec::new();
        for key in keys {
            let Value::Object(members) = key else {
                return Err(JwkError::Member("keys").into());
            };
            let members = Members(members);
            if members.0.contains_key("k") {
                return Err(KeyError::Symmetric.into());
            }
            if jwk::PRIVATE
                .iter()
                .any(|name| members.0.contains_key(*name))
            {
                return Err(KeyError::Private.into());
            }
            if let Ok(jwk) = AnyJwk::from_members(&members) {
                found.push(TrustedKeys::one(TrustedKey::from(jwk)));
            }
        }
        TrustedKeys::together(&found)
    }

    /// The keys of all of them.
    ///
    /// # Errors
    ///
    /// When there is none, or when one `kid` names two different keys.
    pub fn together(all: &[TrustedKeys]) -> Result<TrustedKeys, KeyRefusal> {
        let mut keys: Vec<TrustedKey> = Vec::new();
        for key in all.iter().flat_map(|keys| keys.0.iter()) {
            let twice = |name: &&String| keys.iter().any(|known| known.names.contains(name));
            match key.names.iter().find(twice) {
                None => keys.push(key.clone()),
                Some(_) if keys.iter().any(|known| known.is_same_key(key)) => {}
                Some(name) => return Err(KeyRefusal::DuplicateKid(name.clone())),
            }
        }
        if keys.is_empty() {
            return Err(KeyRefusal::NoKey);
        }
        Ok(TrustedKeys(keys.into()))
    }

    /// The key that a token names; the only one when nobody named it, or when the token names none.
    pub(super) fn find<A>(&self, header: &Header<A>) -> Result<&TrustedKey, NotFound> {
        match (header.kid.as_deref(), &*self.0) {
            (None, [only]) => Ok(only),
            (None, _) => Err(NotFound::Unnamed),
            (Some(_), [only]) if only.naming == Naming::ByThumbprint => Ok(only),
            (Some(kid), keys) => keys
                .iter()
                .find(|key| key.names.iter().any(|name| name == kid))
                .ok_or(NotFound::Unknown),
        }
    }

    /// Whether the key is taken because there is no other, and not by its name.
    pub(super) fn is_unnamed<A>(&self, header: &Header<A>) -> bool {
        let is_its_name = |kid: &String| self.0.iter().any(|key| key.names.contains(kid));
        self.0.len() == 1
            && !header.kid.as_ref().is_some_and(is_its_name)
            && self.find(header).is_ok()
    }

    fn one(key: TrustedKey) -> TrustedKeys {
        TrustedKeys(Arc::new([key]))
    }
}

impl TrustedKey {
    /// Whether the key verifies by this algorithm: by the one that it is for, or by those of its
    /// kind. The header decides nothing.
    pub(super) fn permits(&self, algorithm: Algorithm) -> bool {
        if self.algorithm.is_some_and(|only| only != algorithm) {
            return false;
        }
        match (&self.key, algorithm) {
            (VerifyingKey::Symmetric(key), algorithm) => key.signs_by(algorithm),
            (VerifyingKey::Public(key), Algorithm::KeyPair(algorithm)) => {
                key.key_type().signs_by(algorithm)
            }
            (VerifyingKey::Public(_), _) => false,
        }
    }

    /// What the key verifies by, for whoever is told.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let permitted = Algorithm::ALL.into_iter();
        permitted
            .filter(|algorithm| self.permits(*algorithm))
            .collect()
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let hash: Option<Hash> = algorithm.hash();
        match (&self.key, algorithm, hash) {
            (VerifyingKey::Symmetric(key), _, Some(hash)) => key.verify(hash, message, signature),
            (VerifyingKey::Public(key), Algorithm::KeyPair(algorithm), None) => {
                key.verify(algorithm, message, signature).is_ok()
            }
            _ => false,
        }
    }

    fn is_same_key(&self, other: &TrustedKey) -> bool {
        match (&self.key, &other.key) {
            (VerifyingKey::Symmetric(one), VerifyingKey::Symmetric(two)) => {
                one.thumbprint() == two.thumbprint()
            }
            (VerifyingKey::Public(one), VerifyingKey::Public(two)) => one == two,
            _ => false,
        }
    }
}

impl From<AnyJwk> for TrustedKey {
    fn from(jwk: AnyJwk) -> TrustedKey {
        let (key, thumbprint) = match jwk.key {
            AnyKey::Symmetric(key) => {
                let thumbprint = key.thumbprint();
                (VerifyingKey::Symmetric(key), thumbprint)
            }
            AnyKey::Private(key) => {
                let key = key.public_key().clone();
                let thumbprint = jwk::thumbprint(&key);
                (VerifyingKey::Public(key), thumbprint)
            }
            AnyKey::Public(key) => {
                let thumbprint = jwk::thumbprint(&key);
                (VerifyingKey::Public(key), thumbprint)
            }
        };
        TrustedKey {
            key,
            algorithm: jwk.algorithm,
            naming: match jwk.kid {
                Some(_) => Naming::Given,
                None => Naming::ByThumbprint,
            },
            names: vec![jwk.kid.unwrap_or(thumbprint)],
        }
    }
}
