//! What must hold of a text that somebody presents as a signed token?

use std::{sync::OnceLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::proto::{
    assertion::{Expectation, Purpose, UnverifiedAssertion},
    json::JsonError,
    jws::{JwsError, MAX_BYTES, SigningInput, UnverifiedJws},
    jwt::{self, Requirements, SymmetricKey, TrustedKeys, VerifiedJwt},
    key::{Algorithm, SigningKey as _},
    token::{AccessToken, TokenClaims, inspect},
};
use serde_json::{Map, Value};

use super::{
    CHANGES, CONTENT,
    changes::changed,
    keys::{self, NOW, by_hmac, by_pair, halves},
    rereading::{are_same, has_repeated_members, is_shown_safely, lenient},
};

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const CLIENT: &str = "app-1";

/// Of a token as it comes, of a good one that was changed, and of one that the right key signed.
pub fn hold(input: &[u8]) {
    match input {
        [CHANGES, which, changes @ ..] => {
            let good = good();
            a_changed_one_is_refused(&good[usize::from(*which) % good.len()], changes);
        }
        [CONTENT, rest @ ..] => {
            let (header, claims) = halves(rest);
            what_is_believed_is_as_demanded(&by_hmac(header, claims), header, claims);
            let text = by_pair(keys::ed25519(), header, claims);
            what_is_believed_is_as_demanded(&text, header, claims);
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(input) {
                what_is_read_is_strict(text);
                assert!(good().iter().any(|good| good == text) || !is_believed(text));
            }
        }
    }
}

/// Tokens that are believed. Their signatures have one form only, so that any other text is another
/// signature.
fn good() -> &'static [String] {
    static GOOD: OnceLock<Vec<String>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let jwt = br#"{"iss":"https://id.example","aud":"https://api.example","exp":1700000600}"#;
        let token = br#"{"iss":"https://id.example","sub":"robot","aud":"https://api.example","client_id":"app-1","principal":"robot","type":1,"iat":1700000000,"exp":1700000900,"jti":"0123456789abcdef"}"#;
        let assertion = br#"{"iss":"app-1","sub":"app-1","aud":"https://id.example","iat":1700000000,"exp":1700000060,"jti":"5f0c2b7e-3a51-4d0e"}"#;
        let of_pair = |header: &[u8], claims: &[u8]| by_pair(keys::ed25519(), header, claims);
        let good = vec![
            by_hmac(br#"{"alg":"HS256"}"#, jwt),
            of_pair(br#"{"alg":"EdDSA","typ":"JWT"}"#, jwt),
            of_pair(br#"{"alg":"EdDSA","typ":"at+jwt","kid":"k"}"#, token),
            of_pair(br#"{"alg":"EdDSA","typ":"client-authentication+jwt"}"#, assertion),
        ];
        for token in &good {
            assert!(is_believed(token), "{token}");
        }
        good
    })
}

fn a_changed_one_is_refused(good: &str, changes: &[u8]) {
    let text = changed(good, changes);
    what_is_read_is_strict(&text);
    assert!(text == good || !is_believed(&text), "{text}");
}

fn is_believed(text: &str) -> bool {
    verified(text).is_some() || access_token(text).is_some() || is_assertion(text)
}

fn verified(text: &str) -> Option<VerifiedJwt> {
    static KEYS: OnceLock<[TrustedKeys; 2]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let secret = SymmetricKey::from_bytes(keys::SECRET).expect("a secret");
        [
            TrustedKeys::symmetric(secret),
            TrustedKeys::public_key(keys::ed25519().public_key().clone()),
        ]
    });
    let demands = Requirements::issued_by(ISSUER).for_audience(API);
    keys.iter().find_map(|keys| {
        let verified = jwt::verify(text, keys, &demands, NOW);
        verified.inspect_err(is_shown_safely).ok()
    })
}

fn access_token(text: &str) -> Option<TokenClaims> {
    let key = (keys::ed25519().public_key().clone(), Algorithm::EdDSA);
    TokenClaims::verify(text, |_| Some(key), ISSUER, API, NOW).ok()
}

fn is_assertion(text: &str) -> bool {
    let expectation = Expectation {
        purpose: Purpose::Client,
        client_id: CLIENT,
        audiences: &[ISSUER],
        lifetime_max: Duration::from_secs(300),
        now: NOW,
    };
    let key = keys::ed25519().public_key();
    UnverifiedAssertion::parse(text)
        .and_then(|read| read.verify(key, &Algorithm::PROTOCOL, &expectation))
        .is_ok()
}

