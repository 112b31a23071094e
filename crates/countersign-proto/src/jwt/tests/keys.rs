//! Which keys sign, by which algorithm, under which name, and which are refused?

use serde_json::{Value, json};

use super::*;
use crate::{
    assertion::KidForm,
    certificate::CertificateChain,
    fixtures::Identity,
    jwk::{self, JwkError},
    key::{KeyError, KeyType, LocalKey, SigningKey as _},
};

/// Made by openssl and python-cryptography.
const KEYS: &str = include_str!("../../../../../testdata/vectors/keys.json");

fn pair(algorithm: key::Algorithm) -> Algorithm {
    Algorithm::KeyPair(algorithm)
}

/// Keys in PEM that are good.
fn good_pems() -> Vec<(String, String)> {
    let keys: Value = serde_json::from_str(KEYS).unwrap();
    let good = keys["private"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["expect"] == "ok");
    good.map(|key| {
        let text = |member: &str| key[member].as_str().unwrap().to_owned();
        (text("name"), text("pem"))
    })
    .collect()
}

fn without(members: &Value, name: &str) -> Vec<u8> {
    let mut members = members.clone();
    members.as_object_mut().unwrap().remove(name);
    members.to_string().into_bytes()
}

fn with(members: &Value, name: &str, value: Value) -> Vec<u8> {
    let mut members = members.clone();
    members[name] = value;
    members.to_string().into_bytes()
}

fn private_jwk(name: &str) -> Value {
    let pem = Identity::named(name).text("key").to_owned();
    let jwk = PrivateKey::from_pem(&pem).unwrap().to_jwk(None, None);
    serde_json::from_str(&jwk.unwrap()).unwrap()
}

