//! Does a token say what its builder was told, and nothing else?

use std::time::Duration;

use super::*;
use crate::{
    certificate::{Certificate, CertificateChain, Validity},
    json::JsonError,
    jws::JwsError,
    key::LocalKey,
    time::UnixTime,
};

/// Header and claims as they are in the token.
fn said(token: &Jwt) -> (Value, Value) {
    let inspected = inspect(token.expose()).unwrap();
    let plain = |members: &[(String, Node)]| Node::Object(members.to_vec()).to_value();
    (plain(inspected.header()), plain(inspected.claims()))
}

fn build(builder: &JwtBuilder) -> Value {
    said(&builder.build(&es256(), NOW).unwrap()).1
}

// checklist K1, K8
#[test]
fn a_new_builder_says_nothing_but_an_hour() {
    let token = JwtBuilder::new().build(&es256(), NOW).unwrap();
    let (header, claims) = said(&token);
    assert_eq!(
        claims,
        json!({"iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_003_600})
    );
    assert_eq!(
        header,
        json!({"alg": "ES256", "typ": "JWT", "kid": es256().kid().unwrap()})
    );
    assert_eq!(token.issued_at(), NOW);
    assert_eq!(token.expires_at().as_secs(), 1_700_003_600);
    assert_eq!(token.algorithm().name(), "ES256");
}

// checklist K3, K5, K6, K7, K12, K13
#[test]
fn a_token_says_what_its_builder_was_told() {
    let token = JwtBuilder::new()
        .issuer(ISSUER)
        .audience(API)
        .subject("alice")
        .id("id-1")
        .typ("at+jwt")
        .claim("name", "Alice")
        .claim("admin", true)
        .claim("address", json!({"city": "Theed"}))
        .header("x", json!([1]))
        .lifetime(Duration::from_secs(90))
        .not_before(UnixTime::from_secs(1_700_000_030))
        .build(&es256(), NOW)
        .unwrap();
    let (header, claims) = said(&token);
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": API, "sub": "alice", "jti": "id-1", "name": "Alice",
            "admin": true, "address": {"city": "Theed"},
            "iat": 1_700_000_000, "nbf": 1_700_000_030, "exp": 1_700_000_090,
        })
    );
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["x"], json!([1]));
    assert_eq!(token.not_before().as_secs(), 1_700_000_030);
}

// checklist K4. A mistake of checklist K: a second audience that overwrites the first.
#[test]
fn a_second_audience_stands_beside_the_first() {
    let one = JwtBuilder::new().audience("a");
    assert_eq!(build(&one)["aud"], "a");
    let two = one.audience("b").audience("a");
    assert_eq!(build(&two)["aud"], json!(["a", "b"]));
    let token = two.build(&es256(), NOW).unwrap();
    for audience in ["a", "b"] {
        let demands = Requirements::of_any_issuer().for_audience(audience);
        let verified = verify(token.expose(), &TrustedKeys::of(&es256()), &demands, NOW);
        assert!(verified.is_ok(), "{audience}");
    }
}

#[test]
fn a_claim_that_is_given_again_gathers_its_values() {
    let builder = JwtBuilder::new()
        .claim("role", "reader")
        .claim("role", "writer")
        .claim("list", json!(["a"]))
        .claim("list", json!(["b", "c"]))
        .claim("single", json!(["a"]));
    let claims = build(&builder);
    assert_eq!(claims["role"], json!(["reader", "writer"]));
    assert_eq!(claims["list"], json!(["a", "b", "c"]));
    assert_eq!(claims["single"], json!(["a"]));
}

