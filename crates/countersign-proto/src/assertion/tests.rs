//! Do mint and verify agree with each other, with the RFCs and with other tools?

use serde_json::json;

use super::*;
use crate::fixtures::{CLIENT, ISSUER, Identity, JTI, KINDS, NOW, PAIRS, variant, vectors};
use crate::jws::JwsError;

fn expectation(purpose: Purpose, now: UnixTime) -> Expectation<'static> {
    Expectation {
        purpose,
        client_id: match purpose {
            Purpose::Client => CLIENT,
            Purpose::Platform => PLATFORM_CLIENT_ID,
        },
        audiences: &[ISSUER],
        lifetime_max: Duration::from_secs(300),
        now,
    }
}

fn believe(
    text: &str,
    key: &PublicKey,
    expect: &Expectation<'_>,
) -> Result<VerifiedAssertion, AssertionError> {
    UnverifiedAssertion::parse(text)?.verify(key, &Algorithm::PROTOCOL, expect)
}

fn client_claims() -> serde_json::Value {
    json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": 1_700_000_000u64,
        "nbf": 1_700_000_000u64, "exp": 1_700_000_060u64, "jti": JTI})
}

/// A client assertion of these claims beside the good ones, signed by the right key.
fn judge(changes: &serde_json::Value) -> Result<VerifiedAssertion, AssertionError> {
    let identity = Identity::named("p256");
    let mut claims = client_claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let text = identity.sign(&json!({"alg": "ES256"}), &claims);
    believe(
        &text,
        identity.public_key(),
        &expectation(Purpose::Client, NOW),
    )
}

// security.md 8-12, 14, 15, 17, 22, 25-27, 30-36; attacks A1, A2, A6, A7, A9-A14, A18, A22, B1, B4
#[test]
fn assertions_of_other_tools_are_judged_as_expected() {
    let mut judged = 0;
    for text in [
        include_str!("../../../../testdata/vectors/assertions-python.json"),
        include_str!("../../../../testdata/vectors/assertions-node.json"),
    ] {
        for vector in vectors(text) {
            let member = |name: &str| vector[name].as_str().unwrap();
            if !KINDS.contains(&member("key")) {
                continue;
            }
            let identity = Identity::named(member("key"));
            let purpose = match member("purpose") {
                "platform" => Purpose::Platform,
                _ => Purpose::Client,
            };
            let now = UnixTime::from_secs(vector["now"].as_u64().unwrap());
            let found = believe(
                member("jws"),
                identity.public_key(),
                &expectation(purpose, now),
            );
            let found = found.map_or_else(|error| variant(&error), |_| "accepted".to_owned());
            assert_eq!(
                found,
                member("expect"),
                "{}: {}",
                member("name"),
                member("comment")
            );
            judged += 1;
        }
    }
    assert!(judged >= 140, "{judged}");
}

#[test]
fn what_is_minted_is_believed() {
    for (name, algorithm) in PAIRS {
        let identity = Identity::named(name);
        for (assertion, purpose) in [
            (Assertion::client(CLIENT, ISSUER), Purpose::Client),
            (Assertion::platform(ISSUER), Purpose::Platform),
        ] {
            let minted = assertion
                .mint(&identity.chain, &identity.key, algorithm, NOW, JTI)
                .unwrap();
            let unverified = UnverifiedAssertion::parse(minted.expose()).unwrap();
            assert_eq!(
                unverified.claimed_client_id(),
                Some(assertion.client_id.as_str())
            );
            assert_eq!(unverified.kid(), Some(identity.text("sha1")));
            assert_eq!(
                unverified.thumbprint(),
                Some(identity.chain.leaf().sha256())
            );
            let verified = unverified
                .verify(
                    identity.public_key(),
                    &[algorithm],
                    &expectation(purpose, NOW),
                )
                .unwrap();
            assert_eq!(verified.client_id(), assertion.client_id);
            assert_eq!(verified.purpose(), purpose);
            assert_eq!(verified.jti(), JTI);
            // iat is 5 s back, exp 60 s after that, and then 10 s of leeway.
            assert_eq!(
                verified.issued_at(),
                Some(UnixTime::from_secs(1_699_999_995))
            );
            assert_eq!(verified.expires_at(), UnixTime::from_secs(1_700_000_055));
            assert_eq!(verified.forget_after(), UnixTime::from_secs(1_700_000_065));
        }
    }
}