#[test]
fn a_secret_is_the_same_in_every_form() {
    let bytes: Vec<u8> = (1..=32).collect();
    let hex = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
    let base64url = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";
    let jwk = format!(r#"{{"kty":"oct","k":"{base64url}"}}"#);
    let from_bytes = SymmetricKey::from_bytes(&bytes).unwrap();
    for key in [
        SymmetricKey::from_hex(hex).unwrap(),
        SymmetricKey::from_hex(&hex.to_uppercase()).unwrap(),
        SymmetricKey::from_base64url(base64url).unwrap(),
    ] {
        assert_eq!(key.thumbprint(), from_bytes.thumbprint());
        assert_eq!(*key.to_hex(), hex);
        assert_eq!(*key.to_base64url(), base64url);
    }
    let signer = Signer::from_jwk(jwk.as_bytes()).unwrap();
    assert_eq!(signer.kid(), Some(&*from_bytes.thumbprint()));
    let passphrase = "correct horse battery staple, and then some";
    assert_eq!(
        SymmetricKey::from_passphrase(passphrase)
            .unwrap()
            .thumbprint(),
        SymmetricKey::from_bytes(passphrase.as_bytes())
            .unwrap()
            .thumbprint()
    );
}

// checklist K, trap: the default, an empty or a short signing key
#[test]
fn a_secret_that_is_short_empty_repetitive_or_public_is_refused() {
    use SymmetricKeyError::{Base64url, Hex, PublicKnowledge, Repetitive, TooLong, TooShort};
    let refused = |bytes: &[u8]| SymmetricKey::from_bytes(bytes).err();
    assert_eq!(refused(b""), Some(TooShort(0)));
    assert_eq!(refused(b"secret"), Some(TooShort(6)));
    assert_eq!(refused(&[7; 31]), Some(TooShort(31)));
    assert_eq!(refused(&[7; 32]), Some(Repetitive));
    assert_eq!(refused(&[0; 64]), Some(Repetitive));
    let long: Vec<u8> = (0..1025_u32).map(|n| n as u8).collect();
    assert_eq!(refused(&long), Some(TooLong));
    assert_eq!(refused(&long[..1024]), None);

    // attack A2: PyJWT CVE-2026-48526 (a JWK), fast-jwt GHSA-mvf2-f6gm-w987 (PEM behind spaces)
    let identity = Identity::named("p256");
    let jwk = Value::Object(jwk::required_members(identity.public_key())).to_string();
    for public in [
        identity.text("certificate").to_owned(),
        format!(" \n\t{}", identity.text("certificate")),
        identity.text("key").to_owned(),
        jwk.clone(),
        format!("\n {jwk}"),
        format!("{{\"keys\":[{jwk}]}}"),
    ] {
        let head = &public[..public.len().min(1024)];
        assert_eq!(refused(head.as_bytes()), Some(PublicKnowledge), "{public}");
    }
    let leaf = identity.chain.leaf();
    for der in [identity.public_key().spki(), leaf.der()] {
        assert_eq!(refused(der), Some(PublicKnowledge));
    }
    // A byte that DER begins with is nothing by itself.
    let mut chance: Vec<u8> = (0..64).collect();
    chance[0] = 0x30;
    assert_eq!(refused(&chance), None);

    for (text, why) in [
        ("0", Hex),
        ("0g", Hex),
        ("0x01", Hex),
        ("01:02", Hex),
        ("", TooShort(0)),
        ("0102", TooShort(2)),
    ] {
        assert_eq!(SymmetricKey::from_hex(text).err(), Some(why), "{text:?}");
    }
    for text in [
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB",
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHy+",
        " QIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
    ] {
        assert_eq!(
            SymmetricKey::from_base64url(text).err(),
            Some(Base64url),
            "{text:?}"
        );
    }
}

// checklist K10: the automatic choice
#[test]
fn the_algorithm_is_chosen_from_the_key() {
    let of_length = |length: usize| {
        let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
        Signer::symmetric(SymmetricKey::from_bytes(&bytes).unwrap()).algorithm()
    };
    for (length, expected) in [
        (32, Algorithm::HS256),
        (47, Algorithm::HS256),
        (48, Algorithm::HS384),
        (63, Algorithm::HS384),
        (64, Algorithm::HS512),
        (1024, Algorithm::HS512),
    ] {
        assert_eq!(of_length(length), expected, "{length} bytes");
    }
    for (name, expected) in [
        ("rsa", key::Algorithm::RS256),
        ("p256", key::Algorithm::ES256),
        ("p384", key::Algorithm::ES384),
        ("p521", key::Algorithm::ES512),
        ("ed25519", key::Algorithm::EdDSA),
    ]
    .into_iter()
    .filter(|(name, _)| KINDS.contains(name))
    {
        let signer = Signer::from_pem(Identity::named(name).text("key")).unwrap();
        assert_eq!(signer.algorithm(), pair(expected), "{name}");
    }
}

// checklist K10, trap: an alg swap
#[test]
fn an_algorithm_that_is_asked_for_is_checked_against_the_key() {
    for algorithm in algorithms() {
        let own = signer_by(algorithm);
        for other in Algorithm::ALL {
            let same_key = match (algorithm, other) {
                (Algorithm::KeyPair(one), Algorithm::KeyPair(two)) => {
                    let is_rsa = |name: &str| name.starts_with("RS") || name.starts_with("PS");
                    one == two || (is_rsa(one.name()) && is_rsa(two.name()))
                }
                (Algorithm::KeyPair(_), _) | (_, Algorithm::KeyPair(_)) => false,
                _ => true, // the secret has 64 bytes
            };
            match own.clone().with_algorithm(other) {
                Ok(signer) => {
                    assert!(same_key, "{algorithm} as {other}");
                    assert_eq!(signer.algorithm(), other);
                }
                Err(why) => {
                    assert!(!same_key, "{algorithm} as {other}");
                    assert!(matches!(why, KeyRefusal::Algorithm { asked, .. } if asked == other));
                }
            }
        }
    }
    let short = SymmetricKey::from_bytes(&(0..32).collect::<Vec<u8>>()).unwrap();
    let refused = Signer::symmetric(short).with_algorithm(Algorithm::HS384);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the key does not sign by HS384; it has HS256"
    );
}

