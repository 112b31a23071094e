//! Is each kind of token refused in the place of every other?
//!
//! All are signed by the same, right key, so that nothing but the kind can tell them apart
//! (RFC 8725 §3.12).

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::{
    assertion::{Expectation, PLATFORM_CLIENT_ID, Purpose, UnverifiedAssertion},
    dpop::{self, ProofRequest},
    fixtures::{API, CLIENT, ISSUER, Identity, JTI, NOW},
    jwk,
    key::Algorithm,
    login::{Hello, Resume, SUBPROTOCOL},
    token::{Binding, INTERACTIVE_CLIENT_ID, TokenClaims},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ClientAssertion,
    PlatformAssertion,
    AccessToken,
    InteractiveToken,
    Proof,
    Hello,
    Resume,
}

const KINDS: [Kind; 7] = [
    Kind::ClientAssertion,
    Kind::PlatformAssertion,
    Kind::AccessToken,
    Kind::InteractiveToken,
    Kind::Proof,
    Kind::Hello,
    Kind::Resume,
];

const LOGIN_ENDPOINT: &str = "wss://id.example/login/socket";
const NONCE: &str = "n-1";

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Kind::ClientAssertion => "client-authentication+jwt",
            Kind::PlatformAssertion => "countersign-platform+jwt",
            Kind::AccessToken | Kind::InteractiveToken => "at+jwt",
            Kind::Proof => "dpop+jwt",
            Kind::Hello | Kind::Resume => "countersign-login+jwt",
        }
    }

    /// Every claim that any place asks for, with the values that this place wants.
    fn claims(self) -> Value {
        let (party, audience) = match self {
            Kind::PlatformAssertion => (PLATFORM_CLIENT_ID, ISSUER),
            Kind::AccessToken => (ISSUER, API),
            Kind::InteractiveToken => (INTERACTIVE_CLIENT_ID, ISSUER),
            Kind::ClientAssertion | Kind::Proof | Kind::Hello | Kind::Resume => (CLIENT, ISSUER),
        };
        let iss = if self == Kind::InteractiveToken {
            ISSUER
        } else {
            party
        };
        let mut claims = json!({
            "iss": iss, "sub": party, "aud": audience, "client_id": party, "principal": party,
            "type": 1, "scope": "read", "iat": NOW, "nbf": NOW,
            "exp": NOW.plus(Duration::from_secs(60)), "jti": JTI,
            "htm": "POST", "htu": "https://id.example/oauth2/token", "nonce": NONCE,
            "versions": [SUBPROTOCOL], "bind": ["code"], "last_seq": 4,
        });
        match self {
            Kind::InteractiveToken => {
                claims["type"] = 0.into();
                claims["sid"] = "b0Zq2k1xW8s3Jf5LhT7v9g".into();
                claims["binding"] = Binding::Code.name().into();
            }
            Kind::Hello | Kind::Resume => {
                claims["act"] = if self == Kind::Hello {
                    "hello"
                } else {
                    "resume"
                }
                .into();
                claims["sid"] = "b0Zq2k1xW8s3Jf5LhT7v9g".into();
                claims["htu"] = LOGIN_ENDPOINT.into();
            }
            _ => {}
        }
        claims
    }

    fn accepts(self, text: &str, identity: &Identity) -> bool {
        let expect = |purpose, client_id| Expectation {
            purpose,
            client_id,
            audiences: &[ISSUER],
            lifetime_max: Duration::from_secs(300),
            now: NOW,
        };
        let assertion = |expect| {
            UnverifiedAssertion::parse(text)
                .and_then(|unverified| {
                    unverified.verify(identity.public_key(), &[Algorithm::ES256], &expect)
                })
                .is_ok()
        };
        let access_token = |audience| {
            let key_of = |_: &str| Some((identity.public_key().clone(), Algorithm::ES256));
            TokenClaims::verify(text, key_of, ISSUER, audience, NOW).is_ok()
        };
        let endpoint = Url::parse(LOGIN_ENDPOINT).unwrap();
        match self {
            Kind::ClientAssertion => assertion(expect(Purpose::Client, CLIENT)),
            Kind::PlatformAssertion => assertion(expect(Purpose::Platform, PLATFORM_CLIENT_ID)),
            Kind::AccessToken => access_token(API),
            Kind::InteractiveToken => access_token(ISSUER),
            Kind::Proof => {
                let uri = Url::parse("https://id.example/oauth2/token").unwrap();
                let request = ProofRequest {
                    method: &Method::POST,
                    uri: &uri,
                    access_token: None,
                    nonce: None,
                };
                dpop::verify(text, &request, NOW).is_ok()
            }
            Kind::Hello => Hello::verify(text, NONCE, &endpoint, NOW).is_ok(),
            Kind::Resume => Resume::verify(text, NONCE, &endpoint, NOW).is_ok(),
        }
    }
}

fn header(identity: &Identity, typ: Option<&str>) -> Value {
    let mut header = json!({
        "alg": "ES256", "kid": identity.text("sha1"), "x5t": identity.text("x5t"),
        "jwk": jwk::required_members(identity.public_key()),
    });
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    header
}

// security.md 44, 60; attack B6
#[test]
fn every_kind_of_token_is_accepted_in_its_own_place_only() {
    let identity = Identity::named("p256");
    for kind in KINDS {
        let text = identity.sign(&header(&identity, Some(kind.typ())), &kind.claims());
        for place in KINDS {
            assert_eq!(
                place.accepts(&text, &identity),
                place == kind,
                "{kind:?} at the place of {place:?}"
            );
        }
    }
}

// security.md 33, 44; attack B6
#[test]
fn even_with_the_claims_of_a_place_another_typ_is_refused_there() {
    let identity = Identity::named("p256");
    for place in KINDS {
        for typ in [
            "client-authentication+jwt",
            "countersign-platform+jwt",
            "at+jwt",
            "dpop+jwt",
            "countersign-login+jwt",
            "logout+jwt",
            "token-introspection+jwt",
            "secevent+jwt",
            "sd+jwt",
        ] {
            for typ in [
                typ.to_owned(),
                format!("application/{typ}"),
                typ.to_uppercase(),
            ] {
                let text = identity.sign(&header(&identity, Some(&typ)), &place.claims());
                let same = typ
                    .to_lowercase()
                    .trim_start_matches("application/")
                    .eq(place.typ());
                assert_eq!(place.accepts(&text, &identity), same, "{typ} at {place:?}");
            }
        }
        // An ID token says "JWT" or nothing; so do the client assertions of older libraries, and
        // only those.
        for typ in [None, Some("JWT")] {
            let text = identity.sign(&header(&identity, typ), &place.claims());
            assert_eq!(
                place.accepts(&text, &identity),
                place == Kind::ClientAssertion,
                "{typ:?} at {place:?}"
            );
        }
    }
}

// security.md 43, 44
#[test]
fn a_platform_assertion_is_of_the_platform_and_a_client_assertion_never_is() {
    let identity = Identity::named("p256");
    let platform = header(&identity, Some(Kind::PlatformAssertion.typ()));
    let as_client = identity.sign(&platform, &Kind::ClientAssertion.claims());
    assert!(!Kind::PlatformAssertion.accepts(&as_client, &identity));
    let client = header(&identity, Some(Kind::ClientAssertion.typ()));
    let as_platform = identity.sign(&client, &Kind::PlatformAssertion.claims());
    assert!(!Kind::ClientAssertion.accepts(&as_platform, &identity));
}
