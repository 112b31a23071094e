//! Is a token refused for the right reason, and named with what was wanted?

use std::time::Duration;

use super::*;
use crate::{
    jws::{ClaimError, JwsError},
    key::KeyError,
    time::UnixTime,
};

fn refusal(header: &Value, claims: &Value, demands: &Requirements) -> Refusal {
    let signer = es256();
    let text = forge(&signer, header, claims);
    verify(&text, &TrustedKeys::of(&signer), demands, NOW).unwrap_err()
}

fn refusal_of(claims: &Value) -> Refusal {
    refusal(&header_of(&es256()), claims, &demands())
}

fn accepts(claims: &Value, demands: &Requirements) -> bool {
    let signer = es256();
    let text = forge(&signer, &header_of(&signer), claims);
    verify(&text, &TrustedKeys::of(&signer), demands, NOW).is_ok()
}

fn mistyped(claim: &'static str) -> Refusal {
    Refusal::Claim(ClaimError {
        claim,
        missing: false,
    })
}

// checklist K15, K16
#[test]
fn a_builder_says_what_its_tokens_fulfil() {
    let builder = builder().subject("alice").typ("at+jwt");
    let token = builder.build(&es256(), NOW).unwrap();
    let keys = TrustedKeys::of(&es256());
    let demands = builder.requirements();
    assert!(verify(token.expose(), &keys, &demands, NOW).is_ok());
    for other in [
        builder.clone().issuer("https://other.example"),
        builder.clone().typ("JWT"),
        JwtBuilder::new()
            .issuer(ISSUER)
            .audience("https://other.example")
            .typ("at+jwt"),
        JwtBuilder::new().issuer(ISSUER).typ("at+jwt"),
    ] {
        let token = other.build(&es256(), NOW).unwrap();
        let refused = verify(token.expose(), &keys, &demands, NOW).is_err();
        assert!(refused, "{other:?}");
    }
}

// checklist K16: a reason, not a bool
#[test]
fn a_refusal_names_the_claim_what_was_found_and_what_was_wanted() {
    for (name, value, said) in [
        (
            "iss",
            json!("https://issuer.example/"),
            "the claim \"iss\" is \"https://issuer.example/\", wanted is \"https://issuer.example\"",
        ),
        (
            "iss",
            json!("absent"),
            "the claim \"iss\" is missing, wanted is \"https://issuer.example\"",
        ),
        (
            "iss",
            json!([ISSUER]),
            "the claim \"iss\" is of the wrong type or out of range",
        ),
        (
            "aud",
            json!(["x", "y\u{1b}[2J"]),
            "the claim \"aud\" is [\"x\",\"y\\\\u001b[2J\"], wanted is \"https://api.example\"",
        ),
        (
            "aud",
            json!("absent"),
            "the claim \"aud\" is missing, wanted is \"https://api.example\"",
        ),
        (
            "exp",
            json!(1_699_999_940),
            "the token expired at 2023-11-14T22:12:20Z; now is 2023-11-14T22:13:20Z",
        ),
        ("exp", json!("absent"), "the claim \"exp\" is missing"),
        (
            "nbf",
            json!(1_700_000_061),
            "the token is not valid before 2023-11-14T22:14:21Z by its claim \"nbf\"; now is 2023-11-14T22:13:20Z",
        ),
    ] {
        let refusal = refusal_of(&claims_with(name, value));
        assert_eq!(refusal.to_string(), said);
        assert_eq!(refusal.claim(), Some(name));
    }
    let demands = demands().claim("role", "writer").subject("alice");
    let claims = claims_with("sub", json!("bob"));
    assert_eq!(
        refusal(&header_of(&es256()), &claims, &demands).to_string(),
        "the claim \"sub\" is \"bob\", wanted is \"alice\""
    );
    let mut claims = claims_with("sub", json!("alice"));
    claims["role"] = json!(["reader"]);
    assert_eq!(
        refusal(&header_of(&es256()), &claims, &demands).to_string(),
        "the claim \"role\" is [\"reader\"], wanted is \"writer\""
    );
}

#[test]
fn a_long_or_hostile_value_is_cut_and_escaped_in_a_refusal() {
    let long = refusal_of(&claims_with("iss", json!("x".repeat(4000)))).to_string();
    assert!(long.len() < 250, "{long}");
    assert!(long.contains('…'));
    let evil = refusal_of(&claims_with("iss", json!("a\u{1b}[2J\u{202e}\n"))).to_string();
    assert!(!evil.chars().any(char::is_control), "{evil:?}");
    let kid = json!({"alg": "ES256", "kid": "\u{1b}\n"});
    let kid = refusal(&kid, &claims_with("x", json!(1)), &demands()).to_string();
    assert!(!kid.chars().any(char::is_control), "{kid:?}");
}