// A mistake of checklist K: a random kid at each build, so that no key set can be published.
#[test]
fn a_kid_is_the_same_at_every_start_and_is_the_one_that_is_published() {
    for name in KINDS {
        let identity = Identity::named(name);
        let (one, two) = (
            Signer::from_pem(identity.text("key")).unwrap(),
            Signer::from_pem(identity.text("key")).unwrap(),
        );
        let thumbprint = jwk::thumbprint(identity.public_key());
        assert_eq!(one.kid(), Some(&*thumbprint));
        assert_eq!(one.kid(), two.kid());
        assert_eq!(PublishedKey::of_signer(&one).unwrap().kid(), thumbprint);
        let tokens = [&one, &two].map(|signer| builder().build(signer, NOW).unwrap());
        assert_eq!(tokens[0].kid(), tokens[1].kid());
        let published = key_set(&[PublishedKey::of_key(identity.public_key())]).unwrap();
        let keys = TrustedKeys::from_jwk_set(published.to_string().as_bytes()).unwrap();
        assert!(verify(tokens[0].expose(), &keys, &demands(), NOW).is_ok());
    }
    let secret = Signer::symmetric(secret());
    assert_eq!(secret.kid(), Signer::symmetric(super::secret()).kid());
}

#[test]
fn a_kid_is_a_thumbprint_of_the_certificate_a_text_or_none_when_that_is_asked_for() {
    let identity = Identity::named("p256");
    let with_certificate = Signer::from_pem(identity.text("key"))
        .unwrap()
        .with_certificate(identity.chain.clone())
        .unwrap();
    for (kid, expected) in [
        ("sha1-hex", Some(identity.text("sha1"))),
        ("sha256-hex", Some(identity.text("sha256"))),
        ("sha1-base64url", Some(identity.text("x5t"))),
        ("sha256-base64url", Some(identity.text("x5t_s256"))),
        ("literal:key-7", Some("key-7")),
        ("none", None),
    ] {
        let kid: Kid = kid.parse().unwrap();
        let signer = with_certificate.clone().with_kid(&kid).unwrap();
        assert_eq!(signer.kid(), expected, "{kid}");
        let header = signer.header();
        assert_eq!(header.get("kid").and_then(Value::as_str), expected);
        assert_eq!(header["x5t#S256"], identity.text("x5t_s256"));
        assert_eq!(header.get("x5c"), None);
    }
    let sent = with_certificate.with_x5c().unwrap();
    assert_eq!(sent.header()["x5c"], identity.vector["x5c"]);

    let without = Signer::from_pem(identity.text("key")).unwrap();
    let refused = without.clone().with_kid(&Kid::Form(KidForm::Sha1Hex));
    assert_eq!(refused.err(), Some(KeyRefusal::NoCertificate));
    assert_eq!(
        without.clone().with_x5c().err(),
        Some(KeyRefusal::NoCertificate)
    );
    let long = Kid::Form(KidForm::Literal("x".repeat(257)));
    assert_eq!(without.with_kid(&long).err(), Some(KeyRefusal::Kid));
    assert!("sha1".parse::<Kid>().is_err());
    assert_eq!(
        "thumbprint".parse::<Kid>().unwrap().to_string(),
        "thumbprint"
    );
}

#[test]
fn a_certificate_beside_the_key_is_taken_and_one_of_another_key_is_not() {
    let (mine, other) = (Identity::named("p256"), Identity::named("rsa"));
    let text = |certificate: &str| format!("{certificate}\n{}", mine.text("key"));
    let both = format!(
        "{}\n{}",
        other.text("certificate"),
        text(mine.text("certificate"))
    );
    let signer = Signer::from_pem(&both).unwrap();
    assert_eq!(signer.chain().unwrap().leaf(), mine.chain.leaf());
    assert_eq!(
        Signer::from_pem(&text(other.text("certificate"))).err(),
        Some(KeyRefusal::CertificateOfAnotherKey)
    );
    let chain = CertificateChain::new(other.chain.leaf().clone(), Vec::new());
    let refused = Signer::from_pem(mine.text("key"))
        .unwrap()
        .with_certificate(chain);
    assert_eq!(refused.err(), Some(KeyRefusal::CertificateOfAnotherKey));
    assert!(matches!(
        Signer::from_pem("nothing"),
        Err(KeyRefusal::Key(KeyError::Malformed(_)))
    ));
}

