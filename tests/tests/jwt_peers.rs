//! Do the toolkit and two implementations that nobody here wrote believe each other's tokens: jose for node, joserfc
//! for Python; by every algorithm, with every form of key?

mod forms;

use std::time::Duration;

use countersign::proto::{
    jwk,
    jwt::{Algorithm, JwtBuilder, Kid, PrivateKey, Requirements, Signer, TrustedKeys, verify},
    key::KeyType,
    time::UnixTime,
};
use serde_json::{Value, json};

use self::forms::{Pair, Peer, file, secrets};
use crate::parts;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const ISSUER: &str = "https://issuer.example";
const API: &str = "https://api.example";

/// One key of each kind in `testdata/clients`.
const NAMES: [&str; 5] = ["rsa2048", "p256", "p384", "p521", "ed25519"];
const HMACS: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

fn builder() -> JwtBuilder {
    JwtBuilder::new()
        .issuer(ISSUER)
        .audience(API)
        .audience("https://more.example")
        .subject("alice")
        .claim("role", "reader")
        .claim("name", "Ünïcode \u{1f511}")
        .lifetime(Duration::from_secs(600))
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": [API], "sub": "alice", "iat": 1_700_000_000, "nbf": 1_700_000_000,
        "exp": 1_700_000_600, "name": "Ünïcode \u{1f511}", "nested": {"list": [1, 2.5, null, true]}})
}

/// What they sign, we believe.
fn they_sign(peer: Peer) -> usize {
    let mut asked = Vec::new();
    let mut keys = Vec::new();
    let mut ask = |algorithm: Algorithm, key: Value, trusted: Vec<(&'static str, TrustedKeys)>| {
        asked.push(json!({"do": "sign", "alg": algorithm.name(), "key": key,
            "header": {"typ": "JWT", "kid": "whatever they call it"}, "claims": claims()}));
        keys.push((algorithm, trusted));
    };
    for pair in NAMES.map(Pair::named) {
        let trusted = pair.trusted();
        for algorithm in pair.algorithms() {
            for key in pair.for_signing() {
                ask(algorithm, key, trusted.clone());
            }
        }
    }
    for (form, secret, for_peer) in secrets() {
        for algorithm in HMACS {
            for key in &for_peer {
                let trusted = vec![(form, TrustedKeys::symmetric(secret.clone()))];
                ask(algorithm, key.clone(), trusted);
            }
        }
    }
    let demands = Requirements::issued_by(ISSUER)
        .for_audience(API)
        .typ("JWT")
        .subject("alice");
    let mut believed = 0;
    for ((algorithm, trusted), answer) in keys.iter().zip(peer.answers(&asked)) {
        let token = answer["jwt"]
            .as_str()
            .unwrap_or_else(|| panic!("{peer:?} {algorithm}: {answer}"));
        for (form, keys) in trusted {
            // A set names its keys, and a token that names another is not for them.
            let named = *form == "key set";
            let verified = verify(token, keys, &demands, NOW);
            assert_eq!(
                verified.is_ok(),
                !named,
                "{peer:?} {algorithm} by {form}: {verified:?}"
            );
            let Ok(verified) = verified else { continue };
            assert_eq!(verified.header().algorithm, *algorithm);
            assert_eq!(Value::Object(verified.claims().members().clone()), claims());
            believed += 1;
        }
    }
    believed
}

/// What we sign, they believe.
fn we_sign(peer: Peer) -> usize {
    let mut asked = Vec::new();
    let mut forms = Vec::new();
    let mut ask = |signer: &Signer, form: &str, key: Value| {
        let token = builder().build(signer, NOW).unwrap();
        let algorithm = signer.algorithm().name();
        forms.push(format!("{algorithm} {form} for {}", key["form"]));
        asked.push(json!({"do": "verify", "alg": algorithm, "key": key, "jwt": token.expose()}));
    };
    for pair in NAMES.map(Pair::named) {
        for (form, signer) in pair.signers() {
            for algorithm in pair.algorithms() {
                let signer = signer.clone().with_algorithm(algorithm).unwrap();
                for key in pair.for_verifying(&signer) {
                    ask(&signer, &form, key);
                }
            }
        }
    }
    for (form, secret, for_peer) in secrets() {
        for algorithm in HMACS {
            let signer = Signer::symmetric(secret.clone());
            let signer = signer.with_algorithm(algorithm).unwrap();
            for key in &for_peer {
                ask(&signer, form, key.clone());
            }
        }
    }
    for (form, answer) in forms.iter().zip(peer.answers(&asked)) {
        assert_eq!(
            answer["claims"]["sub"], "alice",
            "{peer:?} {form}: {answer}"
        );
        assert_eq!(
            answer["claims"]["aud"],
            json!([API, "https://more.example"])
        );
        assert_eq!(answer["claims"]["name"], "Ünïcode \u{1f511}");
        assert_eq!(answer["header"]["typ"], "JWT");
        assert!(answer["header"]["kid"].is_string(), "{form}");
    }
    forms.len()
}