// checklist K2. A mistake of checklist K: a copied builder that shares headers with its parent.
#[test]
fn a_copy_of_a_builder_shares_nothing_with_it() {
    let parent = builder()
        .claim("role", "reader")
        .header("x", "parent")
        .subject("parent");
    let before = parent.clone();
    let child = parent
        .clone()
        .issuer("https://other.example")
        .audience("https://more.example")
        .subject("child")
        .id("child")
        .claim("role", "writer")
        .claim("more", 1)
        .header("x", "child")
        .header("y", "child")
        .typ("at+jwt")
        .lifetime(Duration::from_secs(1))
        .not_before(NOW)
        .renewable(RenewalPolicy::default());
    assert_eq!(parent, before);
    let (header, claims) = said(&parent.build(&es256(), NOW).unwrap());
    assert_eq!(header["x"], "parent");
    assert_eq!(header.get("y"), None);
    assert_eq!(header["typ"], "JWT");
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": API, "sub": "parent", "role": "reader",
            "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_003_600,
        })
    );
    let (header, claims) = said(&child.build(&es256(), NOW).unwrap());
    assert_eq!(header["x"], "child");
    assert_eq!(claims["role"], json!(["reader", "writer"]));
    // Nor does building change anything.
    assert_eq!(parent, before);
    let signer = es256();
    let changed = signer.clone().with_kid(&"none".parse().unwrap()).unwrap();
    assert_eq!(changed.kid(), None);
    assert!(signer.kid().is_some());
}

#[test]
fn claims_and_header_members_with_a_setting_of_their_own_are_refused_as_free_ones() {
    for name in [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        RENEWAL_CLAIM,
    ] {
        let refused = builder().claim(name, "x").build(&es256(), NOW);
        assert!(
            matches!(refused, Err(BuildError::OwnClaim(found)) if found == name),
            "{name}"
        );
    }
    // security.md 14, 15, 17, 23
    for name in [
        "alg", "typ", "kid", "x5t", "x5t#S256", "x5c", "x5u", "jwk", "jku", "crit", "b64", "enc",
        "zip",
    ] {
        let refused = builder().header(name, "x").build(&es256(), NOW);
        assert!(
            matches!(refused, Err(BuildError::OwnHeader(found)) if found == name),
            "{name}"
        );
    }
    for (empty, builder) in [
        ("iss", JwtBuilder::new().issuer("")),
        ("aud", builder().audience("")),
        ("sub", builder().subject("")),
        ("jti", builder().id("")),
        ("typ", builder().typ("")),
    ] {
        assert_eq!(
            builder.build(&es256(), NOW).err(),
            Some(BuildError::Empty(empty))
        );
    }
}

// checklist K8, K9; trap: never-expire and far-future expiry are refused at creation, never dead.
#[test]
fn a_life_that_is_none_or_ends_beyond_what_can_be_read_is_refused() {
    let life = |seconds: u64| {
        builder()
            .lifetime(Duration::from_secs(seconds))
            .build(&es256(), NOW)
    };
    assert_eq!(life(0).err(), Some(BuildError::Lifetime));
    assert_eq!(life(u64::MAX).err(), Some(BuildError::Lifetime));
    let to_the_end_of_9999 = 253_402_300_799 - 1_700_000_000;
    assert_eq!(
        life(to_the_end_of_9999 + 1).err(),
        Some(BuildError::Lifetime)
    );
    let longest = life(to_the_end_of_9999).unwrap();
    let keys = TrustedKeys::of(&es256());
    assert!(verify(longest.expose(), &keys, &demands(), NOW).is_ok());
    assert!(life(1).is_ok());

    let from = |seconds| {
        builder()
            .lifetime(Duration::from_secs(60))
            .not_before(UnixTime::from_secs(seconds))
            .build(&es256(), NOW)
    };
    assert_eq!(from(1_700_000_060).err(), Some(BuildError::NotBefore));
    assert!(from(1_700_000_059).is_ok());
    // What was said stays as it was said, also when it is over.
    assert_eq!(
        from(1_600_000_000).unwrap().not_before().as_secs(),
        1_600_000_000
    );
}

#[test]
fn nothing_is_built_that_its_own_reader_refuses() {
    let many = (0..70).fold(builder(), |all, n| all.claim(&format!("c{n}"), n));
    assert_eq!(
        many.build(&es256(), NOW).err(),
        Some(BuildError::Unreadable(JwsError::Claims(
            JsonError::TooManyMembers
        )))
    );
    let long = builder().claim("x", "y".repeat(4097));
    assert_eq!(
        long.build(&es256(), NOW).err(),
        Some(BuildError::Unreadable(JwsError::Claims(
            JsonError::StringTooLong
        )))
    );
    let header = builder().header("x", "y".repeat(2048));
    assert_eq!(
        header.build(&es256(), NOW).err(),
        Some(BuildError::Unreadable(JwsError::Header(
            JsonError::TooLarge
        )))
    );
    let large = (0..4).fold(builder(), |all, n| {
        all.claim(&format!("c{n}"), "y".repeat(4000))
    });
    assert_eq!(
        large.build(&es256(), NOW).err(),
        Some(BuildError::Unreadable(JwsError::TooLarge))
    );
}