// checklist K25
#[test]
fn every_private_key_of_openssl_becomes_a_jwk_and_comes_back() {
    let mut kinds = std::collections::BTreeSet::new();
    for (name, pem) in good_pems() {
        let key = match PrivateKey::from_pem(&pem) {
            Err(why) if is_of_another_build(&why) => continue,
            key => key.expect(&name),
        };
        let jwk = key.to_jwk(None, Some("k-1")).unwrap();
        let members: Value = serde_json::from_str(&jwk).unwrap();
        assert_eq!(members["kid"], "k-1", "{name}");
        assert!(members["d"].is_string(), "{name}");
        kinds.insert(key.public_key().key_type().to_string());

        let back = PrivateKey::from_jwk(jwk.as_bytes()).expect(&name);
        assert_eq!(back.public_key(), key.public_key(), "{name}");
        let again = PrivateKey::from_pem(&back.to_pem()).unwrap();
        assert_eq!(
            again.to_jwk(None, Some("k-1")).unwrap(),
            jwk,
            "{name}: what came back is the same key"
        );
        // A signature by the one verifies by the other.
        let local = back.to_local_key().unwrap();
        let algorithm = local.public_key().algorithms()[0];
        let signature = local.sign(algorithm, b"m").unwrap();
        let original = LocalKey::from_pem(&pem).unwrap();
        let verified = original.public_key().verify(algorithm, b"m", &signature);
        assert!(verified.is_ok(), "{name}");
    }
    assert!(kinds.len() >= KINDS.len(), "{kinds:?}");
}

#[test]
fn a_generated_key_has_its_size_and_is_not_made_twice() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let key = SymmetricKey::generate(algorithm).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let other = SymmetricKey::generate(algorithm).unwrap();
        assert_ne!(key.thumbprint(), other.thumbprint());
    }
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let other = PrivateKey::generate(KeyType::P256).unwrap();
    assert_ne!(key.public_key(), other.public_key());
}

