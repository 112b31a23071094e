//! What must hold of a set of keys, and of a key, that somebody publishes (RFC 7517)?

use countersign::proto::{
    jwk::JwkSet,
    jwt::{PrivateKey, SymmetricKey, TrustedKeys, certificates_in},
    key::KeyError,
};
use serde_json::Value;

use super::{
    certificate,
    rereading::{is_shown_safely, lenient},
};

/// Of JSON as it is.
pub fn hold(input: &[u8]) {
    of_a_key(input);
    let published = JwkSet::parse_published(input);
    let strict = JwkSet::parse(input);
    for why in [published.as_ref().err(), strict.as_ref().err()]
        .into_iter()
        .flatten()
    {
        is_shown_safely(why);
    }
    if let Ok(set) = &published {
        let text = set.to_json();
        gives_nothing_away(&text);
        let again = JwkSet::parse(text.as_bytes()).expect("what was written");
        assert_eq!(again.keys.len(), set.keys.len());
        for (key, again) in set.keys.iter().zip(&again.keys) {
            assert_eq!(
                (&key.key, &key.kid, key.algorithm),
                (&again.key, &again.kid, again.algorithm)
            );
            certificate::is_a_usable_key(&key.key);
            if let Some(kid) = &key.kid {
                assert_eq!(set.find(kid).map(|found| &found.key), Some(&key.key));
            }
        }
    }
    if let Ok(strict) = &strict {
        let published = published.expect("the strict reader takes less");
        assert_eq!(strict.keys.len(), published.keys.len());
    }
    if TrustedKeys::from_jwk_set(input).is_ok() {
        let members = lenient(input).expect("a JSON object");
        for key in members["keys"].as_array().expect("an array") {
            let key = key.as_object().expect("an object");
            for secret in ["k", "d", "p", "q", "dp", "dq", "qi", "oth"] {
                assert!(!key.contains_key(secret), "{secret}");
            }
        }
    }
}

fn of_a_key(input: &[u8]) {
    for why in [
        TrustedKeys::from_jwk(input).err(),
        TrustedKeys::from_jwk_set(input).err(),
        PrivateKey::from_jwk(input).err(),
        SymmetricKey::from_jwk(input).err(),
        certificates_in(input).err(),
    ]
    .iter()
    .flatten()
    {
        is_shown_safely(why);
    }
    if let Ok(key) = PrivateKey::from_jwk(input) {
        let again = PrivateKey::from_pem(&key.to_pem()).expect("what was written");
        assert_eq!(again.public_key(), key.public_key());
        assert!(SymmetricKey::from_jwk(input).is_err());
    }
    if let Ok(key) = SymmetricKey::from_jwk(input) {
        let again = SymmetricKey::from_jwk(key.to_jwk(key.algorithm(), None).as_bytes());
        assert_eq!(
            again.expect("what was written").thumbprint(),
            key.thumbprint()
        );
        assert!(PrivateKey::from_jwk(input).is_err());
        // A set is published: a secret in it is everybody's.
        let mut set = br#"{"keys":["#.to_vec();
        set.extend_from_slice(input);
        set.extend_from_slice(b"]}");
        assert!(matches!(
            JwkSet::parse_published(&set),
            Err(countersign::proto::jwk::JwkError::Key(KeyError::Symmetric))
        ));
    }
}

fn gives_nothing_away(set: &str) {
    let members = lenient(set.as_bytes()).expect("a JSON object");
    let known = ["kty", "crv", "x", "y", "n", "e", "use", "kid", "alg"];
    for key in members["keys"].as_array().into_iter().flatten() {
        let names = key.as_object().into_iter().flat_map(|key| key.keys());
        for name in names {
            assert!(known.contains(&name.as_str()), "{name}");
        }
    }
    assert!(matches!(members["keys"], Value::Array(_)));
}