/// A token that was damaged on the way is believed by neither.
fn they_refuse(peer: Peer) {
    let mut signers = Vec::new();
    for pair in NAMES.map(Pair::named) {
        let key = json!({"form": "jwk", "text": pair.public_jwk().to_string()});
        for algorithm in pair.algorithms() {
            let signer = Signer::from_pem(&pair.pkcs8).unwrap();
            signers.push((signer.with_algorithm(algorithm).unwrap(), key.clone()));
        }
    }
    let (_, secret, for_peer) = secrets().remove(0);
    for algorithm in HMACS {
        let signer = Signer::symmetric(secret.clone());
        signers.push((
            signer.with_algorithm(algorithm).unwrap(),
            for_peer[0].clone(),
        ));
    }
    assert_eq!(signers.len(), 13);
    let mut asked = Vec::new();
    for (signer, key) in signers {
        let token = builder().build(&signer, NOW).unwrap();
        let other = builder().subject("mallory").build(&signer, NOW).unwrap();
        let (input, _) = other.expose().rsplit_once('.').unwrap();
        let (_, signature) = token.expose().rsplit_once('.').unwrap();
        let forged = format!("{input}.{signature}");
        let demands = Requirements::issued_by(ISSUER).for_audience(API);
        assert!(verify(&forged, &TrustedKeys::of(&signer), &demands, NOW).is_err());
        let algorithm = signer.algorithm().name();
        asked.push(json!({"do": "verify", "alg": algorithm, "key": key, "jwt": forged}));
    }
    for answer in peer.answers(&asked) {
        assert!(answer["error"].is_string(), "{peer:?}: {answer}");
    }
}

/// Keys that they made, in every form that they write them: we sign by them and believe by them, and they believe what
/// we signed.
fn they_make(peer: Peer) -> usize {
    let asked = Algorithm::ALL.map(|algorithm| json!({"do": "generate", "alg": algorithm.name()}));
    let kid: Kid = "literal:theirs".parse().unwrap();
    let demands = Requirements::issued_by(ISSUER).for_audience(API);
    let mut read = 0;
    let mut asked_back = Vec::new();
    for (algorithm, answer) in Algorithm::ALL.into_iter().zip(peer.answers(&asked)) {
        let forms = &answer["forms"];
        let bytes = |form: &str| forms[form].to_string().into_bytes();
        let text = |form: &str| forms[form].as_str().unwrap_or_else(|| panic!("{answer}"));
        let (signers, trusted, public) = if forms["secret"].is_object() {
            let secret = bytes("secret");
            (
                vec![Signer::from_jwk(&secret)],
                vec![TrustedKeys::from_jwk(&secret)],
                "secret",
            )
        } else {
            (
                vec![
                    Signer::from_pem(text("pkcs8")),
                    Signer::from_jwk(&bytes("private")),
                ],
                vec![
                    TrustedKeys::from_pem(text("spki")),
                    TrustedKeys::from_jwk(&bytes("public")),
                    TrustedKeys::from_jwk_set(&bytes("set")),
                ],
                "public",
            )
        };
        for signer in signers {
            let signer = signer.and_then(|signer| signer.with_algorithm(algorithm));
            let signer = signer.and_then(|signer| signer.with_kid(&kid)).unwrap();
            let token = builder().build(&signer, NOW).unwrap();
            for keys in &trusted {
                let keys = keys.as_ref().unwrap();
                let verified = verify(token.expose(), keys, &demands, NOW);
                assert!(verified.is_ok(), "{peer:?} {algorithm}: {verified:?}");
                read += 1;
            }
            let key = json!({"form": "jwk", "text": forms[public].to_string()});
            asked_back.push(
                json!({"do": "verify", "alg": algorithm.name(), "key": key, "jwt": token.expose()}),
            );
        }
    }
    for answer in peer.answers(&asked_back) {
        assert_eq!(answer["claims"]["sub"], "alice", "{peer:?}: {answer}");
    }
    read
}

