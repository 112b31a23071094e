//! Are certificates published as keys, and read back out of them?

use super::*;
use crate::{jwk::JwkSet, key::KeyError};

fn chain(name: &str) -> crate::certificate::CertificateChain {
    Identity::named(name).chain
}

// checklist K25
#[test]
fn certificates_become_a_set_and_come_out_of_it_again() {
    let names = KINDS;
    let published: Vec<PublishedKey> = names
        .iter()
        .map(|name| PublishedKey::of_certificate(&chain(name)))
        .collect();
    let set = key_set(&published).unwrap();
    for (key, name) in set["keys"].as_array().unwrap().iter().zip(names) {
        let identity = Identity::named(name);
        assert_eq!(key["x5c"], identity.vector["x5c"]);
        assert_eq!(key["x5t#S256"], identity.text("x5t_s256"));
        assert_eq!(key["kid"], crate::jwk::thumbprint(identity.public_key()));
        assert_eq!(key["use"], "sig");
    }
    let text = set.to_string();
    let back = certificates_in(text.as_bytes()).unwrap();
    for (chain, name) in back.iter().zip(names) {
        assert_eq!(chain.leaf(), self::chain(name).leaf());
        assert_eq!(chain.issuers(), self::chain(name).issuers());
    }
    assert_eq!(back.len(), names.len());
    // The platform reads such a set too.
    assert_eq!(
        JwkSet::parse(text.as_bytes()).unwrap().keys.len(),
        names.len()
    );
}

// security.md 55
#[test]
fn nothing_private_or_symmetric_is_ever_published() {
    assert!(PublishedKey::of_signer(&Signer::symmetric(secret())).is_none());
    for signer in signers() {
        let Some(published) = PublishedKey::of_signer(&signer) else {
            continue;
        };
        let members = published.to_members();
        assert_eq!(members["alg"], signer.algorithm().name());
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!members.contains_key(name), "{name}");
        }
    }
}

#[test]
fn a_set_has_no_kid_twice_and_no_key_twice() {
    let one = PublishedKey::of_certificate(&chain("p256"));
    let again = PublishedKey::of_key(chain("p256").leaf().public_key());
    let set = key_set(&[one.clone(), again]).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
    let named = |name: &str| {
        let signer = Signer::from_pem(Identity::named(name).text("key")).unwrap();
        let signer = signer.with_kid(&"literal:a".parse().unwrap()).unwrap();
        PublishedKey::of_signer(&signer).unwrap()
    };
    assert_eq!(
        key_set(&[named("p256"), named("rsa")]).err(),
        Some(KeyRefusal::DuplicateKid("a".to_owned()))
    );
}

// RFC 7517 §4.7, §4.9
#[test]
fn a_certificate_that_is_not_of_its_key_is_refused() {
    let mut jwk = PublishedKey::of_certificate(&chain("p256")).to_members();
    let read = |jwk: &serde_json::Map<String, Value>| {
        let text = Value::Object(jwk.clone()).to_string();
        certificates_in(text.as_bytes()).map(|chains| chains.len())
    };
    assert_eq!(read(&jwk), Ok(1));
    let other = PublishedKey::of_certificate(&chain("rsa")).to_members();
    let good = jwk.insert("x5c".to_owned(), other["x5c"].clone()).unwrap();
    assert_eq!(read(&jwk), Err(KeyRefusal::CertificateOfAnotherKey));
    jwk.insert("x5c".to_owned(), good);
    let thumbprint = other["x5t#S256"].clone();
    let good = jwk.insert("x5t#S256".to_owned(), thumbprint).unwrap();
    assert!(matches!(
        read(&jwk),
        Err(KeyRefusal::Key(KeyError::Malformed(_)))
    ));
    jwk.insert("x5t#S256".to_owned(), good);
    for x5c in [
        json!([]),
        json!("x"),
        json!([1]),
        json!(["%"]),
        json!(["AAAA"]),
    ] {
        jwk.insert("x5c".to_owned(), x5c.clone());
        assert!(read(&jwk).is_err(), "{x5c}");
    }
    jwk.remove("x5c");
    assert_eq!(read(&jwk), Ok(0));
    assert!(certificates_in(b"{\"keys\":1}").is_err());
}