// security.md 25, 27 to 29, 59: string or array, one of them, exactly
#[test]
fn an_audience_is_one_of_those_that_were_stated() {
    let accepts = |aud: Value| accepts(&claims_with("aud", aud), &demands());
    assert!(accepts(json!(API)));
    assert!(accepts(json!([API])));
    assert!(accepts(json!(["https://more.example", API])));
    for aud in [
        json!("HTTPS://API.EXAMPLE"),
        json!("https://api.example/"),
        json!([]),
        json!(["https://api.example/"]),
        json!("absent"),
    ] {
        assert!(!accepts(aud.clone()), "{aud}");
    }
    for aud in [
        json!(1),
        json!(null),
        json!({}),
        json!([API, 1]),
        json!([[API]]),
    ] {
        assert_eq!(refusal_of(&claims_with("aud", aud)), mistyped("aud"));
    }
    let either = demands().for_audience("https://more.example");
    let more = claims_with("aud", json!("https://more.example"));
    assert!(self::accepts(&more, &either));
}

// RFC 7519 §4.1.3
#[test]
fn a_token_for_somebody_is_refused_when_nobody_said_who_reads_it() {
    let nobody = Requirements::issued_by(ISSUER);
    let claims = claims_with("aud", json!(API));
    assert_eq!(
        refusal(&header_of(&es256()), &claims, &nobody),
        Refusal::AudienceNotStated { found: json!(API) }
    );
    assert!(accepts(&claims_with("aud", json!("absent")), &nobody));
    assert!(accepts(&claims, &nobody.for_any_audience()));
}

// security.md 30, 32, 34
#[test]
fn a_token_lives_from_nbf_to_exp_with_the_clock_skew_around_it() {
    let at = |claim: &str, time: u64, skew: u64| {
        let demands = demands().clock_skew(Duration::from_secs(skew));
        accepts(&claims_with(claim, json!(time)), &demands)
    };
    let now = NOW.as_secs();
    for (claim, time, skew, expected) in [
        ("exp", now, 0, false),
        ("exp", now + 1, 0, true),
        ("exp", now - 59, 60, true),
        ("exp", now - 60, 60, false),
        ("nbf", now, 0, true),
        ("nbf", now + 1, 0, false),
        ("nbf", now + 60, 60, true),
        ("nbf", now + 61, 60, false),
        ("iat", now + 60, 60, true),
        ("iat", now + 61, 60, false),
        // More than ten minutes are not to be had.
        ("exp", now - 600, 100_000, false),
        ("exp", now - 599, 100_000, true),
    ] {
        assert_eq!(at(claim, time, skew), expected, "{claim} {time} ± {skew}");
    }
    // The minute that is there unless another time is set.
    assert!(accepts(&claims_with("exp", json!(now - 59)), &demands()));
    assert!(!accepts(&claims_with("exp", json!(now - 60)), &demands()));
}

// security.md 31, attacks A22, B4
#[test]
fn a_time_of_a_wrong_type_or_range_is_refused_and_never_taken_for_absent() {
    for claim in ["exp", "nbf", "iat"] {
        for time in [
            json!("1700000600"),
            json!(null),
            json!(true),
            json!([1_700_000_600]),
            json!({}),
            json!(-1),
            json!(1e300),
            json!(9_007_199_254_740_993_u64),
            json!(u64::MAX),
        ] {
            let refusal = refusal_of(&claims_with(claim, time.clone()));
            assert_eq!(refusal, mistyped(claim), "{claim} {time}");
        }
    }
    // A fraction is never rounded in the holder's favour.
    let sharp = demands().clock_skew(Duration::ZERO);
    assert!(!accepts(
        &claims_with("exp", json!(1_700_000_000.9)),
        &sharp
    ));
    assert!(!accepts(
        &claims_with("nbf", json!(1_700_000_000.1)),
        &sharp
    ));
    for claim in ["iss", "sub"] {
        let refusal = refusal_of(&claims_with(claim, json!(["x"])));
        assert_eq!(refusal, mistyped(claim));
    }
}