// security.md 51, 52
#[test]
fn a_certificate_that_is_over_or_must_not_sign_signs_no_token() {
    const REFUSED: [(&str, &str); 3] = [
        (
            include_str!("../../../../../testdata/refused/expired.key"),
            include_str!("../../../../../testdata/refused/expired.pem"),
        ),
        (
            include_str!("../../../../../testdata/refused/not-yet-valid.key"),
            include_str!("../../../../../testdata/refused/not-yet-valid.pem"),
        ),
        (
            include_str!("../../../../../testdata/refused/wrong-key-usage.key"),
            include_str!("../../../../../testdata/refused/wrong-key-usage.pem"),
        ),
    ];
    let errors = REFUSED.map(|(key, certificate)| {
        let leaf = Certificate::all_from_pem(certificate).unwrap().remove(0);
        let signer = Signer::key_pair(Arc::new(LocalKey::from_pem(key).unwrap()))
            .with_certificate(CertificateChain::new(leaf, Vec::new()))
            .unwrap();
        builder().build(&signer, NOW).unwrap_err()
    });
    assert!(matches!(
        errors,
        [
            BuildError::CertificateValidity(Validity::Expired { .. }),
            BuildError::CertificateValidity(Validity::NotYet { .. }),
            BuildError::CertificateUsage,
        ]
    ));
}

#[test]
fn every_key_signs_by_every_algorithm_of_its_own_what_its_reader_believes() {
    for signer in signers() {
        let token = builder().subject("alice").build(&signer, NOW).unwrap();
        let verified = verify(token.expose(), &TrustedKeys::of(&signer), &demands(), NOW);
        let name = signer.algorithm().name();
        let verified = verified.expect(name);
        assert_eq!(verified.claims().string("sub"), Ok("alice"));
        assert_eq!(verified.header().algorithm, signer.algorithm());
        assert_eq!(verified.expires_at(), token.expires_at());
    }
}

// checklist K24: RFC 7523 §2.2 by hand, from a JWK.
#[test]
fn an_assertion_that_is_built_by_hand_is_believed_like_one_of_the_client() {
    use crate::{
        assertion::{AssertionError, Expectation, Purpose, UnverifiedAssertion},
        fixtures::{CLIENT, JTI},
    };
    let platform = crate::fixtures::ISSUER;
    let key = PrivateKey::from_pem(Identity::named("rsa").text("key")).unwrap();
    let jwk = key.to_jwk(None, None).unwrap();
    let signer = Signer::from_jwk(jwk.as_bytes()).unwrap();
    let assertion = JwtBuilder::new()
        .typ("client-authentication+jwt")
        .issuer(CLIENT)
        .subject(CLIENT)
        .audience(platform)
        .id(JTI)
        .lifetime(Duration::from_secs(120));
    let judged = |builder: &JwtBuilder, now| {
        let token = builder.build(&signer, NOW).unwrap();
        let expect = Expectation {
            purpose: Purpose::Client,
            client_id: CLIENT,
            audiences: &[platform],
            lifetime_max: Duration::from_secs(300),
            now,
        };
        UnverifiedAssertion::parse(token.expose())?.verify(
            key.public_key(),
            &[key::Algorithm::RS256],
            &expect,
        )
    };
    assert!(judged(&assertion, NOW).is_ok());
    let over = UnixTime::from_secs(1_700_000_130); // with the leeway of ten seconds
    for (wrong, now) in [
        (assertion.clone(), over),
        (assertion.clone().audience("https://more.example"), NOW),
        (assertion.clone().subject("another"), NOW),
        (assertion.clone().issuer("another"), NOW),
        (assertion.clone().typ("at+jwt"), NOW),
        (assertion.clone().lifetime(Duration::from_secs(301)), NOW),
        (assertion.clone().id("short"), NOW),
    ] {
        let refused: Result<_, AssertionError> = judged(&wrong, now);
        assert!(refused.is_err(), "{wrong:?}");
    }
}
