//! Which tokens must be refused by whoever verifies JWTs, and each for which reason?
//!
//! All are made of good tokens of one issuer: damaged, dressed up, or signed by the right key with
//! something wrong in them. The reason is the first thing that does not hold, in the words of
//! [`reason`]; whoever verifies in another order than `proto::jwt` says where it differs.

mod claims;
mod forms;
mod headers;
mod json;

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::proto::{
    jws::JwsError,
    jwt::{Algorithm, Refusal, Signer, SymmetricKey},
    key::{self, LocalKey, SigningKey as _},
    time::UnixTime,
};
use serde_json::{Value, json};

/// The issuer of every good token.
pub const ISSUER: &str = "https://issuer.example";
/// Whom every good token is for.
pub const API: &str = "https://api.example";
/// The `typ` of every good token.
pub const TYP: &str = "at+jwt";
/// When good tokens are good.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Whoever signs good tokens, by one algorithm.
#[derive(Debug)]
pub struct Issuer {
    signer: Signer,
    secret: Secret,
}

/// A token that must be refused.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// As it is presented.
    pub token: String,
    /// The first thing that does not hold, as [`reason`] says it.
    pub why: &'static str,
}

enum Secret {
    Pair(LocalKey, key::Algorithm),
    Shared(hmac::Algorithm),
}

/// RFC 7515 App. A.1: 64 bytes.
const SHARED: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

impl Issuer {
    /// One for each algorithm that there is.
    pub fn all() -> Vec<Issuer> {
        Algorithm::ALL.into_iter().map(Issuer::by).collect()
    }

    /// The one that signs by this algorithm.
    pub fn by(algorithm: Algorithm) -> Issuer {
        let (signer, secret) = match algorithm {
            Algorithm::KeyPair(pair) => {
                let key = || LocalKey::from_pem(pem_of(pair)).expect("a key");
                (Signer::key_pair(Arc::new(key())), Secret::Pair(key(), pair))
            }
            hmac => {
                let key = SymmetricKey::from_base64url(SHARED).expect("a key");
                (Signer::symmetric(key), Secret::Shared(hash_of(hmac)))
            }
        };
        Issuer {
            signer: signer.with_algorithm(algorithm).expect("its algorithm"),
            secret,
        }
    }

    /// Its key, its algorithm and its `kid`.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// A token that is believed.
    pub fn good(&self) -> String {
        self.sign(&self.header(), &good_claims())
    }

    /// Some hundreds that are not.
    pub fn hostile(&self) -> Vec<Hostile> {
        let mut all = Vec::new();
        forms::add(self, &mut all);
        headers::add(self, &mut all);
        json::add(self, &mut all);
        claims::add(self, &mut all);
        all
    }

    fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    fn header(&self) -> Value {
        json!({"alg": self.algorithm().name(), "typ": TYP, "kid": self.signer.kid()})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    fn sign_bytes(&self, header: &[u8], claims: &[u8]) -> String {
        let input = input_of(header, claims);
        let signature = match &self.secret {
            Secret::Pair(key, algorithm) => key.sign(*algorithm, input.as_bytes()).expect("signed"),
            Secret::Shared(hash) => {
                let shared = URL_SAFE_NO_PAD.decode(SHARED).expect("base64url");
                hmac_by(*hash, &shared, &input)
            }
        };
        finished(&input, &signature)
    }
}

/// The first thing that did not hold: the variant, and of a form what is wrong with it, of a claim which.
pub fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Jws(JwsError::Header(why)) => format!("Header {}", variant(why)),
        Refusal::Jws(JwsError::Claims(why)) => format!("Claims {}", variant(why)),
        Refusal::Jws(why) => variant(why),
        Refusal::Claim(why) => format!("Claim {}", why.claim),
        Refusal::Value { claim, .. } => format!("Value {claim}"),
        other => variant(other),
    }
}

fn variant(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The claims of every good token.
fn good_claims() -> Value {
    let now = NOW.as_secs();
    json!({"iss": ISSUER, "sub": "alice", "aud": API, "client_id": "app-1", "iat": now,
        "exp": now + 600, "jti": "5f0c2b7e-3a51-4d0e-9d4f-1c2b3a4d5e6f"})
}

fn input_of(header: &[u8], claims: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}")
}

fn finished(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn hmac_by(hash: hmac::Algorithm, key: &[u8], input: &str) -> Vec<u8> {
    let key = hmac::Key::new(hash, key);
    hmac::sign(&key, input.as_bytes()).as_ref().to_vec()
}

fn hash_of(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    }
}

fn pem_of(algorithm: key::Algorithm) -> &'static str {
    match algorithm {
        key::Algorithm::ES256 => include_str!("../../testdata/clients/p256/p256.key"),
        key::Algorithm::ES384 => include_str!("../../testdata/clients/p384/p384.key"),
        key::Algorithm::ES512 => include_str!("../../testdata/clients/p521/p521.key"),
        key::Algorithm::EdDSA => include_str!("../../testdata/clients/ed25519/ed25519.key"),
        _ => include_str!("../../testdata/clients/rsa2048/rsa2048.key"),
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