/// They call every kind of key as we do.
fn they_name(peer: Peer) {
    let mut asked = Vec::new();
    let mut names = Vec::new();
    for key_type in [
        KeyType::Rsa { bits: 2048 },
        KeyType::P256,
        KeyType::P384,
        KeyType::P521,
        KeyType::Ed25519,
    ] {
        let key = PrivateKey::generate(key_type).unwrap();
        names.push(jwk::thumbprint(key.public_key()));
        asked.push(Value::Object(jwk::required_members(key.public_key())));
    }
    for (_, secret, _) in secrets() {
        names.push(secret.thumbprint());
        asked.push(json!({"kty": "oct", "k": *secret.to_base64url()}));
    }
    let asked: Vec<Value> = asked
        .iter()
        .map(|key| json!({"do": "thumbprint", "key": {"form": "jwk", "text": key.to_string()}}))
        .collect();
    let called: Vec<Value> = peer
        .answers(&asked)
        .iter()
        .map(|answer| answer["thumbprint"].clone())
        .collect();
    assert_eq!(called, names, "{peer:?}");
}

#[test]
fn what_jose_for_node_signs_is_believed_in_every_form_of_key() {
    // 10 algorithms of key pairs with 3 or 4 private forms and 5 of ours, 3 of secrets with 2 and 5.
    assert_eq!(they_sign(Peer::Jose), (9 * 4 + 3) * 5 + 3 * 2 * 5);
}

#[test]
fn what_is_signed_from_every_form_of_key_is_believed_by_jose_for_node() {
    // 8 forms of ours and 4 of theirs, Ed25519 without a traditional one; 3 algorithms of secrets with 5 and 2.
    assert_eq!(we_sign(Peer::Jose), (9 * 8 + 7) * 4 + 3 * 5 * 2);
}

#[test]
fn what_joserfc_for_python_signs_is_believed_in_every_form_of_key() {
    assert_eq!(they_sign(Peer::Joserfc), (9 * 4 + 3) * 5 + 3 * 2 * 5);
}

#[test]
fn what_is_signed_from_every_form_of_key_is_believed_by_joserfc_for_python() {
    assert_eq!(we_sign(Peer::Joserfc), (9 * 8 + 7) * 4 + 3 * 5 * 2);
}

#[test]
fn a_forged_token_is_believed_neither_here_nor_by_jose_and_joserfc() {
    for peer in [Peer::Jose, Peer::Joserfc] {
        they_refuse(peer);
    }
}

// RFC 9864 §2.2: the name that says the curve.
#[test]
fn a_token_by_the_newer_name_of_ed25519_is_believed_from_jose_and_joserfc() {
    let pair = Pair::named("ed25519");
    let demands = Requirements::issued_by(ISSUER).for_audience(API);
    let asked = [
        json!({"do": "sign", "alg": "Ed25519", "header": {"typ": "JWT"}, "claims": claims(),
        "key": {"form": "pkcs8", "text": pair.pkcs8}}),
    ];
    for peer in [Peer::Jose, Peer::Joserfc] {
        let answer = peer.answers(&asked).remove(0);
        let token = answer["jwt"].as_str().unwrap_or_else(|| panic!("{answer}"));
        for (form, keys) in pair.trusted() {
            let verified = verify(token, &keys, &demands, NOW);
            assert!(verified.is_ok(), "{peer:?} {form}: {verified:?}");
        }
        let other = TrustedKeys::from_pem(&Pair::named("p256").pkcs8).unwrap();
        assert!(verify(token, &other, &demands, NOW).is_err());
    }
}

#[test]
fn keys_that_jose_and_joserfc_made_are_read_in_every_form_that_they_write() {
    // 10 algorithms of key pairs from 2 private forms by 3 public ones, and 3 of secrets.
    for peer in [Peer::Jose, Peer::Joserfc] {
        assert_eq!(they_make(peer), 10 * 2 * 3 + 3);
    }
}

#[test]
fn every_kind_of_key_has_the_thumbprint_that_jose_and_joserfc_give_it() {
    for peer in [Peer::Jose, Peer::Joserfc] {
        they_name(peer);
    }
}

#[test]
fn a_certificates_kid_is_what_openssl_says_of_the_certificate() {
    let pair = Pair::named("p256");
    let certificate = file("p256", "pem");
    let arguments = [
        "x509",
        "-noout",
        "-fingerprint",
        "-sha1",
        "-in",
        certificate.to_str().unwrap(),
    ];
    let said = String::from_utf8(parts::openssl(&arguments)).unwrap();
    let hex = said.trim().split('=').next_back().unwrap().replace(':', "");
    let kid: Kid = "sha1-hex".parse().unwrap();
    let signer = Signer::from_pem(&format!("{}{}", pair.certificate, pair.pkcs8))
        .and_then(|signer| signer.with_kid(&kid))
        .unwrap();
    assert_eq!(signer.kid(), Some(&*hex));
}