// security.md 28, 48; attack B1
#[test]
fn jsonwebtoken_reads_what_is_minted() {
    for (name, algorithm) in PAIRS {
        let identity = Identity::named(name);
        // jsonwebtoken has no ES512.
        let Some((key, known)) = oracle_key(&identity, algorithm) else {
            assert_eq!(algorithm, Algorithm::ES512);
            continue;
        };
        let minted = Assertion::client(CLIENT, ISSUER)
            .mint(&identity.chain, &identity.key, algorithm, NOW, JTI)
            .unwrap();
        let text = minted.expose();
        let header = jsonwebtoken::decode_header(text).unwrap();
        assert_eq!(header.typ.as_deref(), Some("client-authentication+jwt"));
        assert_eq!(header.kid.as_deref(), Some(identity.text("sha1")));
        assert_eq!(header.x5t.as_deref(), Some(identity.text("x5t")));
        assert_eq!(header.x5t_s256.as_deref(), Some(identity.text("x5t_s256")));

        let mut rules = jsonwebtoken::Validation::new(known);
        rules.validate_exp = false;
        rules.set_audience(&[ISSUER]);
        rules.set_issuer(&[CLIENT]);
        let claims = jsonwebtoken::decode::<serde_json::Value>(text, &key, &rules)
            .unwrap()
            .claims;
        assert_eq!(
            claims,
            json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": 1_699_999_995u64,
                "nbf": 1_699_999_995u64, "exp": 1_700_000_055u64, "jti": JTI})
        );
    }
}

fn oracle_key(
    identity: &Identity,
    algorithm: Algorithm,
) -> Option<(jsonwebtoken::DecodingKey, jsonwebtoken::Algorithm)> {
    let members = crate::jwk::required_members(identity.public_key());
    let jwk = serde_json::from_value(serde_json::Value::Object(members)).ok()?;
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).ok()?;
    let known = algorithm.name().parse().ok()?;
    Some((key, known))
}

// security.md 46; values of openssl
#[test]
fn the_header_names_the_certificate_as_openssl_does() {
    for name in KINDS {
        let identity = Identity::named(name);
        for (form, kid) in [
            (KidForm::Sha1Hex, Some(identity.text("sha1"))),
            (KidForm::Sha256Hex, Some(identity.text("sha256"))),
            (KidForm::Sha1Base64url, Some(identity.text("x5t"))),
            (KidForm::Sha256Base64url, Some(identity.text("x5t_s256"))),
            (KidForm::Literal("hsm-7".to_owned()), Some("hsm-7")),
            (KidForm::None, None),
        ] {
            let mut assertion = Assertion::client(CLIENT, ISSUER);
            assertion.kid = form;
            assertion.x5c = true;
            let algorithm = identity.public_key().algorithms()[0];
            let minted = assertion
                .mint(&identity.chain, &identity.key, algorithm, NOW, JTI)
                .unwrap();
            let unverified = UnverifiedAssertion::parse(minted.expose()).unwrap();
            let header = unverified.jws.header();
            assert_eq!(header.kid.as_deref(), kid);
            assert_eq!(header.x5t.as_deref(), Some(identity.text("x5t")));
            assert_eq!(header.x5t_s256.as_deref(), Some(identity.text("x5t_s256")));
            assert_eq!(header.members["x5c"], identity.vector["x5c"]);
        }
    }
}

// security.md 8, 10
#[test]
fn an_assertion_is_not_minted_by_an_algorithm_that_is_not_of_the_protocol() {
    let identity = Identity::named("rsa");
    for algorithm in [
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
    ] {
        let minted = Assertion::client(CLIENT, ISSUER).mint(
            &identity.chain,
            &identity.key,
            algorithm,
            NOW,
            JTI,
        );
        assert_eq!(minted.err(), Some(SigningError::Algorithm(algorithm)));
    }
}

