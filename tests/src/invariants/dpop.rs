//! What must hold of a proof of possession (RFC 9449)?

use std::{sync::OnceLock, time::Duration};

use countersign::proto::{
    dpop::{AGE_MAX, FUTURE_MAX, ProofRequest, VerifiedProof, mint, verify},
    jwk::{required_members, thumbprint},
    key::SigningKey as _,
    time::UnixTime,
};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{
    CHANGES, CONTENT,
    changes::changed,
    keys::{self, NOW, by_pair, halves},
    rereading::{is_shown_safely, lenient},
};

const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const NONCE: &str = "n-1";

/// Of a proof as it comes, of a good one that was changed, and of one whose claims a key signed.
pub fn hold(input: &[u8]) {
    match input {
        [CHANGES, changes @ ..] => {
            let text = changed(good(), changes);
            assert!(text == good() || proved(&text).is_none(), "{text}");
        }
        [CONTENT, rest @ ..] => of_content(rest),
        _ => {
            if let Ok(text) = std::str::from_utf8(input)
                && let Some(proof) = proved(text)
            {
                what_holds_is_bound(text, &proof);
            }
        }
    }
}

/// A header that is added to the one that makes a proof, and claims.
fn of_content(input: &[u8]) {
    let (more, claims) = halves(input);
    let key = keys::ed25519();
    let mut header = lenient(more).unwrap_or_default();
    header
        .entry("alg")
        .or_insert_with(|| json!(key.public_key().algorithms()[0].name()));
    header.entry("typ").or_insert_with(|| json!("dpop+jwt"));
    header
        .entry("jwk")
        .or_insert_with(|| Value::Object(required_members(key.public_key())));
    let text = by_pair(key, Value::Object(header).to_string().as_bytes(), claims);
    let Some(proof) = proved(&text) else { return };
    what_holds_is_bound(&text, &proof);
    let claims = lenient(claims).expect("a JSON object");
    assert_eq!(proof.thumbprint(), thumbprint(key.public_key()));
    assert_eq!(
        (&claims["htm"], &claims["nonce"]),
        (&"POST".into(), &NONCE.into())
    );
    assert_eq!(claims["jti"], proof.jti());
    let htu = claims["htu"].as_str().expect("a string");
    let mut target = Url::parse(htu).expect("a URL");
    target.set_query(None);
    target.set_fragment(None);
    assert_eq!(target.host(), uri().host());
    let plain = target.path().to_ascii_lowercase();
    assert!(plain.contains('%') || target == uri(), "{htu}");
}

/// Signed to the same bytes each time, so that any other text is another signature.
fn good() -> &'static str {
    static GOOD: OnceLock<String> = OnceLock::new();
    GOOD.get_or_init(|| {
        let proof = mint(&request(), keys::ed25519(), NOW, "5f0c2b7e-3a51-4d0e").expect("a proof");
        assert!(proved(&proof).is_some());
        proof
    })
}

fn uri() -> Url {
    Url::parse("https://id.example/oauth2/token").expect("a URL")
}

fn request() -> ProofRequest<'static> {
    static URI: OnceLock<Url> = OnceLock::new();
    ProofRequest {
        method: &Method::POST,
        uri: URI.get_or_init(uri),
        access_token: Some(TOKEN),
        nonce: Some(NONCE),
    }
}

fn proved(text: &str) -> Option<VerifiedProof> {
    verify(text, &request(), NOW)
        .inspect_err(is_shown_safely)
        .ok()
}

/// A proof is for one request, one token, one nonce and one time.
fn what_holds_is_bound(text: &str, proof: &VerifiedProof) {
    assert_eq!(proof.thumbprint(), thumbprint(proof.key()));
    assert!((8..=128).contains(&proof.jti().chars().count()));
    assert!(proof.issued_at() <= NOW.plus(FUTURE_MAX));
    assert!(NOW.since(proof.issued_at()) <= AGE_MAX);
    assert!(proof.forget_after() > NOW);
    let other = Url::parse("https://id.example/oauth2/revoke").expect("a URL");
    for request in [
        ProofRequest {
            method: &Method::GET,
            ..request()
        },
        ProofRequest {
            uri: &other,
            ..request()
        },
        ProofRequest {
            access_token: Some("another"),
            ..request()
        },
        ProofRequest {
            nonce: Some("another"),
            ..request()
        },
    ] {
        assert!(verify(text, &request, NOW).is_err(), "{request:?}");
    }
    assert!(verify(text, &request(), proof.forget_after()).is_err());
    let before = proof
        .issued_at()
        .as_secs()
        .checked_sub(FUTURE_MAX.as_secs() + 1);
    if let Some(before) = before {
        assert!(verify(text, &request(), UnixTime::from_secs(before)).is_err());
    }
    assert!(
        verify(
            text,
            &request(),
            NOW.plus(AGE_MAX + FUTURE_MAX + Duration::from_secs(1))
        )
        .is_err()
    );
}
