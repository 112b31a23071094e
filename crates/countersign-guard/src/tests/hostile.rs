//! Is a damaged or dressed-up token refused before anything of it is believed, and nothing fetched?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{Guard, scripted::*};

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A guard that knows the keys of its issuer, and a good token.
async fn ready() -> (Guard, std::sync::Arc<ScriptedIssuer>, String) {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    let text = token(&signer);
    assert!(guard.check(&bearer(&text)).await.is_ok());
    (guard, issuer, text)
}

// security.md 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 18, 19, 20, 22, 23
#[tokio::test]
async fn a_token_of_a_wrong_form_is_refused_at_once() {
    let (guard, issuer, good) = ready().await;
    let asked = issuer.requests();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("three segments")
    };
    let with_header = |text: &str| format!("{}.{claims}.{signature}", b64(text));
    let with_claims = |text: &str| format!("{header}.{}.{signature}", b64(text));
    let longest = "a".repeat(257);
    for (token, word) in [
        (format!("{header}.{claims}"), "opaque"),
        (format!("{header}.{claims}."), "signature"),
        (
            format!("{header}.{claims}.{signature}.{signature}"),
            "opaque",
        ),
        (format!("{good}.x.y"), "form"),
        (".".repeat(15_000), "opaque"),
        (good.replace('.', "="), "malformed"),
        (format!("{good}="), "form"),
        (format!("{header}.{claims}+.{signature}"), "form"),
        (format!("{header}.{claims}/.{signature}"), "form"),
        (format!("{header}.{claims}~.{signature}"), "form"),
        (format!("..{signature}"), "form"),
        (with_header("[]"), "form"),
        (with_header("null"), "form"),
        (with_header("{}x"), "form"),
        (with_header("\u{feff}{}"), "form"),
        (with_header("{\"alg\":\"ES256\",\"alg\":\"none\"}"), "form"),
        (with_header("{\"typ\":\"at+jwt\"}"), "algorithm"),
        (
            with_header("{\"alg\":\"none\",\"typ\":\"at+jwt\"}"),
            "algorithm",
        ),
        (
            with_header("{\"alg\":\"nOnE\",\"typ\":\"at+jwt\"}"),
            "algorithm",
        ),
        (
            with_header("{\"alg\":\"es256\",\"typ\":\"at+jwt\"}"),
            "algorithm",
        ),
        (
            with_header("{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\"}"),
            "algorithm",
        ),
        (with_header("{\"alg\":\"ES256\",\"crit\":[]}"), "form"),
        (
            with_header("{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}"),
            "form",
        ),
        (with_header("{\"alg\":\"ES256\",\"b64\":false}"), "form"),
        (with_header("{\"alg\":\"ES256\",\"zip\":\"DEF\"}"), "form"),
        (
            with_header("{\"alg\":\"ES256\",\"enc\":\"A128GCM\"}"),
            "form",
        ),
        (
            with_header(&format!("{{\"alg\":\"ES256\",\"kid\":\"{longest}\"}}")),
            "form",
        ),
        (with_claims("[]"), "form"),
        (
            with_claims("{\"iss\":\"https://id.example\",\"iss\":\"https://id.example\"}"),
            "form",
        ),
        (with_claims("{\"iss\":\"https://id.example\"}{}"), "form"),
        (with_claims(&"[".repeat(10_000)), "form"),
        (
            format!(
                "{header}.{}.{signature}",
                b64([0xff, 0xfe, b'{', 0, b'}', 0])
            ),
            "form",
        ),
        (format!("{header}.{claims}.{}", b64([0; 64])), "signature"),
        (format!("{header}.{claims}.{}", b64([0; 63])), "signature"),
        (
            format!(
                "{header}.{claims}.{}",
                b64(b"\x30\x06\x02\x01\x01\x02\x01\x01")
            ),
            "signature",
        ),
        (format!("{}.x.y", "a".repeat(20_000)), "malformed"),
    ] {
        let judged = guard.check(&bearer(&token)).await;
        let refusal = judged.expect_err(&token);
        assert_eq!(refusal.word(), word, "{token}");
        assert!(refusal.status().is_client_error());
    }
    assert_eq!(issuer.requests(), asked);
    assert!(guard.check(&bearer(&good)).await.is_ok());
}

