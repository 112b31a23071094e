//! Which keys, certificates and tokens do the tests use?
//!
//! Everything under `testdata/vectors` was made by other tools; `make_tokens.sh` there makes it anew.

use serde_json::Value;

use crate::{
    certificate::{Certificate, CertificateChain},
    jws::SigningInput,
    key::{Algorithm, KeyError, LocalKey, PublicKey, SigningKey},
    time::UnixTime,
};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
pub(crate) const CLIENT: &str = "app-1";
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const API: &str = "https://api.example";
pub(crate) const JTI: &str = "5f0c2b7e-3a51-4d0e-9d4f-1c2b3a4d5e6f";

/// Which key signs by which algorithm in this build.
#[cfg(feature = "aws-lc")]
pub(crate) const PAIRS: [(&str, Algorithm); 6] = [
    ("rsa", Algorithm::RS256),
    ("rsa", Algorithm::PS256),
    ("p256", Algorithm::ES256),
    ("p384", Algorithm::ES384),
    ("p521", Algorithm::ES512),
    ("ed25519", Algorithm::EdDSA),
];
#[cfg(not(feature = "aws-lc"))]
pub(crate) const PAIRS: [(&str, Algorithm); 3] = [
    ("rsa", Algorithm::RS256),
    ("rsa", Algorithm::PS256),
    ("p256", Algorithm::ES256),
];

/// One key of every kind that this build has.
#[cfg(feature = "aws-lc")]
pub(crate) const KINDS: [&str; 5] = ["rsa", "p256", "p384", "p521", "ed25519"];
#[cfg(not(feature = "aws-lc"))]
pub(crate) const KINDS: [&str; 2] = ["rsa", "p256"];

/// Whether a key was refused because this build has not its kind. With aws-lc it has every kind.
pub(crate) fn is_of_another_build(error: &KeyError) -> bool {
    let others = ["EC P-384", "EC P-521", "Ed25519"];
    cfg!(not(feature = "aws-lc"))
        && matches!(error, KeyError::Unsupported(kind) if others.contains(&kind.as_str()))
}

pub(crate) const IDENTITIES: &str = include_str!("../../../testdata/vectors/identities.json");

pub(crate) fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// A certificate of openssl with its issuer and its key, and what openssl says of it.
pub(crate) struct Identity {
    pub(crate) chain: CertificateChain,
    pub(crate) key: LocalKey,
    pub(crate) vector: Value,
}

impl Identity {
    pub(crate) fn named(name: &str) -> Identity {
        let vector = vectors(IDENTITIES)
            .into_iter()
            .find(|vector| vector["name"] == name)
            .unwrap();
        let certificate = |member: &str| {
            Certificate::all_from_pem(vector[member].as_str().unwrap())
                .unwrap()
                .remove(0)
        };
        Identity {
            chain: CertificateChain::new(certificate("certificate"), vec![certificate("issuer")]),
            key: LocalKey::from_pem(vector["key"].as_str().unwrap()).unwrap(),
            vector,
        }
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.vector[member].as_str().unwrap()
    }

    /// A token of any header and claims with a good signature.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let algorithm = header["alg"]
            .as_str()
            .and_then(Algorithm::from_name)
            .unwrap_or(self.public_key().algorithms()[0]);
        let input = SigningInput::encode(header.as_object().unwrap(), claims.as_object().unwrap());
        let signature = self.key.sign(algorithm, input.as_bytes()).unwrap();
        input.finish(&signature)
    }
}

/// The name of an error's variant.
pub(crate) fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}")
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .collect()
}
