//! Is an ID token believed only when every word of it is right?

use aws_lc_rs::hmac;
use countersign_proto::key::{KeyType, LocalKey, SigningKey as _};
use serde_json::json;

use super::*;
use crate::idp::fixtures::{ACCESS_TOKEN, changed, pasted, sign_with};

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "platform-7";
const NONCE: &str = "n-0S6_WzA2Mj";
const NOW: u64 = 1_800_000_000;

fn key(key_type: KeyType) -> (LocalKey, Jwk) {
    let (key, _) = LocalKey::generate(key_type).unwrap();
    let jwk = Jwk {
        key: key.public_key().clone(),
        kid: Some("one".to_owned()),
        algorithm: None,
    };
    (key, jwk)
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        client_id: CLIENT,
        nonce: NONCE,
        access_token: Some(ACCESS_TOKEN),
        now: UnixTime::from_secs(NOW),
    }
}

fn claims(changes: &Value) -> Value {
    changed(
        json!({
            "iss": ISSUER, "sub": "248289761001", "aud": CLIENT, "nonce": NONCE,
            "iat": NOW, "exp": NOW + 300,
        }),
        changes,
    )
}

fn verify(text: &str, jwk: &Jwk) -> Result<IdToken, IdTokenError> {
    let token = UnverifiedJws::parse(text).map_err(IdTokenError::Jws)?;
    IdToken::verify(token, jwk, &expected())
}

/// What becomes of a token with these claims, signed by the right key.
fn judged(header: &Value, changes: &Value) -> Result<IdToken, IdTokenError> {
    let (key, jwk) = key(KeyType::P256);
    let text = sign_with(&key, Algorithm::ES256, header, &claims(changes));
    verify(&text, &jwk)
}

fn mistyped(claim: &'static str) -> IdTokenError {
    IdTokenError::Claim(ClaimError {
        claim,
        missing: false,
    })
}

fn missing(claim: &'static str) -> IdTokenError {
    IdTokenError::Claim(ClaimError {
        claim,
        missing: true,
    })
}

#[test]
fn a_good_token_is_believed_whatever_harmless_stands_in_it() {
    for changes in [
        json!({}),
        json!({ "aud": [CLIENT] }),
        json!({ "aud": [CLIENT], "azp": CLIENT }),
        json!({ "azp": CLIENT }),
        json!({ "iat": NOW - 600, "exp": NOW - 9 }),
        json!({ "iat": NOW + 60, "nbf": NOW + 60 }),
        json!({ "exp": 1_800_000_000.5 }),
        // OpenID Connect Core 1.0 Appendix A.3
        json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }),
        json!({ "sub": "ö".repeat(255) }),
        json!({ "auth_time": "yesterday", "acr": 7, "groups": ["a", "b"] }),
    ] {
        assert!(judged(&json!({}), &changes).is_ok(), "{changes}");
    }
    for header in [json!({ "typ": "JWT" }), json!({ "typ": "application/jwt" })] {
        assert!(judged(&header, &json!({})).is_ok(), "{header}");
    }
}

// security.md 25, 27, 30, 31, 32
#[test]
fn a_token_with_a_wrong_claim_is_refused_by_name() {
    use IdTokenError as E;
    for (changes, why) in [
        (json!({ "iss": null }), missing("iss")),
        (json!({ "iss": [ISSUER] }), mistyped("iss")),
        (json!({ "iss": "https://id.example.com/" }), E::Issuer),
        (json!({ "iss": "https://ID.example.com" }), E::Issuer),
        (json!({ "iss": "https://evil.example.com" }), E::Issuer),
        (json!({ "iss": "" }), E::Issuer),
        (json!({ "aud": null }), E::Audience),
        (json!({ "aud": "platform-8" }), E::Audience),
        (json!({ "aud": "PLATFORM-7" }), E::Audience),
        (json!({ "aud": "platform-7 " }), E::Audience),
        (json!({ "aud": [] }), E::Audience),
        (json!({ "aud": [CLIENT, "other"] }), E::Audience),
        (json!({ "aud": [CLIENT, CLIENT] }), E::Audience),
        (
            json!({ "aud": [CLIENT, "other"], "azp": CLIENT }),
            E::Audience,
        ),
        (json!({ "aud": ["other"] }), E::Audience),
        (json!({ "aud": { "a": CLIENT } }), E::Audience),
        (json!({ "aud": [[CLIENT]] }), E::Audience),
        (json!({ "aud": 7 }), E::Audience),
        (json!({ "azp": "other" }), E::AuthorizedParty),
        (
            json!({ "aud": [CLIENT], "azp": "other" }),
            E::AuthorizedParty,
        ),
        (json!({ "azp": [CLIENT] }), mistyped("azp")),
        (json!({ "azp": "" }), E::AuthorizedParty),
        (json!({ "sub": null }), missing("sub")),
        (json!({ "sub": 248_289_761_001_u64 }), mistyped("sub")),
        (json!({ "sub": "" }), E::Subject),
        (json!({ "sub": "x".repeat(256) }), E::Subject),
        (json!({ "sub": "a\u{0}b" }), E::Subject),
        (json!({ "sub": "a\nb" }), E::Subject),
        (json!({ "nonce": null }), missing("nonce")),
        (json!({ "nonce": "" }), E::Nonce),
        (json!({ "nonce": "n-0S6_WzA2Mk" }), E::Nonce),
        (json!({ "nonce": "n-0S6_WzA2MjX" }), E::Nonce),
        (json!({ "nonce": [NONCE] }), mistyped("nonce")),
        (json!({ "exp": null }), missing("exp")),
        (json!({ "exp": NOW - 10 }), E::Expired),
        (json!({ "exp": 0 }), E::Expired),
        (json!({ "exp": "1800000300" }), mistyped("exp")),
        (json!({ "exp": 1e19 }), mistyped("exp")),
        (json!({ "exp": -1 }), mistyped("exp")),
        (json!({ "exp": true }), mistyped("exp")),
        (json!({ "iat": null }), missing("iat")),
        (json!({ "iat": NOW + 61 }), E::NotYetValid),
        (json!({ "iat": NOW - 601 }), E::TooOld),
        (json!({ "iat": "now" }), mistyped("iat")),
        (json!({ "nbf": NOW + 61 }), E::NotYetValid),
        (json!({ "nbf": [] }), mistyped("nbf")),
        (
            json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RA" }),
            E::AccessToken,
        ),
        (json!({ "at_hash": "" }), E::AccessToken),
        (
            json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ==" }),
            E::AccessToken,
        ),
        (json!({ "at_hash": 77 }), mistyped("at_hash")),
    ] {
        let found = judged(&json!({}), &changes).map(drop);
        assert_eq!(found, Err(why), "{changes}");
    }
}