// security.md 10, 24, A15
#[test]
fn a_private_jwk_whose_halves_do_not_fit_or_that_lacks_numbers_is_refused() {
    let read = |text: &[u8]| PrivateKey::from_jwk(text).map(|_| ()).unwrap_err();
    let malformed = |why: &KeyRefusal| matches!(why, KeyRefusal::Key(KeyError::Malformed(_)));
    for name in KINDS.into_iter().filter(|name| *name != "rsa") {
        let (jwk, other) = (private_jwk(name), PrivateKey::generate(key_type(name)));
        let other = other.unwrap().to_jwk(None, None).unwrap();
        let other: Value = serde_json::from_str(&other).unwrap();
        assert!(
            malformed(&read(&with(&jwk, "d", other["d"].clone()))),
            "{name}"
        );
        assert!(malformed(&read(&with(&jwk, "d", json!("AQ")))), "{name}");
        assert!(malformed(&read(&with(&jwk, "d", json!("")))), "{name}");
        assert_eq!(read(&without(&jwk, "d")), KeyRefusal::PublicKey, "{name}");
    }
    let rsa = private_jwk("rsa");
    for number in ["p", "q", "dp", "dq", "qi"] {
        let missing = KeyRefusal::Jwk(JwkError::Member(number));
        assert_eq!(read(&without(&rsa, number)), missing);
        assert!(
            malformed(&read(&with(&rsa, number, json!("AQAB")))),
            "{number}"
        );
    }
    assert!(matches!(
        read(&with(&rsa, "oth", json!([]))),
        KeyRefusal::Key(KeyError::Unsupported(_))
    ));
    let other = private_jwk_of(PrivateKey::generate(KeyType::Rsa { bits: 2048 }).unwrap());
    assert!(malformed(&read(&with(&other, "n", rsa["n"].clone()))));
    let secret = format!(r#"{{"kty":"oct","k":"{SECRET}"}}"#);
    assert_eq!(
        read(secret.as_bytes()),
        KeyRefusal::Key(KeyError::Symmetric)
    );
}

fn key_type(name: &str) -> KeyType {
    Identity::named(name).public_key().key_type()
}

#[expect(clippy::needless_pass_by_value, reason = "a literal of a test")]
fn private_jwk_of(key: PrivateKey) -> Value {
    serde_json::from_str(&key.to_jwk(None, None).unwrap()).unwrap()
}

#[test]
fn a_jwk_that_is_not_for_signing_or_names_another_algorithm_is_refused() {
    let jwk = private_jwk("p256");
    let read = |text: Vec<u8>| Signer::from_jwk(&text).map(|_| ());
    let not_for_signing = Err(KeyRefusal::Key(KeyError::NotForSigning));
    assert_eq!(read(with(&jwk, "use", json!("enc"))), not_for_signing);
    assert_eq!(
        read(with(&jwk, "key_ops", json!(["deriveKey"]))),
        not_for_signing
    );
    assert_eq!(read(with(&jwk, "key_ops", json!(["sign"]))), Ok(()));
    for (alg, expected) in [
        ("ES256", Ok(())),
        ("ES384", Err(KeyRefusal::Jwk(JwkError::Member("alg")))),
        ("HS256", Err(KeyRefusal::Jwk(JwkError::Member("alg")))),
        ("none", Err(KeyRefusal::Jwk(JwkError::Member("alg")))),
    ] {
        assert_eq!(read(with(&jwk, "alg", json!(alg))), expected, "{alg}");
    }
    let rsa = private_jwk("rsa");
    let signer = Signer::from_jwk(&with(&rsa, "alg", json!("PS512"))).unwrap();
    assert_eq!(signer.algorithm(), pair(key::Algorithm::PS512));
    let named = Signer::from_jwk(&with(&rsa, "kid", json!("2011-04-29"))).unwrap();
    assert_eq!(named.kid(), Some("2011-04-29"));
    assert_eq!(
        read(with(&rsa, "kid", json!("x".repeat(257)))),
        Err(KeyRefusal::Kid)
    );
}

// security.md 53
#[test]
fn no_key_is_in_what_debug_or_an_error_prints() {
    let jwk = private_jwk("p256");
    let d = jwk["d"].as_str().unwrap();
    let text = jwk.to_string();
    let shown = [
        format!("{:?}", PrivateKey::from_jwk(text.as_bytes()).unwrap()),
        format!("{:?}", Signer::from_jwk(text.as_bytes()).unwrap()),
        format!("{:?}", secret()),
        format!("{:?}", Signer::symmetric(secret())),
        format!("{:?}", TrustedKeys::symmetric(secret())),
        format!("{:?}", builder().build(&es256(), NOW).unwrap()),
    ];
    for shown in shown {
        assert!(!shown.contains(d) && !shown.contains(SECRET), "{shown}");
        assert!(!shown.contains("[3, 35, 53"), "{shown}");
        assert!(!shown.contains("eyJ"), "{shown}");
    }
    let damaged = with(&jwk, "x", json!("AQ"));
    let error = PrivateKey::from_jwk(&damaged).unwrap_err();
    for shown in [format!("{error:?}"), error.to_string()] {
        assert!(!shown.contains(d), "{shown}");
    }
}

#[test]
fn what_is_stored_of_a_secret_is_read_back() {
    let jwk = secret().to_jwk(Algorithm::HS512, Some("s\"1"));
    let members: Value = serde_json::from_str(&jwk).unwrap();
    assert_eq!(
        members,
        json!({"kty": "oct", "k": SECRET, "alg": "HS512", "use": "sig", "kid": "s\"1"})
    );
    let signer = Signer::from_jwk(jwk.as_bytes()).unwrap();
    assert_eq!(signer.kid(), Some("s\"1"));
    assert_eq!(signer.algorithm(), Algorithm::HS512);
    assert_eq!(
        Signer::from_jwk(secret().to_jwk(Algorithm::HS256, None).as_bytes())
            .unwrap()
            .algorithm(),
        Algorithm::HS256
    );
}
