//! Is a signed token believed by the keys that are given or published, and by no others?

use std::time::Duration;

use countersign_proto::{
    jws::{ClaimError, JwsError, SigningInput},
    jwt::{self, Algorithm, Signer, SymmetricKey},
    token::{Binding, TokenKind},
};
use serde_json::{Value, json};

use crate::{Guard, How, Refusal, scripted::*};

fn given(signer: &Signer) -> Guard {
    let issuer = ScriptedIssuer::new(&[]);
    let builder = builder(&issuer, &TestClock::new());
    builder.keys(keys(signer)).build().unwrap()
}

/// What a guard with this key says of it at once.
fn judged(guard: &Guard, token: &str) -> Result<crate::Caller, Refusal> {
    guard.check_at_once(&bearer(token)).expect("an answer")
}

fn mistyped(claim: &'static str) -> Refusal {
    Refusal::Token(jwt::Refusal::Claim(ClaimError {
        claim,
        missing: false,
    }))
}

fn missing(claim: &'static str) -> Refusal {
    Refusal::Token(jwt::Refusal::Claim(ClaimError {
        claim,
        missing: true,
    }))
}

// security.md 59, 60
#[tokio::test]
async fn a_good_token_is_believed_by_given_keys_without_asking_anybody() {
    let signer = signer();
    let guard = given(&signer);
    let caller = guard.check(&bearer(&token(&signer))).await.unwrap();
    assert_eq!(caller.issuer(), ISSUER);
    assert_eq!(caller.principal(), "alice");
    assert_eq!(caller.subject(), Some("alice"));
    assert_eq!(caller.client_id(), Some("app-1"));
    let scope: Vec<&str> = caller.scope().collect();
    assert_eq!(scope, ["orders.read", "orders.write"]);
    assert!(caller.has_scope("orders.read") && !caller.has_scope("orders"));
    assert!(!caller.has_scope("") && !caller.has_scope("orders.read orders.write"));
    assert!(caller.has_role("Reader") && !caller.has_role("reader"));
    assert_eq!(caller.expires_at().unwrap().as_secs(), NOW + 600);
    assert_eq!(caller.how(), How::Signature);
    assert_eq!(caller.claims()["aud"], API);
    assert_eq!(caller.kind(), None);
}

#[tokio::test]
async fn a_good_token_is_believed_by_the_keys_that_the_issuer_publishes() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    let head = bearer(&token(&signer));
    assert!(guard.check_at_once(&head).is_none());
    assert_eq!(guard.check(&head).await.unwrap().principal(), "alice");
    // Now they are known.
    assert!(guard.check_at_once(&head).unwrap().is_ok());
    assert_eq!(issuer.requests(), 2);
}