#[test]
fn a_thumbprint_is_read_in_its_exact_form_only() {
    let identity = Identity::named("p256");
    let read = |header: serde_json::Value| {
        let text = identity.sign(&header, &client_claims());
        UnverifiedAssertion::parse(&text).unwrap().thumbprint()
    };
    let (sha1, sha256) = (identity.text("x5t"), identity.text("x5t_s256"));
    let leaf = identity.chain.leaf();
    assert_eq!(
        read(json!({"alg": "ES256", "x5t": sha1})),
        Some(leaf.sha1())
    );
    assert_eq!(
        read(json!({"alg": "ES256", "x5t": sha1, "x5t#S256": sha256})),
        Some(leaf.sha256())
    );
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "x5t": format!("{sha1}=")}),
        json!({"alg": "ES256", "x5t": identity.text("sha1")}),
        json!({"alg": "ES256", "x5t": sha256}),
        json!({"alg": "ES256", "x5t#S256": sha1}),
        json!({"alg": "ES256", "x5t#S256": "", "x5t": sha1}),
    ] {
        assert_eq!(read(header.clone()), None, "{header}");
    }
}

#[test]
fn the_lifetime_is_held_between_ten_seconds_and_five_minutes() {
    let identity = Identity::named("p256");
    for (asked, minted) in [(0, 10), (10, 10), (120, 120), (300, 300), (86_400, 300)] {
        let mut assertion = Assertion::client(CLIENT, ISSUER);
        assertion.lifetime = Duration::from_secs(asked);
        let text = assertion
            .mint(&identity.chain, &identity.key, Algorithm::ES256, NOW, JTI)
            .unwrap();
        let verified = believe(
            text.expose(),
            identity.public_key(),
            &expectation(Purpose::Client, NOW),
        )
        .unwrap();
        let lived = verified.expires_at().since(verified.issued_at().unwrap());
        assert_eq!(lived, Duration::from_secs(minted));
    }
}

// security.md 10
#[test]
fn an_algorithm_that_is_not_pinned_to_the_key_is_refused() {
    let identity = Identity::named("rsa");
    let text = identity.sign(&json!({"alg": "RS256"}), &client_claims());
    let expect = expectation(Purpose::Client, NOW);
    let verify = |permitted: &[Algorithm]| {
        UnverifiedAssertion::parse(&text)
            .unwrap()
            .verify(identity.public_key(), permitted, &expect)
    };
    assert!(verify(&[Algorithm::RS256]).is_ok());
    for permitted in [&[Algorithm::PS256][..], &[Algorithm::ES256], &[]] {
        assert_eq!(
            verify(permitted).unwrap_err(),
            AssertionError::Jws(JwsError::AlgorithmNotPermitted)
        );
    }
    let other = Identity::named("p256");
    assert_eq!(
        believe(&text, other.public_key(), &expect).unwrap_err(),
        AssertionError::Jws(JwsError::AlgorithmNotPermitted)
    );
}

// security.md 30
#[test]
fn an_assertion_ends_with_its_leeway() {
    let at = |exp: u64| judge(&json!({"exp": exp, "iat": 1_699_999_940u64}));
    assert!(at(1_699_999_991).is_ok());
    assert_eq!(
        at(1_699_999_990).unwrap_err(),
        AssertionError::Expired {
            by: Duration::from_secs(10)
        }
    );
}

// security.md 34, 35
#[test]
fn an_assertion_that_lives_too_long_is_refused() {
    assert!(judge(&json!({"exp": 1_700_000_300u64})).is_ok());
    assert_eq!(
        judge(&json!({"exp": 1_700_000_301u64})).unwrap_err(),
        AssertionError::Lifetime
    );
    // The client's clock is ahead: by little, and by too much.
    assert!(judge(&json!({"iat": 1_700_000_010u64, "exp": 1_700_000_310u64})).is_ok());
    assert_eq!(
        judge(&json!({"iat": 1_700_000_020u64, "exp": 1_700_000_320u64})).unwrap_err(),
        AssertionError::NotYetValid {
            by: Duration::from_secs(20)
        }
    );
}