/// Nothing is asked of the reader that is looked at here: other readers read the same bytes.
fn what_is_read_is_strict(text: &str) {
    let seen = jwt::inspect(text);
    let _ = (inspect(text), AccessToken::new(text));
    let jws = match UnverifiedJws::parse(text) {
        Ok(jws) => jws,
        Err(why) => {
            if let Ok(seen) = &seen
                && why != JwsError::Algorithm
            {
                assert_eq!(seen.refusal(), Some(&why));
            }
            return;
        }
    };
    assert!(text.len() <= MAX_BYTES);
    let parts: Vec<&str> = text.split('.').collect();
    assert_eq!(parts.len(), 3);
    let decoded = [0, 1, 2].map(|at| {
        let bytes = URL_SAFE_NO_PAD.decode(parts[at]).expect("base64url");
        // Nobody can write the same token in another way.
        assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), parts[at]);
        bytes
    });
    let [header, claims, signature] = decoded;
    assert!(!has_repeated_members(&header) && !has_repeated_members(&claims));
    let (header, claims) = (lenient(&header).unwrap(), lenient(&claims).unwrap());
    no_extension_is_there(&header);
    let algorithm = jws.header().algorithm;
    assert_eq!(
        header["alg"].as_str().and_then(Algorithm::from_name),
        Some(algorithm)
    );
    assert_eq!(
        header.get("kid").and_then(Value::as_str),
        jws.header().kid.as_deref()
    );
    let seen = seen.expect("what is read strictly can be looked at");
    assert_eq!(seen.refusal(), None);
    assert!(seen.repeated().is_empty());
    assert_eq!(
        jws.claimed_issuer(),
        claims.get("iss").and_then(Value::as_str)
    );

    let again = SigningInput::encode(&header, &claims).finish(&signature);
    match UnverifiedJws::parse(&again) {
        Ok(again) => assert_eq!(again.header().members.len(), jws.header().members.len()),
        Err(JwsError::TooLarge | JwsError::Header(JsonError::TooLarge)) => {}
        Err(why) => panic!("{why:?}"),
    }
}

fn what_is_believed_is_as_demanded(text: &str, header: &[u8], claims: &[u8]) {
    what_is_read_is_strict(text);
    if let Some(verified) = verified(text) {
        let (header, claims) = (lenient(header).unwrap(), lenient(claims).unwrap());
        no_extension_is_there(&header);
        assert_eq!(claims["iss"], ISSUER);
        let is_for_us = match &claims["aud"] {
            Value::Array(several) => several.iter().any(|one| one == API),
            one => one == API,
        };
        assert!(is_for_us);
        assert!(number(&claims, "exp").unwrap() + 60.0 > NOW.as_secs() as f64);
        for claim in ["nbf", "iat"] {
            let from = number(&claims, claim).unwrap_or_default();
            assert!(from <= NOW.as_secs() as f64 + 60.0, "{claim}");
            assert!(number(&claims, claim).is_some() || !claims.contains_key(claim));
        }
        assert!(are_same(verified.claims().members(), &claims));
    }
    if let Some(token) = access_token(text) {
        let (header, claims) = (lenient(header).unwrap(), lenient(claims).unwrap());
        let typ = header["typ"].as_str().unwrap().to_ascii_lowercase();
        assert!(
            ["at+jwt", "application/at+jwt"].contains(&typ.as_str()),
            "{typ}"
        );
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&ISSUER.into(), &API.into())
        );
        assert!(number(&claims, "exp").unwrap() > NOW.as_secs() as f64);
        assert_eq!(claims["sub"], token.subject.as_str());
        assert_eq!(claims["type"], token.kind.number());
    }
    if is_assertion(text) {
        let claims = lenient(claims).unwrap();
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&CLIENT.into(), &CLIENT.into())
        );
        assert_eq!(claims["aud"], ISSUER);
        let jti = claims["jti"].as_str().unwrap().chars().count();
        assert!((8..=128).contains(&jti), "{jti}");
        assert!(number(&claims, "exp").unwrap() > NOW.as_secs() as f64 - 60.0);
        assert!(number(&claims, "exp").unwrap() < NOW.as_secs() as f64 + 400.0);
    }
}

fn no_extension_is_there(header: &Map<String, Value>) {
    for name in ["crit", "b64", "enc", "zip"] {
        assert!(!header.contains_key(name), "{name}");
    }
}

fn number(claims: &Map<String, Value>, name: &str) -> Option<f64> {
    claims.get(name)?.as_f64()
}