#[test]
fn what_a_token_of_a_platform_says_is_told_typed() {
    let signer = signer();
    let builder = token_builder()
        .claim("principal", "alice@example")
        .claim("type", 0)
        .claim("sid", "0123456789012345678901")
        .claim("binding", "code")
        .claim(
            "cert",
            json!({"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}),
        );
    let caller = judged(&given(&signer), &built(&builder, &signer)).unwrap();
    assert_eq!(caller.principal(), "alice@example");
    assert_eq!(caller.kind(), Some(TokenKind::Interactive));
    assert_eq!(caller.session(), Some("0123456789012345678901"));
    assert_eq!(caller.binding(), Some(Binding::Code));
    assert_eq!(
        caller.certificate().unwrap().to_base64url(),
        "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
    );
}

// security.md 8, 9, 10, and invariant 11
#[tokio::test]
async fn a_secret_is_a_key_only_where_it_was_given() {
    let secret = SymmetricKey::generate(Algorithm::HS256).unwrap();
    let local = Signer::symmetric(secret);
    let text = token(&local);
    assert!(judged(&given(&local), &text).is_ok());

    // A set with a secret in it is no set, and nothing that a secret signed is looked up in one.
    let issuer = ScriptedIssuer::new(&[]);
    issuer.publish_text(json!({"keys": [
        {"kty": "oct", "k": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "kid": local.kid()},
    ]}));
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    assert_eq!(judged(&guard, &text).unwrap_err(), Refusal::Opaque);
    assert_eq!(issuer.requests(), 0);
    let pair = signer();
    let refused = guard.check(&bearer(&token(&pair))).await.unwrap_err();
    assert_eq!(refused.word(), "unavailable");

    // The public key of the issuer as a secret: the oldest of all confusions (CVE-2015-9235).
    let issuer = ScriptedIssuer::new(&[&pair]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    assert!(guard.check(&bearer(&token(&pair))).await.is_ok());
    let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": pair.kid()});
    let claims = json!({"iss": ISSUER, "aud": API, "sub": "mallory", "exp": NOW + 600});
    let input = SigningInput::encode(header.as_object().unwrap(), claims.as_object().unwrap());
    let public = pair.public_key().unwrap().spki();
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public);
    let tag = aws_lc_rs::hmac::sign(&secret, input.as_bytes());
    let confused = input.finish(tag.as_ref());
    assert_eq!(judged(&guard, &confused).unwrap_err(), Refusal::Opaque);
    // Nor by given keys, each of which has its own algorithm.
    let refused = judged(&given(&pair), &confused).unwrap_err();
    assert_eq!(refused.word(), "algorithm");
}

// security.md 16: claims without a signature reach nobody.
#[test]
fn a_token_of_another_key_is_refused_whatever_it_says() {
    let signer = signer();
    let other = crate::scripted::signer()
        .with_kid(
            &format!("literal:{}", signer.kid().unwrap())
                .parse()
                .unwrap(),
        )
        .unwrap();
    assert_eq!(
        judged(&given(&signer), &token(&other)).unwrap_err(),
        Refusal::Token(jwt::Refusal::Jws(JwsError::Signature))
    );
}

// security.md 25, 30, 31, 32, 33, 34, 59, 60
#[test]
fn every_claim_is_held_to_what_was_demanded() {
    let key = key();
    let signer = Signer::key_pair(key.clone());
    let guard = given(&signer);
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": signer.kid()});
    let claims = json!({"iss": ISSUER, "aud": API, "sub": "alice", "exp": NOW + 600, "iat": NOW});
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        judged(&guard, &forged(&header, &claims, &key)).map(drop)
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        judged(&guard, &forged(&header, &claims, &key)).map(drop)
    };
    assert_eq!(with("jti", json!("x")), Ok(()));

    // The issuer, exactly.
    for other in [
        "https://id.example/",
        "https://ID.example",
        "https://other.example",
        "",
    ] {
        assert_eq!(with("iss", json!(other)), Err(Refusal::Issuer), "{other}");
    }
    for other in [json!([ISSUER]), json!(null), json!(1)] {
        assert_eq!(with("iss", other), Err(Refusal::Issuer));
    }
    assert_eq!(without("iss"), Err(Refusal::Issuer));

    // The audience, one string.
    for other in [
        json!([API]),
        json!([API, "https://other.example"]),
        json!(null),
        json!({}),
    ] {
        assert_eq!(with("aud", other.clone()), Err(mistyped("aud")), "{other}");
    }
    for other in [
        "https://api.example/",
        "https://API.example",
        "https://other.example",
        ISSUER,
    ] {
        assert_eq!(
            with("aud", json!(other)).unwrap_err().word(),
            "claim",
            "{other}"
        );
    }
    assert_eq!(without("aud").unwrap_err().word(), "claim");

    // Its time: no leeway at the end, 10 s before the beginning.
    assert_eq!(with("exp", json!(NOW + 1)), Ok(()));
    assert_eq!(with("exp", json!(NOW)).unwrap_err().word(), "expired");
    assert_eq!(without("exp"), Err(missing("exp")));
    for claim in ["nbf", "iat"] {
        assert_eq!(with(claim, json!(NOW + 10)), Ok(()), "{claim}");
        let refused = with(claim, json!(NOW + 11)).unwrap_err();
        assert_eq!(refused.word(), "not_yet_valid", "{claim}");
    }
    for claim in ["exp", "nbf", "iat"] {
        for time in [
            json!("1800000600"),
            json!(null),
            json!(-1),
            json!(1e300),
            json!([NOW + 600]),
            json!(u64::MAX),
        ] {
            assert_eq!(
                with(claim, time.clone()),
                Err(mistyped(claim)),
                "{claim} {time}"
            );
        }
    }

    // What others rely on has its type, or nobody is believed.
    for (claim, value) in [
        ("sub", json!(1)),
        ("sub", json!(["alice"])),
        ("client_id", json!({})),
        ("principal", json!(null)),
        ("scope", json!(1)),
        ("scope", json!("a\"b")),
        ("scope", json!(["a b"])),
        ("scope", json!(["a", 1])),
        ("roles", json!("Reader")),
        ("roles", json!([1])),
        ("cnf", json!({})),
        ("cnf", json!(null)),
        ("cnf", json!({"kid": "x"})),
        ("cnf", json!({"jkt": "x", "jwe": "y"})),
    ] {
        assert_eq!(
            with(claim, value.clone()),
            Err(mistyped(claim)),
            "{claim} {value}"
        );
    }
    assert_eq!(without("sub"), Err(missing("sub")));
    assert_eq!(with("scope", json!(["orders.read"])), Ok(()));
}

// security.md 21, 33, 60
#[test]
fn only_the_type_of_access_tokens_is_taken() {
    let signer = signer();
    let guard = given(&signer);
    let of = |typ: &str| judged(&guard, &built(&token_builder().typ(typ), &signer)).map(drop);
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert_eq!(of(typ), Ok(()), "{typ}");
    }
    for typ in [
        "JWT",
        "dpop+jwt",
        "client-authentication+jwt",
        "countersign-platform+jwt",
        "id_token+jwt",
        "x/at+jwt",
        "at+jwt ",
    ] {
        assert_eq!(of(typ).unwrap_err().word(), "type", "{typ}");
    }
    let key = key();
    let untyped = Signer::key_pair(key.clone());
    let claims = json!({"iss": ISSUER, "aud": API, "sub": "alice", "exp": NOW + 600});
    let text = forged(&json!({"alg": "ES256"}), &claims, &key);
    assert_eq!(judged(&given(&untyped), &text).unwrap_err().word(), "type");
}