// A mistake of checklist K: switches without effect.
#[test]
fn every_demand_makes_a_difference() {
    let mut good = claims_with("sub", json!("alice"));
    good["role"] = json!("reader");
    good["iat"] = json!(NOW.as_secs());
    let loose = Requirements::of_any_issuer().for_any_audience();
    assert!(accepts(&good, &loose));
    let es384 = Algorithm::KeyPair(key::Algorithm::ES384);
    let stricter: [(&str, Requirements); 10] = [
        (
            "issuer",
            loose.clone().or_issued_by("https://other.example"),
        ),
        (
            "audience",
            loose.clone().for_audience("https://other.example"),
        ),
        ("subject", loose.clone().subject("bob")),
        ("type", loose.clone().typ("at+jwt")),
        ("algorithms", loose.clone().algorithms(&[es384])),
        ("no algorithm", loose.clone().algorithms(&[])),
        ("claim", loose.clone().claim("role", "writer")),
        ("absent claim", loose.clone().claim("groups", "x")),
        ("life", loose.clone().longest_life(Duration::from_secs(599))),
        ("any issuer", Requirements::of_any_issuer()),
    ];
    for (what, demands) in &stricter {
        assert!(!accepts(&good, demands), "{what} has no effect");
    }
    let fulfilled: [Requirements; 8] = [
        Requirements::issued_by("x")
            .or_issued_by(ISSUER)
            .for_any_audience(),
        loose.clone().for_audience(API),
        loose.clone().subject("alice"),
        loose.clone().typ("jwt"),
        loose.clone().typ("application/JWT"),
        loose.clone().algorithms(&[es256().algorithm()]),
        loose.clone().claim("role", "reader"),
        loose.longest_life(Duration::from_secs(600)),
    ];
    let signer = es256();
    let mut header = header_of(&signer);
    header["typ"] = json!("JWT");
    let text = forge(&signer, &header, &good);
    for demands in &fulfilled {
        let verified = verify(&text, &TrustedKeys::of(&signer), demands, NOW);
        assert!(verified.is_ok(), "{demands:?}");
    }
}

// A mistake of checklist K: a verifier that works for HMAC only. security.md 8, 10
#[test]
fn every_algorithm_verifies_by_its_own_key_and_by_no_other() {
    for signer in signers() {
        let token = builder().build(&signer, NOW).unwrap();
        for other in signers() {
            let keys = TrustedKeys::of(&other.clone().with_kid(&"none".parse().unwrap()).unwrap());
            let verified = verify(token.expose(), &keys, &demands(), NOW);
            if other.algorithm() == signer.algorithm() {
                assert!(verified.is_ok(), "{}", signer.algorithm());
            } else {
                assert_eq!(
                    verified.unwrap_err(),
                    Refusal::Algorithm {
                        found: signer.algorithm(),
                        wanted: vec![other.algorithm()]
                    }
                );
            }
        }
    }
}

#[test]
fn a_key_of_any_form_verifies_what_its_other_half_signed() {
    for name in KINDS {
        let identity = Identity::named(name);
        let signer = Signer::from_pem(identity.text("key")).unwrap();
        let token = builder().build(&signer, NOW).unwrap();
        let private = PrivateKey::from_pem(identity.text("key")).unwrap();
        let private_jwk = private.to_jwk(None, None).unwrap();
        let public_jwk = Value::Object(crate::jwk::required_members(identity.public_key()));
        let spki = crate::pem::encode("PUBLIC KEY", identity.public_key().spki());
        let published = PublishedKey::of_signer(&signer).unwrap();
        let set = key_set(&[published]).unwrap().to_string();
        for (form, keys) in [
            ("private PEM", TrustedKeys::from_pem(identity.text("key"))),
            ("public PEM", TrustedKeys::from_pem(&spki)),
            (
                "certificate",
                TrustedKeys::from_pem(identity.text("certificate")),
            ),
            ("private JWK", TrustedKeys::from_jwk(private_jwk.as_bytes())),
            (
                "public JWK",
                TrustedKeys::from_jwk(public_jwk.to_string().as_bytes()),
            ),
            ("set", TrustedKeys::from_jwk_set(set.as_bytes())),
            (
                "key",
                Ok(TrustedKeys::public_key(identity.public_key().clone())),
            ),
            (
                "both",
                TrustedKeys::together(&[
                    TrustedKeys::certificate(identity.chain.leaf()),
                    TrustedKeys::symmetric(secret()),
                ]),
            ),
        ] {
            let verified = verify(token.expose(), &keys.unwrap(), &demands(), NOW);
            assert!(verified.is_ok(), "{name} {form}");
        }
    }
}