// security.md 8, 14, 15, 17, 21, 23, 33
#[test]
fn a_token_with_a_wrong_header_is_refused() {
    for (header, why) in [
        (json!({ "typ": "at+jwt" }), IdTokenError::Type),
        (json!({ "typ": "logout+jwt" }), IdTokenError::Type),
        (json!({ "typ": "dpop+jwt" }), IdTokenError::Type),
        (
            json!({ "typ": "client-authentication+jwt" }),
            IdTokenError::Type,
        ),
        (json!({ "typ": "" }), IdTokenError::Type),
        (
            json!({ "typ": 7 }),
            IdTokenError::Jws(JwsError::MemberType("typ")),
        ),
        (
            json!({ "crit": ["exp"] }),
            IdTokenError::Jws(JwsError::Critical),
        ),
        (
            json!({ "b64": false }),
            IdTokenError::Jws(JwsError::Unencoded),
        ),
        (
            json!({ "zip": "DEF" }),
            IdTokenError::Jws(JwsError::Encrypted),
        ),
        (
            json!({ "alg": "none" }),
            IdTokenError::Jws(JwsError::Algorithm),
        ),
        (
            json!({ "alg": "NoNe" }),
            IdTokenError::Jws(JwsError::Algorithm),
        ),
        (
            json!({ "alg": "es256" }),
            IdTokenError::Jws(JwsError::Algorithm),
        ),
        (
            json!({ "alg": null }),
            IdTokenError::Jws(JwsError::Algorithm),
        ),
        (
            json!({ "alg": "HS256" }),
            IdTokenError::Jws(JwsError::Algorithm),
        ),
        (
            json!({ "alg": "RS256" }),
            IdTokenError::Jws(JwsError::AlgorithmNotPermitted),
        ),
        (
            json!({ "alg": "ES384" }),
            IdTokenError::Jws(JwsError::AlgorithmNotPermitted),
        ),
    ] {
        let found = judged(&header, &json!({})).map(drop);
        assert_eq!(found, Err(why), "{header}");
    }
}

// security.md 9, 10, 16, 17
#[test]
fn a_token_that_the_providers_key_did_not_sign_is_refused() {
    let (own, jwk) = key(KeyType::P256);
    let (other, other_jwk) = key(KeyType::P256);
    let good = sign_with(&own, Algorithm::ES256, &json!({}), &claims(&json!({})));
    assert!(verify(&good, &jwk).is_ok());
    assert!(
        verify(&good, &other_jwk).is_err(),
        "another key of the same kind"
    );

    let body = claims(&json!({})).to_string();
    let header = |alg: &str| format!(r#"{{"alg":"{alg}","kid":"one"}}"#);
    let brought = json!({ "jwk": countersign_proto::jwk::required_members(other.public_key()) });
    let by_hmac = |secret: &[u8]| {
        let input = pasted(header("HS256").as_bytes(), body.as_bytes(), b"");
        let input = input.trim_end_matches('.');
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        format!(
            "{input}.{}",
            URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()))
        )
    };
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let richer = URL_SAFE_NO_PAD.encode(claims(&json!({ "sub": "admin" })).to_string());
    for (what, text) in [
        (
            "no signature",
            pasted(header("none").as_bytes(), body.as_bytes(), b""),
        ),
        (
            "none in another case",
            pasted(header("None").as_bytes(), body.as_bytes(), b""),
        ),
        (
            "an empty signature",
            pasted(header("ES256").as_bytes(), body.as_bytes(), b""),
        ),
        (
            "a signature of zeros",
            pasted(header("ES256").as_bytes(), body.as_bytes(), &[0; 64]),
        ),
        ("HMAC by the client's secret", by_hmac(b"client-secret")),
        ("HMAC by the public key", by_hmac(jwk.key.spki())),
        (
            "another key",
            sign_with(&other, Algorithm::ES256, &json!({}), &claims(&json!({}))),
        ),
        (
            "a key that it brings along",
            sign_with(&other, Algorithm::ES256, &brought, &claims(&json!({}))),
        ),
        ("other claims", format!("{head}.{richer}.{signature}")),
        (
            "a signature cut",
            format!("{head}.{payload}.{}", &signature[..signature.len() - 4]),
        ),
        ("a signature twice", format!("{good}{signature}")),
        ("two segments", format!("{head}.{payload}")),
        ("five segments", format!("{good}.{payload}.{signature}")),
        ("a space", format!("{good} ")),
        ("padding", format!("{good}==")),
        ("nothing", String::new()),
        ("a bomb", "a".repeat(17 * 1024)),
        ("a claim twice", {
            let twice = body.replacen('{', r#"{"sub":"admin","#, 1);
            pasted(header("ES256").as_bytes(), twice.as_bytes(), &[1; 64])
        }),
    ] {
        assert!(verify(&text, &jwk).is_err(), "{what}");
    }
}

