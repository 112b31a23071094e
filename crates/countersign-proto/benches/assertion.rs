//! What do minting and verifying an assertion cost above the bare signature?

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::hint::black_box;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, RsaKeyPair, UnparsedPublicKey},
};
use countersign_bench::{Bench, Goal, Shape};
use countersign_proto::{
    assertion::{Assertion, Expectation, Purpose, UnverifiedAssertion},
    certificate::{Certificate, CertificateChain},
    key::{Algorithm, KeyType, LocalKey, SigningKey},
    time::UnixTime,
};

const ISSUER: &str = "https://platform.example";
const CLIENT: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
const JTI: &str = "Zk1h0m3YQ5Wm0kqGQ1cM9A";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Any certificate does: minting reads its thumbprints, verification is given a key.
const CERTIFICATE: &str = include_str!("../../../testdata/clients/rsa2048/rsa2048.pem");

fn main() {
    let bench = Bench::from_args();
    rsa(&bench);
    ecdsa(&bench);
}

fn rsa(bench: &Bench) {
    let (key, pkcs8) = LocalKey::generate(KeyType::Rsa { bits: 2048 }).expect("a key");
    let bare = RsaKeyPair::from_pkcs8(&pkcs8).expect("a key");
    let random = SystemRandom::new();
    let message = message(&key, Algorithm::RS256);
    let shape = Shape {
        rounds: 21,
        calls: 60,
    };
    bench.ratio(
        "assertion.mint.RS256",
        "bare signature",
        Goal::AtMost(1.03),
        shape,
        || mint(&key, Algorithm::RS256),
        || {
            let mut signature = vec![0; bare.public_modulus_len()];
            bare.sign(
                &signature::RSA_PKCS1_SHA256,
                &random,
                &message,
                &mut signature,
            )
            .expect("a signature");
            signature
        },
    );
    let token = mint(&key, Algorithm::RS256);
    let (signed, signature) = halves(&token);
    let public = spki(&key);
    let verifier = UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, &public);
    let parsed = verifier.parse().expect("a public key");
    let shape = Shape {
        rounds: 41,
        calls: 400,
    };
    bench.ratio(
        "assertion.verify.RS256",
        "bare verification",
        Goal::AtMost(1.15),
        shape,
        || verify(&key, Algorithm::RS256, &token),
        || {
            parsed.verify_sig(signed, &signature).expect("it verifies");
        },
    );
    let decoding = jsonwebtoken::DecodingKey::from_rsa_der(&pkcs1_of(&bare));
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    bench.ratio(
        "assertion.verify.RS256.vs-jsonwebtoken",
        "jsonwebtoken decode",
        Goal::None,
        shape,
        || verify(&key, Algorithm::RS256, &token),
        || {
            jsonwebtoken::decode::<serde_json::Value>(&token, &decoding, &rules)
                .expect("it verifies")
        },
    );
}

fn ecdsa(bench: &Bench) {
    let (key, pkcs8) = LocalKey::generate(KeyType::P256).expect("a key");
    let bare = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
        .expect("a key");
    let random = SystemRandom::new();
    let message = message(&key, Algorithm::ES256);
    let shape = Shape {
        rounds: 41,
        calls: 400,
    };
    bench.ratio(
        "assertion.mint.ES256",
        "bare signature",
        Goal::None,
        shape,
        || mint(&key, Algorithm::ES256),
        || bare.sign(&random, &message).expect("a signature"),
    );
    let token = mint(&key, Algorithm::ES256);
    let (signed, signature) = halves(&token);
    let public = spki(&key);
    let parsed = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &public)
        .parse()
        .expect("a public key");
    bench.ratio(
        "assertion.verify.ES256",
        "bare verification",
        Goal::AtMost(1.15),
        shape,
        || verify(&key, Algorithm::ES256, &token),
        || {
            parsed.verify_sig(signed, &signature).expect("it verifies");
        },
    );
}

fn mint(key: &LocalKey, algorithm: Algorithm) -> String {
    thread_local!(static CHAIN: CertificateChain = chain());
    let assertion = Assertion::client(CLIENT, ISSUER);
    CHAIN.with(|chain| {
        assertion
            .mint(chain, key, algorithm, NOW, JTI)
            .expect("an assertion")
            .expose()
            .to_owned()
    })
}

fn verify(key: &LocalKey, algorithm: Algorithm, token: &str) {
    let expectation = Expectation {
        purpose: Purpose::Client,
        client_id: CLIENT,
        audiences: &[ISSUER],
        lifetime_max: std::time::Duration::from_secs(300),
        now: NOW,
    };
    let unverified = UnverifiedAssertion::parse(black_box(token)).expect("it parses");
    black_box(
        unverified
            .verify(key.public_key(), &[algorithm], &expectation)
            .expect("it verifies"),
    );
}

fn chain() -> CertificateChain {
    let leaf = Certificate::all_from_pem(CERTIFICATE)
        .expect("a certificate")
        .remove(0);
    CertificateChain::new(leaf, Vec::new())
}

/// The bytes that minting signs: of the same length, so that both sides hash the same.
fn message(key: &LocalKey, algorithm: Algorithm) -> Vec<u8> {
    let token = mint(key, algorithm);
    halves(&token).0.to_vec()
}

fn halves(token: &str) -> (&[u8], Vec<u8>) {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    (
        signed.as_bytes(),
        URL_SAFE_NO_PAD.decode(signature).expect("base64url"),
    )
}

fn spki(key: &LocalKey) -> Vec<u8> {
    key.public_key().spki().to_vec()
}

fn pkcs1_of(key: &RsaKeyPair) -> Vec<u8> {
    use aws_lc_rs::signature::KeyPair as _;
    key.public_key().as_ref().to_vec()
}