#[test]
fn older_issuers_are_believed_when_that_is_set() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let builder = || builder(&issuer, &clock).keys(keys(&signer));
    let plain = built(&token_builder().typ("JWT"), &signer);
    let list = built(&token_builder().audience("https://other.example"), &signer);

    let guard = builder().accept_plain_jwt().build().unwrap();
    assert!(judged(&guard, &plain).is_ok());
    assert!(judged(&guard, &built(&token_builder(), &signer)).is_ok());
    let other = built(&token_builder().typ("dpop+jwt"), &signer);
    assert_eq!(judged(&guard, &other).unwrap_err().word(), "type");
    assert_eq!(judged(&guard, &list).unwrap_err(), mistyped("aud"));

    let guard = builder().accept_audience_lists().build().unwrap();
    assert!(judged(&guard, &list).is_ok());
    assert_eq!(judged(&guard, &plain).unwrap_err().word(), "type");

    let leeway = Duration::from_secs(60);
    let guard = builder().leeway(leeway).build().unwrap();
    let text = built(&token_builder(), &signer);
    clock.advance(Duration::from_secs(659));
    assert!(judged(&guard, &text).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(judged(&guard, &text).unwrap_err().word(), "expired");
}

// security.md 30
#[test]
fn a_token_ends_with_the_second_of_its_exp() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let guard = builder(&issuer, &clock)
        .keys(keys(&signer))
        .build()
        .unwrap();
    let text = token(&signer);
    clock.advance(Duration::from_millis(599_999));
    assert!(judged(&guard, &text).is_ok());
    clock.advance(Duration::from_millis(1));
    assert_eq!(judged(&guard, &text).unwrap_err().word(), "expired");
    // A clock that is set back believes it again, as it must.
    clock.set_off(-1);
    assert!(judged(&guard, &text).is_ok());
}

// security.md 82, 83
#[tokio::test]
async fn a_token_is_taken_from_one_header_and_from_nowhere_else() {
    let signer = signer();
    let guard = given(&signer);
    let text = token(&signer);
    let bearer = format!("Bearer {text}");
    let refusal = |headers: &[(&str, &str)]| guard.check_at_once(&head(headers)).unwrap();
    assert!(refusal(&[("Authorization", &bearer)]).is_ok());
    assert!(refusal(&[("authorization", &format!("bEaReR {text}"))]).is_ok());
    for (headers, wanted) in [
        (vec![], Refusal::Missing),
        (vec![("Authorization", "Basic YTpi")], Refusal::Missing),
        (vec![("Authorization", "Bearer")], Refusal::Malformed),
        (vec![("Authorization", "Bearer a b")], Refusal::Malformed),
        (
            vec![("Authorization", &*bearer), ("Authorization", &*bearer)],
            Refusal::Several,
        ),
        (
            vec![("Authorization", &*bearer), ("Authorization", "Basic YTpi")],
            Refusal::Several,
        ),
        // Places that are not looked at.
        (vec![("Cookie", &*text)], Refusal::Missing),
        (
            vec![("X-Forwarded-Authorization", &*bearer)],
            Refusal::Missing,
        ),
        (vec![("Proxy-Authorization", &*bearer)], Refusal::Missing),
    ] {
        assert_eq!(refusal(&headers).unwrap_err(), wanted, "{headers:?}");
    }

    let at = |uri: &str, headers: &[(&str, &str)]| {
        let mut head = head(headers);
        head.uri = uri.parse().unwrap();
        guard.check_at_once(&head).unwrap()
    };
    let in_address = format!("/orders?page=1&access_token={text}");
    assert_eq!(at(&in_address, &[]).unwrap_err(), Refusal::Missing);
    let both: &[(&str, &str)] = &[("Authorization", &bearer)];
    assert_eq!(at(&in_address, both).unwrap_err(), Refusal::Several);
    for uri in [
        "/orders?%61ccess_token=x",
        "/orders?access%5Ftoken",
        "/?access_token=",
    ] {
        assert_eq!(at(uri, both).unwrap_err(), Refusal::Several, "{uri}");
    }
    assert!(at("/orders?accession=1", both).is_ok());
    assert!(at("/access_token", both).is_ok());
}
