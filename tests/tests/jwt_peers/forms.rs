//! In which forms is a key written, for us and for whoever is on the other side?

use std::{path::PathBuf, sync::Arc};

use countersign::{
    certificate_store::{CertificateStore, KeyState},
    proto::{
        certificate::{Certificate, CertificateChain},
        jwk,
        jwt::{Algorithm, PrivateKey, PublishedKey, Signer, SymmetricKey, TrustedKeys, key_set},
        key::SigningKey,
    },
};
use serde_json::{Value, json};

use super::NOW;
use crate::{fixtures, parts};

const PASSPHRASE: &str = "a passphrase of sixty-four characters, which HS512 is content wit";

/// Who is on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Jose,
    Joserfc,
}

impl Peer {
    /// Answers all lines in one run.
    pub(super) fn answers(self, asked: &[Value]) -> Vec<Value> {
        let lines: String = asked.iter().map(|line| format!("{line}\n")).collect();
        let now = NOW.as_secs().to_string();
        let said = match self {
            Peer::Jose => parts::node("jwt-peer.mjs", &[&now], &lines),
            Peer::Joserfc => parts::python_reading("jwt_peer.py", &[&now], &lines),
        };
        let answers: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers.len(), asked.len(), "{self:?}");
        answers
    }
}

/// One key of `testdata/clients` in every form that there is of it.
pub(super) struct Pair {
    name: &'static str,
    pub(super) pkcs8: String,
    /// PKCS#1 or SEC 1; Ed25519 has none.
    traditional: Option<String>,
    pub(super) certificate: String,
}

impl Pair {
    pub(super) fn named(name: &'static str) -> Pair {
        let read = |ending: &str| std::fs::read_to_string(file(name, ending));
        Pair {
            name,
            pkcs8: read("key").unwrap(),
            traditional: read("traditional.key").ok(),
            certificate: read("pem").unwrap(),
        }
    }

    /// By what it signs.
    pub(super) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let key_type = self.private().public_key().key_type();
        Algorithm::ALL.into_iter().filter(move |algorithm| {
            matches!(algorithm, Algorithm::KeyPair(algorithm) if key_type.signs_by(*algorithm))
        })
    }

    pub(super) fn private(&self) -> PrivateKey {
        PrivateKey::from_pem(&self.pkcs8).unwrap()
    }

    pub(super) fn spki(&self) -> String {
        let key = file(self.name, "key");
        let arguments = ["pkey", "-pubout", "-in", key.to_str().unwrap()];
        String::from_utf8(parts::openssl(&arguments)).unwrap()
    }

    pub(super) fn public_jwk(&self) -> Value {
        Value::Object(jwk::required_members(self.private().public_key()))
    }

    /// Signers of ours, each from another form.
    pub(super) fn signers(&self) -> Vec<(String, Signer)> {
        let private_jwk = self.private().to_jwk(None, None).unwrap();
        let pair = format!("{}{}", self.certificate, self.pkcs8);
        let mut signers = vec![
            ("PKCS#8".to_owned(), Signer::from_pem(&self.pkcs8).unwrap()),
            (
                "JWK".to_owned(),
                Signer::from_jwk(private_jwk.as_bytes()).unwrap(),
            ),
            (
                "certificate and key".to_owned(),
                Signer::from_pem(&pair).unwrap(),
            ),
            (
                "PKCS#8 that was a JWK".to_owned(),
                Signer::from_pem(
                    &PrivateKey::from_jwk(private_jwk.as_bytes())
                        .unwrap()
                        .to_pem(),
                )
                .unwrap(),
            ),
        ];
        if let Some(traditional) = &self.traditional {
            signers.push((
                "PKCS#1 or SEC 1".to_owned(),
                Signer::from_pem(traditional).unwrap(),
            ));
        }
        for ending in ["modern.p12", "legacy.p12", "modern.nopassword.p12"] {
            let (key, chain) = from_pkcs12(&file(self.name, ending));
            let signer = Signer::key_pair(key).with_certificate(chain).unwrap();
            signers.push((ending.to_owned(), signer));
        }
        signers
    }

    /// Keys that we believe by, each from another form.
    pub(super) fn trusted(&self) -> Vec<(&'static str, TrustedKeys)> {
        let private_jwk = self.private().to_jwk(None, None).unwrap();
        let certificate = Certificate::all_from_pem(&self.certificate)
            .unwrap()
            .remove(0);
        let published =
            PublishedKey::of_certificate(&CertificateChain::new(certificate, Vec::new()));
        let set = key_set(&[published]).unwrap().to_string();
        vec![
            ("private PEM", TrustedKeys::from_pem(&self.pkcs8).unwrap()),
            ("public PEM", TrustedKeys::from_pem(&self.spki()).unwrap()),
            (
                "certificate",
                TrustedKeys::from_pem(&self.certificate).unwrap(),
            ),
            (
                "private JWK",
                TrustedKeys::from_jwk(private_jwk.as_bytes()).unwrap(),
            ),
            (
                "public JWK",
                TrustedKeys::from_jwk(self.public_jwk().to_string().as_bytes()).unwrap(),
            ),
            (
                "key set",
                TrustedKeys::from_jwk_set(set.as_bytes()).unwrap(),
            ),
        ]
    }

    /// Private forms for a peer.
    pub(super) fn for_signing(&self) -> Vec<Value> {
        let mut forms = vec![
            json!({"form": "pkcs8", "text": self.pkcs8}),
            json!({"form": "jwk", "text": *self.private().to_jwk(None, None).unwrap()}),
            json!({"form": "pkcs8", "text": *self.private().to_pem()}),
        ];
        if let Some(traditional) = &self.traditional {
            forms.push(json!({"form": "pem", "text": traditional}));
        }
        forms
    }

    /// Public forms for a peer.
    pub(super) fn for_verifying(&self, signer: &Signer) -> Vec<Value> {
        let set = key_set(&[PublishedKey::of_signer(signer).unwrap()]).unwrap();
        vec![
            json!({"form": "spki", "text": self.spki()}),
            json!({"form": "x509", "text": self.certificate}),
            json!({"form": "jwk", "text": self.public_jwk().to_string()}),
            json!({"form": "jwks", "text": set.to_string()}),
        ]
    }
}

