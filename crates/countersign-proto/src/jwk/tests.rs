//! Which JWKs are read, what is their thumbprint, and which sets are refused whole?

use serde_json::json;

use super::*;

/// RFC 7638 §3.1.
const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn read(members: &Value) -> Result<Jwk, JwkError> {
    Jwk::from_members(members.as_object().unwrap())
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut members = base.clone();
    members
        .as_object_mut()
        .unwrap()
        .insert(name.to_owned(), value);
    members
}

fn rsa() -> Value {
    json!({"kty": "RSA", "n": RSA_N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
}

/// RFC 7517 App. A.1, the EC key, without its `use` of encryption.
fn ec() -> Value {
    json!({"kty": "EC", "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "kid": "1"})
}

/// RFC 8037 App. A.2.
fn okp() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// Without the key of RFC 8037 where the crypto library has not its kind.
fn in_this_build<T>(keys: [(Value, T); 3]) -> impl Iterator<Item = (Value, T)> {
    let is_here = |key: &Value| cfg!(feature = "aws-lc") || key["kty"] != "OKP";
    keys.into_iter().filter(move |(key, _)| is_here(key))
}

fn good() -> Vec<Value> {
    let keys = in_this_build([rsa(), ec(), okp()].map(|key| (key, ())));
    keys.map(|(key, ())| key).collect()
}

// security.md 45: RFC 7638 §3.1 and RFC 8037 App. A.3; the EC value was made with joserfc.
#[test]
fn the_thumbprints_of_the_rfcs_are_reproduced() {
    for (members, expected) in in_this_build([
        (rsa(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (okp(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        (ec(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"),
    ]) {
        assert_eq!(thumbprint(&read(&members).unwrap().key), expected);
    }
}

// security.md 45: order and extra members do not matter.
#[test]
fn other_members_do_not_change_the_thumbprint() {
    let text = format!(
        r#"{{"use":"sig","n":"{RSA_N}","x5t":"AAAA","later":[1],"kty":"RSA","kid":"z","e":"AQAB"}}"#
    );
    let members = json::object(text.as_bytes(), &Limits::DOCUMENT).unwrap();
    assert_eq!(
        thumbprint(&Jwk::from_members(&members).unwrap().key),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

#[test]
fn the_required_members_are_those_of_rfc_7638() {
    for (members, expected) in in_this_build([
        (rsa(), ["e", "kty", "n"].as_slice()),
        (ec(), &["crv", "kty", "x", "y"]),
        (okp(), &["crv", "kty", "x"]),
    ]) {
        let required = required_members(&read(&members).unwrap().key);
        let names: Vec<&str> = required.keys().map(String::as_str).collect();
        assert_eq!(names, expected);
        for name in names {
            assert_eq!(required[name], members[name]);
        }
    }
}

// security.md 54, A15, A16
#[test]
fn keys_that_are_private_symmetric_or_for_something_else_are_refused() {
    let key = JwkError::Key;
    for (members, expected) in [
        (with(&rsa(), "d", json!("AQ")), key(KeyError::Private)),
        (with(&rsa(), "p", json!("AQ")), key(KeyError::Private)),
        (with(&rsa(), "q", json!("AQ")), key(KeyError::Private)),
        (with(&rsa(), "dp", json!("AQ")), key(KeyError::Private)),
        (with(&rsa(), "dq", json!("AQ")), key(KeyError::Private)),
        (with(&rsa(), "qi", json!("AQ")), key(KeyError::Private)),
        (with(&rsa(), "oth", json!([])), key(KeyError::Private)),
        (with(&ec(), "d", json!("AQ")), key(KeyError::Private)),
        (with(&okp(), "d", Value::Null), key(KeyError::Private)),
        (with(&ec(), "k", json!("AQ")), key(KeyError::Symmetric)),
        (json!({"kty": "oct", "k": "AQ"}), key(KeyError::Symmetric)),
        (
            with(&ec(), "use", json!("enc")),
            key(KeyError::NotForSigning),
        ),
        (
            with(&ec(), "use", json!("SIG")),
            key(KeyError::NotForSigning),
        ),
        (with(&ec(), "use", json!(1)), JwkError::Member("use")),
        (
            with(&ec(), "key_ops", json!(["sign"])),
            key(KeyError::NotForSigning),
        ),
        (
            with(&ec(), "key_ops", json!([])),
            key(KeyError::NotForSigning),
        ),
        (
            with(&ec(), "key_ops", json!(["verify", "verify"])),
            JwkError::Member("key_ops"),
        ),
        (
            with(&ec(), "key_ops", json!("verify")),
            JwkError::Member("key_ops"),
        ),
    ] {
        assert_eq!(read(&members), Err(expected), "{members}");
    }
    assert!(read(&with(&ec(), "key_ops", json!(["verify"]))).is_ok());
    assert!(read(&with(&ec(), "use", json!("sig"))).is_ok());
}

// security.md 10, 13, 24, A15
#[test]
fn keys_that_do_not_add_up_are_refused() {
    let key = JwkError::Key;
    let off = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyN";
    assert!(matches!(
        read(&with(&ec(), "y", json!(off))),
        Err(JwkError::Member("y") | JwkError::Key(KeyError::OffCurve))
    ));
    for (members, expected) in [
        (with(&ec(), "y", ec()["x"].clone()), key(KeyError::OffCurve)),
        (
            with(&ec(), "crv", json!("P-384")),
            key(KeyError::Malformed(
                "a coordinate of the point has the wrong length",
            )),
        ),
        (
            with(&ec(), "crv", json!("secp256k1")),
            key(KeyError::Unsupported("EC secp256k1".into())),
        ),
        (
            with(&okp(), "crv", json!("X25519")),
            key(KeyError::Unsupported("OKP X25519".into())),
        ),
        (with(&okp(), "x", json!("AQ")), JwkError::Member("x")),
        (
            with(&okp(), "kty", json!("EC")),
            key(KeyError::Unsupported("EC Ed25519".into())),
        ),
        (with(&rsa(), "e", json!("AQ")), key(KeyError::RsaExponent)),
        (with(&rsa(), "e", json!("AAEAAQ")), JwkError::Member("e")),
        (with(&rsa(), "e", json!("AQAB==")), JwkError::Member("e")),
        (with(&rsa(), "e", json!("")), JwkError::Member("e")),
        (with(&rsa(), "e", json!(65537)), JwkError::Member("e")),
        (
            with(&rsa(), "n", json!("_w")),
            key(KeyError::RsaSize { bits: 8 }),
        ),
        (with(&rsa(), "alg", json!("ES256")), JwkError::Member("alg")),
        (with(&rsa(), "alg", json!("none")), JwkError::Member("alg")),
        (with(&rsa(), "alg", json!("RS512")), JwkError::Member("alg")),
        (with(&rsa(), "kid", json!(7)), JwkError::Member("kid")),
        (
            with(&rsa(), "kid", json!("k".repeat(257))),
            JwkError::Member("kid"),
        ),
        (
            with(&rsa(), "kty", json!("rsa")),
            key(KeyError::Unsupported("kty rsa".into())),
        ),
        (json!({"n": RSA_N, "e": "AQAB"}), JwkError::Member("kty")),
    ] {
        assert_eq!(read(&members), Err(expected), "{members}");
    }
    // A leading zero byte in a coordinate is part of it; without it the length is wrong.
    let short = with(
        &ec(),
        "x",
        json!("oEJM0hwpRIOKLXXJKzfnbqINnwCJOjtO7oo8Cq_sPg"),
    );
    assert!(read(&short).is_err());
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

// security.md 54, A16
#[test]
fn a_registered_set_with_one_bad_key_is_refused_whole() {
    assert_eq!(
        JwkSet::parse(&set(&good())).unwrap().keys.len(),
        good().len()
    );
    for bad in [
        json!({"kty": "oct", "k": "AQ"}),
        with(&ec(), "d", json!("AQ")),
        with(&okp(), "use", json!("enc")),
        json!({"kty": "later"}),
        json!("no object"),
    ] {
        assert!(JwkSet::parse(&set(&[rsa(), bad])).is_err());
    }
    let twice = with(&ec(), "kid", json!("2011-04-29"));
    assert_eq!(
        JwkSet::parse(&set(&[rsa(), twice])),
        Err(JwkError::DuplicateKid("2011-04-29".into()))
    );
    for text in [
        &b"[]"[..],
        b"{}",
        b"{\"keys\":{}}",
        b"{\"keys\":[],\"keys\":[]}",
        b"",
    ] {
        assert!(JwkSet::parse(text).is_err());
    }
}

// RFC 7517 §5; security.md 54
#[test]
fn a_published_set_is_read_past_keys_of_other_kinds_but_not_past_secrets() {
    let keys = [
        json!({"kty": "later"}),
        with(&ec(), "use", json!("enc")),
        with(&ec(), "kid", json!("mine")),
        json!({"kty": "OKP", "crv": "X25519", "x": "AQ"}),
    ];
    let read = JwkSet::parse_published(&set(&keys)).unwrap();
    assert_eq!(read.keys.len(), 1);
    assert!(read.find("mine").is_some());
    assert!(read.find("Mine").is_none() && read.find("").is_none());
    for secret in [
        json!({"kty": "oct", "k": "AQ"}),
        with(&ec(), "d", json!("AQ")),
    ] {
        assert!(JwkSet::parse_published(&set(&[ec(), secret])).is_err());
    }
    assert!(JwkSet::parse_published(&set(&[ec(), ec()])).is_err());
}

// security.md 55
#[test]
fn a_set_is_written_with_public_members_only_and_read_back() {
    let set = JwkSet::parse(&set(&good())).unwrap();
    let text = set.to_json();
    assert_eq!(JwkSet::parse(text.as_bytes()), Ok(set));
    let written: Value = serde_json::from_str(&text).unwrap();
    for key in written["keys"].as_array().unwrap() {
        for name in key.as_object().unwrap().keys() {
            assert!(
                ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"].contains(&name.as_str()),
                "{name}"
            );
        }
        assert_eq!(key["use"], "sig");
    }
}