#[test]
fn a_token_is_verified_by_the_key_that_it_names() {
    let [one, two] =
        ["p256", "rsa"].map(|name| Signer::from_pem(Identity::named(name).text("key")).unwrap());
    let both = TrustedKeys::together(&[TrustedKeys::of(&one), TrustedKeys::of(&two)]).unwrap();
    for signer in [&one, &two] {
        let token = builder().build(signer, NOW).unwrap();
        assert!(verify(token.expose(), &both, &demands(), NOW).is_ok());
    }
    let unnamed = one.clone().with_kid(&"none".parse().unwrap()).unwrap();
    let token = builder().build(&unnamed, NOW).unwrap();
    let refused = |keys: &TrustedKeys, token: &Jwt| {
        verify(token.expose(), keys, &demands(), NOW).unwrap_err()
    };
    assert_eq!(refused(&both, &token), Refusal::UnnamedKey);
    assert!(verify(token.expose(), &TrustedKeys::of(&one), &demands(), NOW).is_ok());

    let strange = one.clone().with_kid(&"literal:x".parse().unwrap()).unwrap();
    let token = builder().build(&strange, NOW).unwrap();
    assert_eq!(refused(&both, &token), Refusal::UnknownKey("x".to_owned()));
    assert_eq!(
        refused(&TrustedKeys::of(&one), &token),
        Refusal::UnknownKey("x".to_owned())
    );
    // What its issuer calls the key is not known of a key in PEM: the signature decides.
    let by_pem = TrustedKeys::from_pem(Identity::named("p256").text("certificate")).unwrap();
    assert!(verify(token.expose(), &by_pem, &demands(), NOW).is_ok());
    // Under the name of the one, signed by the other.
    let swapped = Kid::Form(crate::assertion::KidForm::Literal(
        one.kid().unwrap().to_owned(),
    ));
    let swapped = two.with_kid(&swapped).unwrap();
    let token = builder().build(&swapped, NOW).unwrap();
    assert!(matches!(refused(&both, &token), Refusal::Algorithm { .. }));
}

// security.md 54, attack A16
#[test]
fn a_set_that_gives_a_secret_away_or_has_a_kid_twice_is_refused() {
    let [one, two] = ["p256", "rsa"]
        .map(|name| PublishedKey::of_key(Identity::named(name).public_key()).to_members());
    let read = |keys: Value| {
        let set = json!({"keys": keys}).to_string();
        TrustedKeys::from_jwk_set(set.as_bytes()).map(|_| ())
    };
    assert_eq!(read(json!([one, two])), Ok(()));
    let with = |name: &str, value: Value| {
        let mut key = Value::Object(two.clone());
        key[name] = value;
        key
    };
    let same_kid = with("kid", one["kid"].clone());
    assert!(matches!(
        read(json!([one, same_kid])),
        Err(KeyRefusal::DuplicateKid(_))
    ));
    assert_eq!(
        read(json!([one, with("d", json!("AQ"))])),
        Err(KeyRefusal::Key(KeyError::Private))
    );
    let oct = json!({"kty": "oct", "k": SECRET});
    assert_eq!(
        read(json!([one, oct])),
        Err(KeyRefusal::Key(KeyError::Symmetric))
    );
    // RFC 7517 §5: what is not known is passed over, as long as something is left.
    let other = json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AQ"});
    assert_eq!(read(json!([other, one])), Ok(()));
    assert_eq!(read(json!([other])), Err(KeyRefusal::NoKey));
    assert_eq!(read(json!([])), Err(KeyRefusal::NoKey));
    assert!(TrustedKeys::from_jwk_set(b"[]").is_err());
    assert!(TrustedKeys::from_jwk_set(b"{\"keys\":{}}").is_err());
}

#[test]
fn one_algorithm_is_bound_to_a_jwk_that_names_it() {
    let identity = Identity::named("rsa");
    let mut jwk = Value::Object(crate::jwk::required_members(identity.public_key()));
    jwk["alg"] = json!("PS384");
    let keys = TrustedKeys::from_jwk(jwk.to_string().as_bytes()).unwrap();
    let token = |name: &str| {
        let algorithm = Algorithm::from_name(name).unwrap();
        let signer = signer_by(algorithm);
        builder().build(&signer, NOW).unwrap()
    };
    assert!(verify(token("PS384").expose(), &keys, &demands(), NOW).is_ok());
    for other in ["PS256", "PS512", "RS256", "RS384", "RS512"] {
        let refusal = verify(token(other).expose(), &keys, &demands(), NOW).unwrap_err();
        assert!(matches!(refusal, Refusal::Algorithm { .. }), "{other}");
    }
}

#[test]
fn the_words_for_programs_are_distinct_and_stable() {
    let jws = |error| Refusal::Jws(error).word();
    assert_eq!(jws(JwsError::Signature), "signature");
    assert_eq!(jws(JwsError::Algorithm), "algorithm");
    assert_eq!(jws(JwsError::Segments(1)), "form");
    assert_eq!(Refusal::UnnamedKey.word(), "key");
    let at = UnixTime::from_secs(1);
    assert_eq!(Refusal::Expired { at, now: at }.word(), "expired");
    assert_eq!(mistyped("aud").word(), "claim");
}
