//! Does the toolkit do what it says?

mod building;
mod demanding;
mod inspecting;
mod key_sets;
mod keys;
mod own_algorithms;
mod renewing;
mod rfc;
mod verifying;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{Identity, KINDS, NOW, is_of_another_build},
    jws::SigningInput,
    key,
};

/// RFC 7515 App. A.1: 64 bytes.
const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const ISSUER: &str = "https://issuer.example";
const API: &str = "https://api.example";

fn secret() -> SymmetricKey {
    SymmetricKey::from_base64url(SECRET).unwrap()
}

/// Every algorithm of this build.
fn algorithms() -> Vec<Algorithm> {
    let others = [
        key::Algorithm::ES384,
        key::Algorithm::ES512,
        key::Algorithm::EdDSA,
    ];
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| match algorithm {
            Algorithm::KeyPair(pair) => cfg!(feature = "aws-lc") || !others.contains(pair),
            _ => true,
        })
        .collect()
}

/// Every algorithm with a key for it.
fn signers() -> Vec<Signer> {
    let signers: Vec<Signer> = algorithms().into_iter().map(signer_by).collect();
    assert_eq!(
        signers.len(),
        if cfg!(feature = "aws-lc") { 13 } else { 10 }
    );
    signers
}

fn signer_by(algorithm: Algorithm) -> Signer {
    let signer = match algorithm {
        Algorithm::KeyPair(algorithm) => Signer::key_pair(Arc::new(
            Identity::named(match algorithm {
                key::Algorithm::ES256 => "p256",
                key::Algorithm::ES384 => "p384",
                key::Algorithm::ES512 => "p521",
                key::Algorithm::EdDSA => "ed25519",
                _ => "rsa",
            })
            .key,
        )),
        _ => Signer::symmetric(secret()),
    };
    signer.with_algorithm(algorithm).unwrap()
}

fn es256() -> Signer {
    signer_by(Algorithm::KeyPair(key::Algorithm::ES256))
}

fn builder() -> JwtBuilder {
    JwtBuilder::new().issuer(ISSUER).audience(API)
}

fn demands() -> Requirements {
    Requirements::issued_by(ISSUER).for_audience(API)
}

/// Any header and claims with a good signature.
fn forge(signer: &Signer, header: &Value, claims: &Value) -> String {
    let input = SigningInput::encode(header.as_object().unwrap(), claims.as_object().unwrap());
    let signature = signer.sign(input.as_bytes()).unwrap();
    input.finish(&signature)
}

/// Claims that fulfil [`demands`], with one of them another.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": API, "exp": NOW.as_secs() + 600});
    if value == json!("absent") {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

fn header_of(signer: &Signer) -> Value {
    Value::Object(signer.header())
}