/// Secrets in every form of ours, and for a peer.
pub(super) fn secrets() -> Vec<(&'static str, SymmetricKey, Vec<Value>)> {
    let bytes: Vec<u8> = (0..64)
        .map(|n: u8| n.wrapping_mul(7).wrapping_add(3))
        .collect();
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let jwk = |key: &SymmetricKey| json!({"kty": "oct", "k": *key.to_base64url()}).to_string();
    let from_bytes = SymmetricKey::from_bytes(&bytes).unwrap();
    let generated = SymmetricKey::generate(Algorithm::HS512).unwrap();
    [
        ("bytes", from_bytes.clone(), hex(&bytes)),
        (
            "hex",
            SymmetricKey::from_hex(&hex(&bytes)).unwrap(),
            hex(&bytes),
        ),
        (
            "base64url",
            SymmetricKey::from_base64url(&from_bytes.to_base64url()).unwrap(),
            hex(&bytes),
        ),
        (
            "passphrase",
            SymmetricKey::from_passphrase(PASSPHRASE).unwrap(),
            hex(PASSPHRASE.as_bytes()),
        ),
        (
            "generated",
            generated.clone(),
            generated.to_hex().to_string(),
        ),
    ]
    .into_iter()
    .map(|(form, key, hex)| {
        let for_peer = vec![
            json!({"form": "hex", "text": hex}),
            json!({"form": "jwk", "text": jwk(&key)}),
        ];
        (form, key, for_peer)
    })
    .collect()
}

pub(super) fn file(name: &str, ending: &str) -> PathBuf {
    fixtures::path(&format!("clients/{name}/{name}.{ending}"))
}

fn from_pkcs12(file: &std::path::Path) -> (Arc<dyn SigningKey>, CertificateChain) {
    let store = CertificateStore::open(file, Some(fixtures::password())).unwrap();
    let candidate = store.candidates().unwrap().remove(0);
    match (candidate.key, candidate.chain) {
        (KeyState::Present(key), Some(chain)) => (key, chain),
        other => panic!("{}: {other:?}", file.display()),
    }
}