// security.md 3, 10, 16, 20: no bit of a token can be another.
#[tokio::test]
async fn every_change_of_one_character_is_refused() {
    let (guard, _, good) = ready().await;
    let mut refused = 0;
    for at in 0..good.len() {
        for other in ["A", "b", "7", "-", "."] {
            let mut token = good.clone();
            token.replace_range(at..=at, other);
            if token == good {
                continue;
            }
            // Some name another key, for which the issuer is asked: that is judged all the same.
            assert!(guard.check(&bearer(&token)).await.is_err(), "{token}");
            refused += 1;
        }
    }
    assert!(refused > 1_000, "{refused}");
}

// security.md 17, 18; attacks A6, A7
#[tokio::test]
async fn a_key_that_a_token_brings_along_or_points_to_is_never_used_and_never_fetched() {
    let (guard, issuer, good) = ready().await;
    let kid = countersign_proto::token::inspect(&good).unwrap().header["kid"].clone();
    let asked = issuer.requests();
    let key = key();
    let own = countersign_proto::jwt::Signer::key_pair(key.clone());
    let published = published(&[&own]);
    let jwk = &published["keys"][0];
    let claims = json!({"iss": ISSUER, "aud": API, "sub": "mallory", "exp": NOW + 600, "iat": NOW});
    for extra in [
        json!({"jwk": jwk}),
        json!({"jku": "https://mallory.example/jwks.json"}),
        json!({"jku": "http://127.0.0.1:1/jwks.json"}),
        json!({"x5u": "https://mallory.example/chain.pem"}),
        json!({"x5c": ["MIIB"]}),
    ] {
        let mut header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        let members = header.as_object_mut().unwrap();
        members.extend(extra.as_object().unwrap().clone());
        let refused = guard.check(&bearer(&forged(&header, &claims, &key))).await;
        assert_eq!(refused.unwrap_err().word(), "signature", "{extra}");
    }
    // The wire of these tests admits no other host; and the issuer heard nothing either.
    assert_eq!(issuer.requests(), asked);
}

// security.md 13, 24, 54: what the issuer publishes is judged before it is used.
#[tokio::test]
async fn keys_that_must_not_be_used_are_no_keys() {
    let good = signer();
    let text = token(&good);
    for (keys, word) in [
        // Private and symmetric members: the whole set is refused, and there is no other.
        (
            json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "a"}]}),
            "unavailable",
        ),
        (
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}),
            "unavailable",
        ),
        // A point that is on no curve: the key is passed over, and no key is left.
        (
            json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "a",
                "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}),
            "key",
        ),
        (json!({"keys": []}), "key"),
        (json!({"keys": {}}), "unavailable"),
        (json!([]), "unavailable"),
    ] {
        let issuer = ScriptedIssuer::new(&[]);
        issuer.publish_text(keys.clone());
        let guard = builder(&issuer, &TestClock::new()).build().unwrap();
        let refused = guard.check(&bearer(&text)).await.unwrap_err();
        assert_eq!(refused.word(), word, "{keys}");
    }
    let twice = published(&[&good, &good]);
    let mut other = published(&[&signer()]);
    other["keys"][0]["kid"] = twice["keys"][0]["kid"].clone();
    let issuer = ScriptedIssuer::new(&[]);
    issuer.publish_text(json!({"keys": [twice["keys"][0], other["keys"][0]]}));
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    let refused = guard.check(&bearer(&text)).await.unwrap_err();
    assert_eq!(refused.word(), "unavailable");
}
