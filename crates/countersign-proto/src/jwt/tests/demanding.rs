//! Is each demand of a guard held to, of a token and of what its issuer tells about it?

use std::time::Duration;

use super::*;
use crate::{
    jws::{ClaimError, Claims},
    time::UnixTime,
};

fn accepts(claims: &Value, demands: &Requirements) -> bool {
    judged(claims, demands).is_ok()
}

fn judged(claims: &Value, demands: &Requirements) -> Result<(), Refusal> {
    let signer = es256();
    let text = forge(&signer, &header_of(&signer), claims);
    verify(&text, &TrustedKeys::of(&signer), demands, NOW).map(drop)
}

// security.md 59: an audience of one string, where that is demanded.
#[test]
fn a_list_of_audiences_is_refused_where_one_is_demanded() {
    let one = demands().one_audience();
    let list = claims_with("aud", json!([API]));
    assert!(accepts(&list, &demands()));
    assert!(!accepts(&list, &one));
    assert!(accepts(&claims_with("aud", json!(API)), &one));
    let mistyped = ClaimError {
        claim: "aud",
        missing: false,
    };
    assert_eq!(judged(&list, &one), Err(Refusal::Claim(mistyped)));
}

#[test]
fn one_of_several_types_will_do_and_no_other() {
    let either = demands().typ("at+jwt").or_typ("JWT");
    let claims = claims_with("aud", json!(API));
    let signer = es256();
    let typed = |typ: &str| {
        let mut header = header_of(&signer);
        header["typ"] = json!(typ);
        let text = forge(&signer, &header, &claims);
        verify(&text, &TrustedKeys::of(&signer), &either, NOW).map(drop)
    };
    assert!(typed("at+jwt").is_ok() && typed("application/JWT").is_ok());
    assert_eq!(
        typed("dpop+jwt"),
        Err(Refusal::Type {
            found: Some("dpop+jwt".to_owned()),
            wanted: "at+jwt or jwt".to_owned(),
        })
    );
}

// security.md 30, 34
#[test]
fn the_leeway_after_exp_is_another_than_the_one_before_nbf() {
    let demands = demands().leeway(Duration::ZERO, Duration::from_secs(10));
    let now = NOW.as_secs();
    for (claim, time, expected) in [
        ("exp", now, false),
        ("exp", now + 1, true),
        ("nbf", now + 10, true),
        ("nbf", now + 11, false),
        ("iat", now + 10, true),
        ("iat", now + 11, false),
    ] {
        let claims = claims_with(claim, json!(time));
        assert_eq!(accepts(&claims, &demands), expected, "{claim} {time}");
    }
}

#[test]
fn a_token_is_read_once_and_says_which_keys_it_needs() {
    let signer = es256();
    let text = forge(
        &signer,
        &header_of(&signer),
        &claims_with("aud", json!(API)),
    );
    let jwt = UnverifiedJwt::parse(&text).unwrap();
    assert_eq!(jwt.claimed_issuer(), Some(ISSUER));
    assert_eq!(jwt.claimed_algorithm(), signer.algorithm());
    assert_eq!(jwt.claimed_issued_at(), None);
    assert!(jwt.names_one_of(&TrustedKeys::of(&signer)));
    let other = es256().with_kid(&"literal:other".parse().unwrap()).unwrap();
    assert!(!jwt.names_one_of(&TrustedKeys::of(&other)));
    assert!(!format!("{jwt:?}").contains(ISSUER));
    let verified = jwt
        .verify(&TrustedKeys::of(&signer), &demands(), NOW)
        .unwrap();
    assert_eq!(verified.into_claims().string("iss"), Ok(ISSUER));
}

// security.md 75: an answer may leave the end out, and all that it says is held to.
#[test]
fn claims_that_an_issuer_tells_are_held_to_the_same_demands() {
    let check = |claims: &Value| {
        let claims = Claims::of(claims.as_object().unwrap().clone());
        check_claims(&claims, &demands(), NOW)
    };
    let mut endless = claims_with("aud", json!(API));
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(check(&endless), Ok(None));
    let now = NOW.as_secs();
    let ends = claims_with("exp", json!(now + 5));
    assert_eq!(check(&ends), Ok(Some(UnixTime::from_secs(now + 5))));
    for (claim, value) in [
        ("exp", json!(now - 60)),
        ("exp", json!("soon")),
        ("nbf", json!(now + 61)),
        ("aud", json!("https://other.example")),
        ("iss", json!("https://other.example")),
    ] {
        assert!(
            check(&claims_with(claim, value.clone())).is_err(),
            "{claim} {value}"
        );
    }
}