/// The digest of `at_hash` is that of the signature's algorithm.
#[test]
fn the_access_token_is_bound_by_the_digest_of_the_algorithm() {
    // python: b64u(sha(ACCESS_TOKEN).digest()[:half])
    for (key_type, algorithm, hash) in [
        (KeyType::P256, Algorithm::ES256, "77QmUPtjPfzWtF2AnpK9RQ"),
        (
            KeyType::P384,
            Algorithm::ES384,
            "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs",
        ),
        (
            KeyType::P521,
            Algorithm::ES512,
            "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM",
        ),
        (
            KeyType::Ed25519,
            Algorithm::EdDSA,
            "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM",
        ),
    ] {
        let (key, jwk) = key(key_type);
        let text = sign_with(
            &key,
            algorithm,
            &json!({}),
            &claims(&json!({ "at_hash": hash })),
        );
        assert!(verify(&text, &jwk).is_ok(), "{algorithm:?}");
        let token = UnverifiedJws::parse(&text).unwrap();
        let without = Expected {
            access_token: None,
            ..expected()
        };
        let found = IdToken::verify(token, &jwk, &without).map(drop);
        assert_eq!(found, Err(IdTokenError::AccessToken));
    }
}

fn principal(changes: &Value, claim: PrincipalClaim) -> Result<String, IdTokenError> {
    let token = judged(&json!({}), changes)?;
    token.principal(claim).map(str::to_owned)
}

#[test]
fn the_principal_is_what_the_chosen_claim_says() {
    let people = json!({
        "preferred_username": "anna", "email": "anna@example.com", "email_verified": true,
    });
    for (claim, name) in [
        (PrincipalClaim::Subject, "248289761001"),
        (PrincipalClaim::PreferredUsername, "anna"),
        (PrincipalClaim::Email, "anna@example.com"),
    ] {
        assert_eq!(principal(&people, claim), Ok(name.to_owned()));
    }
}

#[test]
fn an_email_counts_only_while_it_is_verified() {
    for verified in [
        json!(false),
        json!("true"),
        json!(1),
        json!(null),
        json!([true]),
    ] {
        let people = json!({ "email": "anna@example.com", "email_verified": verified });
        assert_eq!(
            principal(&people, PrincipalClaim::Email),
            Err(IdTokenError::EmailNotVerified),
            "{verified}"
        );
    }
}

// security.md 43
#[test]
fn a_name_that_no_principal_may_have_is_refused() {
    let claim = PrincipalClaim::PreferredUsername;
    for name in [
        "",
        " anna",
        "anna ",
        "an\u{0}na",
        "an\nna",
        "an\u{202E}na",
        "an\u{200B}na",
        "platform",
        "Platform",
        "countersign:platform",
        "countersign:cli",
        &"x".repeat(256),
    ] {
        let found = principal(&json!({ "preferred_username": name }), claim);
        assert_eq!(
            found,
            Err(IdTokenError::Name("preferred_username")),
            "{name:?}"
        );
    }
    for (value, why) in [
        (json!(null), missing("preferred_username")),
        (json!(7), mistyped("preferred_username")),
        (json!(["anna"]), mistyped("preferred_username")),
    ] {
        let found = principal(&json!({ "preferred_username": value }), claim);
        assert_eq!(found, Err(why));
    }
}

// security.md 112
#[test]
fn neither_what_is_expected_nor_what_is_found_prints_a_secret() {
    let believed = judged(&json!({}), &json!({ "email": "anna@example.com" })).unwrap();
    let shown = format!("{:?} {believed:?}", expected());
    assert!(shown.contains(CLIENT), "{shown}");
    for secret in [NONCE, ACCESS_TOKEN, "anna@example.com", "248289761001"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
