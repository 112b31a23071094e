//! Is everything shown that is in a token, and is none of it taken for verified?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::{json::JsonError, jws::JwsError, time::UnixTime};

fn token(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}.AAAA")
}

// checklist K14
#[test]
fn what_a_token_says_is_shown_without_a_key() {
    let built = builder()
        .audience("https://more.example")
        .subject("alice")
        .claim("role", "reader")
        .build(&es256(), NOW)
        .unwrap();
    let seen = inspect(built.expose()).unwrap();
    assert_eq!(seen.issuer(), Some(ISSUER));
    assert_eq!(seen.audiences(), [API, "https://more.example"]);
    assert_eq!(seen.subject(), Some("alice"));
    assert_eq!(seen.issued_at(), Some(NOW));
    assert_eq!(seen.not_before(), Some(NOW));
    assert_eq!(seen.expires_at(), Some(UnixTime::from_secs(1_700_003_600)));
    assert_eq!(seen.algorithm(), Some("ES256"));
    assert_eq!(seen.key_id(), es256().kid());
    assert_eq!(seen.typ(), Some("JWT"));
    assert_eq!(seen.refusal(), None);
    assert!(seen.repeated().is_empty());
    let names: Vec<&str> = seen.claims().iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "nbf", "role", "sub"]);
}

// The type is another than that of a verified token, and leads to no claims that pass for verified.
#[test]
fn a_forged_token_is_inspected_like_a_good_one_and_verified_never() {
    let built = builder().build(&es256(), NOW).unwrap();
    let (input, _) = built.expose().rsplit_once('.').unwrap();
    let forged = format!("{input}.AAAA");
    let seen = inspect(&forged).unwrap();
    assert_eq!(seen.issuer(), Some(ISSUER));
    let verified = verify(&forged, &TrustedKeys::of(&es256()), &demands(), NOW);
    assert_eq!(verified.unwrap_err(), Refusal::Jws(JwsError::Signature));
}

// A mistake of checklist K: an inspector that drops repeated claims.
#[test]
fn a_member_that_comes_twice_is_shown_twice_and_named() {
    let text = token(
        r#"{"alg":"ES256","kid":"a","kid":"b"}"#,
        r#"{"sub":"alice","aud":"a","x":{"y":[{"z":1,"z":2}]},"aud":["b","c"],"sub":"mallory"}"#,
    );
    let seen = inspect(&text).unwrap();
    let subjects: Vec<String> = seen
        .claims()
        .iter()
        .filter(|(name, _)| name == "sub")
        .map(|(_, value)| value.to_string())
        .collect();
    assert_eq!(subjects, ["\"alice\"", "\"mallory\""]);
    assert_eq!(seen.audiences(), ["a", "b", "c"]);
    let repeated: Vec<(&str, usize)> = seen
        .repeated()
        .iter()
        .map(|repeated| (&*repeated.path, repeated.values.len()))
        .collect();
    assert_eq!(
        repeated,
        [
            ("header.kid", 2),
            ("claims.x.y[0].z", 2),
            ("claims.aud", 2),
            ("claims.sub", 2),
        ]
    );
    assert_eq!(seen.claims()[2].1.to_string(), r#"{"y":[{"z":1,"z":2}]}"#);
    assert_eq!(
        seen.refusal(),
        Some(&JwsError::Header(JsonError::DuplicateMember(
            "kid".to_owned()
        )))
    );
}

#[test]
fn what_a_strict_reader_refuses_is_shown_with_the_reason() {
    let claims = r#"{"iss":"a"}"#;
    for (text, reason) in [
        (token(r#"{"alg":"none"}"#, claims), JwsError::Algorithm),
        (token(r#"{"typ":"JWT"}"#, claims), JwsError::Algorithm),
        (
            token(r#"{"alg":"ES256","crit":["exp"]}"#, claims),
            JwsError::Critical,
        ),
        (
            token(r#"{"alg":"ES256","b64":false}"#, claims),
            JwsError::Unencoded,
        ),
        (
            token(r#"{"alg":"ES256"}"#, claims).replace(".AAAA", ".AAAA="),
            JwsError::Character,
        ),
        (
            format!("{} ", token(r#"{"alg":"ES256"}"#, claims)),
            JwsError::Character,
        ),
        (
            token(
                r#"{"alg":"ES256"}"#,
                &format!("{{\"a\":\"{}\"}}", "x".repeat(5000)),
            ),
            JwsError::Claims(JsonError::StringTooLong),
        ),
    ] {
        let seen = inspect(&text).unwrap();
        assert_eq!(seen.refusal(), Some(&reason), "{text}");
    }
}

#[test]
fn what_cannot_be_taken_apart_is_refused_by_its_reason() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
    for (text, why) in [
        (String::new(), InspectError::Segments(1)),
        ("csn_pat_0123".to_owned(), InspectError::Segments(1)),
        ("a.b".to_owned(), InspectError::Segments(2)),
        ("a.b.c.d".to_owned(), InspectError::Segments(4)),
        (".".repeat(5000), InspectError::Segments(5001)),
        ("a.b.c.d.e".to_owned(), InspectError::Encrypted),
        ("%.e30.".to_owned(), InspectError::Base64("header")),
        (format!("{header}.%."), InspectError::Base64("claims")),
        (
            format!("{header}.W10."),
            InspectError::NotAnObject("claims"),
        ),
        ("W10.e30.".to_owned(), InspectError::NotAnObject("header")),
        (
            format!("{header}.e30x."),
            InspectError::NotAnObject("claims"),
        ),
        ("A".repeat(1024 * 1024 + 1), InspectError::TooLarge),
    ] {
        assert_eq!(inspect(&text), Err(why), "{}", &text[..text.len().min(40)]);
    }
    // attack A19
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = token(r#"{"alg":"ES256"}"#, &deep);
    assert_eq!(inspect(&deep), Err(InspectError::NotAnObject("claims")));
    let wide: Vec<String> = (0..5000).map(|n| format!("\"{n}\":0")).collect();
    let wide = token(r#"{"alg":"ES256"}"#, &format!("{{{}}}", wide.join(",")));
    assert_eq!(inspect(&wide), Err(InspectError::NotAnObject("claims")));
}

#[test]
fn times_that_are_none_are_not_shown_as_moments() {
    for exp in [
        json!("1700000000"),
        json!(-1),
        json!(1e300),
        json!(null),
        json!([1]),
    ] {
        let text = token(r#"{"alg":"ES256"}"#, &json!({"exp": exp}).to_string());
        let seen = inspect(&text).unwrap();
        assert_eq!(seen.expires_at(), None, "{exp}");
        assert_eq!(seen.claims()[0].1.to_value(), exp);
    }
    let text = token(r#"{"alg":"ES256"}"#, r#"{"exp":1700000000.9}"#);
    assert_eq!(inspect(&text).unwrap().expires_at(), Some(NOW));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn no_text_makes_an_inspection_or_a_verification_panic(text in "[A-Za-z0-9._-]{0,200}") {
        let _ = inspect(&text);
        let _ = verify(&text, &TrustedKeys::of(&es256()), &demands(), NOW);
    }

    #[test]
    fn no_header_and_claims_make_an_inspection_panic(header: Vec<u8>, claims: Vec<u8>) {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let _ = inspect(&format!("{header}.{claims}."));
    }
}