// security.md 35
#[test]
fn an_old_assertion_is_refused_however_long_it_may_live() {
    let identity = Identity::named("p256");
    let verify = |iat: u64, lifetime_max: u64| {
        let mut claims = client_claims();
        claims["iat"] = iat.into();
        claims["nbf"] = iat.into();
        let text = identity.sign(&json!({"alg": "ES256"}), &claims);
        let expect = Expectation {
            lifetime_max: Duration::from_secs(lifetime_max),
            ..expectation(Purpose::Client, NOW)
        };
        believe(&text, identity.public_key(), &expect)
    };
    assert!(verify(1_699_999_760, 300).is_ok());
    assert_eq!(
        verify(1_699_999_759, 300).unwrap_err(),
        AssertionError::Lifetime
    );
    // Where a client may make assertions of an hour, they must still be fresh.
    assert!(verify(1_699_999_400, 3600).is_ok());
    assert_eq!(
        verify(1_699_999_399, 3600).unwrap_err(),
        AssertionError::TooOld
    );
}

// security.md 27, 29
#[test]
fn only_the_audiences_that_are_admitted_are_accepted() {
    let identity = Identity::named("p256");
    let endpoint = "https://id.example/oauth2/token";
    let mut claims = client_claims();
    claims["aud"] = endpoint.into();
    let text = identity.sign(&json!({"alg": "ES256"}), &claims);
    let expect = expectation(Purpose::Client, NOW);
    assert_eq!(
        believe(&text, identity.public_key(), &expect).unwrap_err(),
        AssertionError::Audience
    );
    let admitted = Expectation {
        audiences: &[ISSUER, "https://id.example/oauth2/token"],
        ..expect
    };
    assert!(believe(&text, identity.public_key(), &admitted).is_ok());
}

// security.md 31; attacks B4, A22
#[test]
fn a_time_that_is_no_number_in_range_is_refused_and_never_taken_for_absent() {
    for claim in ["exp", "nbf", "iat"] {
        for value in [
            json!("1700000000"),
            json!(null),
            json!(true),
            json!([1_700_000_000]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(-1e300),
            json!(9_007_199_254_740_993u64),
            json!(u64::MAX),
            json!(1e19),
        ] {
            let mut changes = json!({});
            changes[claim] = value.clone();
            assert!(
                matches!(
                    judge(&changes),
                    Err(AssertionError::Claim(ClaimError { claim: found, missing: false }))
                        if found == claim
                ),
                "{claim} {value}"
            );
        }
    }
}

// security.md 20; attack A23
#[test]
fn identifiers_are_compared_code_point_by_code_point() {
    for other in [
        "App-1",
        "app-1 ",
        " app-1",
        "app-1\u{0}",
        "app-1\u{202e}",
        "app\u{2010}1",
        "\u{430}pp-1",
        "app-\u{ff11}",
        "",
    ] {
        assert_eq!(
            judge(&json!({"iss": other, "sub": other})).unwrap_err(),
            AssertionError::Issuer,
            "{other:?}"
        );
    }
}

// security.md 36
#[test]
fn a_jti_has_8_to_128_characters() {
    for jti in ["x".repeat(8), "x".repeat(128), "é".repeat(128)] {
        assert!(judge(&json!({"jti": jti})).is_ok());
    }
    for jti in [
        json!(""),
        json!("x".repeat(7)),
        json!("x".repeat(129)),
        json!("1234567\n"),
    ] {
        assert_eq!(
            judge(&json!({"jti": jti})).unwrap_err(),
            AssertionError::Jti
        );
    }
    assert_eq!(
        variant(&judge(&json!({"jti": 12_345_678})).unwrap_err()),
        "Claim"
    );
}

// security.md 53
#[test]
fn an_assertion_is_never_shown() {
    let identity = Identity::named("p256");
    let assertion = Assertion::client(CLIENT, ISSUER);
    let input = assertion.signing_input(&identity.chain, Algorithm::ES256, NOW, JTI);
    assert!(!format!("{input:?}").contains("ey"));
    let minted = assertion
        .mint(&identity.chain, &identity.key, Algorithm::ES256, NOW, JTI)
        .unwrap();
    assert_eq!(format!("{minted:?}"), "ClientAssertion(..)");
    let unverified = UnverifiedAssertion::parse(minted.expose()).unwrap();
    assert!(!format!("{unverified:?}").contains(JTI));
}
