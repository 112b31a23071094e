//! Are the tokens, keys and thumbprints of the RFCs read as they are meant?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::*;
use crate::{
    jws::{Header, JwsError},
    key::KeyError,
    time::UnixTime,
};

/// RFC 7515, 7517, 7520, 7638, 8037.
const VECTORS: &str = include_str!("../../../../../testdata/vectors/jwt-rfc.json");

fn vectors(list: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let list = vectors[list].as_array().unwrap().clone();
    assert!(!list.is_empty());
    list
}

fn jwk_of(vector: &Value) -> Vec<u8> {
    vector["jwk"].to_string().into_bytes()
}

/// Header, algorithm, signing input and signature, by nothing of ours.
fn taken_apart(jws: &str) -> (Value, Algorithm, &str, Vec<u8>) {
    let (input, signature) = jws.rsplit_once('.').unwrap();
    let header = URL_SAFE_NO_PAD
        .decode(input.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    let algorithm = Algorithm::from_name(header["alg"].as_str().unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    (header, algorithm, input, signature)
}

#[test]
fn the_signatures_of_the_rfcs_verify_and_no_other_does() {
    for vector in vectors("jws") {
        let (header, algorithm, input, signature) = taken_apart(vector["jws"].as_str().unwrap());
        let keys = match TrustedKeys::from_jwk(&jwk_of(&vector)) {
            Err(KeyRefusal::Key(why)) if is_of_another_build(&why) => continue,
            keys => keys.unwrap(),
        };
        let header = Header {
            algorithm,
            typ: None,
            kid: header["kid"].as_str().map(str::to_owned),
            x5t: None,
            x5t_s256: None,
            members: serde_json::Map::new(),
        };
        let key = keys.find(&header).unwrap();
        assert!(key.permits(algorithm), "{}", vector["comment"]);
        assert!(
            key.verify(algorithm, input.as_bytes(), &signature),
            "{}",
            vector["comment"]
        );
        let mut other = signature.clone();
        other[5] ^= 1;
        assert!(!key.verify(algorithm, input.as_bytes(), &other));
        assert!(!key.verify(algorithm, &input.as_bytes()[1..], &signature));
    }
}

#[test]
fn what_signs_without_chance_signs_as_in_the_rfcs() {
    let mut compared = 0;
    for vector in vectors("jws") {
        let (_, algorithm, input, signature) = taken_apart(vector["jws"].as_str().unwrap());
        if !["HS256", "RS256", "EdDSA"].contains(&algorithm.name()) {
            continue;
        }
        let signer = match Signer::from_jwk(&jwk_of(&vector)) {
            Err(KeyRefusal::Key(why)) if is_of_another_build(&why) => continue,
            signer => signer.and_then(|signer| signer.with_algorithm(algorithm)),
        };
        let signer = signer.unwrap();
        assert_eq!(
            signer.sign(input.as_bytes()).unwrap(),
            signature,
            "{}",
            vector["comment"]
        );
        compared += 1;
    }
    assert_eq!(compared, if cfg!(feature = "aws-lc") { 5 } else { 4 });
}

// RFC 7515 App. A.1 to A.3: {"iss":"joe","exp":1300819380,"http://example.com/is_root":true}
#[test]
fn the_tokens_of_rfc_7515_are_believed_until_they_end() {
    let demands = Requirements::issued_by("joe")
        .claim("http://example.com/is_root", true)
        .clock_skew(std::time::Duration::ZERO);
    let end = UnixTime::from_secs(1_300_819_380);
    let last = UnixTime::from_secs(1_300_819_379);
    for name in ["rfc7515-a1", "rfc7515-a2", "rfc7515-a3"] {
        let vector = vectors("jws")
            .into_iter()
            .find(|vector| vector["name"] == name)
            .unwrap();
        let keys = TrustedKeys::from_jwk(&jwk_of(&vector)).unwrap();
        let token = vector["jws"].as_str().unwrap();
        assert!(verify(token, &keys, &demands, last).is_ok(), "{name}");
        assert_eq!(
            verify(token, &keys, &demands, end).unwrap_err(),
            Refusal::Expired { at: end, now: end },
            "{name}"
        );
        let strangers = Requirements::issued_by("jane");
        let refusal = verify(token, &keys, &strangers, last).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the claim \"iss\" is \"joe\", wanted is \"jane\""
        );
    }
}

// RFC 7515 App. A.4, RFC 7520 §4, RFC 8037 App. A.4: a signed text is no JWT.
#[test]
fn a_signed_text_is_no_token() {
    let mut texts = 0;
    for vector in vectors("jws") {
        if !vector["comment"].as_str().unwrap().ends_with("is text") {
            continue;
        }
        let keys = match TrustedKeys::from_jwk(&jwk_of(&vector)) {
            Err(KeyRefusal::Key(why)) if is_of_another_build(&why) => continue,
            keys => keys.unwrap(),
        };
        let text = vector["jws"].as_str().unwrap();
        let anything = Requirements::of_any_issuer().for_any_audience();
        assert!(matches!(
            verify(text, &keys, &anything, NOW),
            Err(Refusal::Jws(JwsError::Claims(_)))
        ));
        assert_eq!(inspect(text), Err(InspectError::NotAnObject("claims")));
        texts += 1;
    }
    assert_eq!(texts, if cfg!(feature = "aws-lc") { 6 } else { 3 });
}

// RFC 7515 App. A.6, A.7, RFC 7520 §4.5 to §4.8: their signatures are good, and none of these forms is
// that of a token.
#[test]
fn what_the_rfcs_write_in_another_form_has_good_signatures_and_is_no_token() {
    let keys_of = |name: &Value| {
        let vectors = vectors("jws");
        let vector = vectors.iter().find(|vector| vector["name"] == *name);
        TrustedKeys::from_jwk(&jwk_of(vector.unwrap()))
    };
    for vector in vectors("other_forms") {
        let keys = match keys_of(&vector["key"]) {
            Err(KeyRefusal::Key(why)) if is_of_another_build(&why) => continue,
            keys => keys.unwrap(),
        };
        let text = |member: &str| vector[member].as_str().unwrap();
        let algorithm = Algorithm::from_name(text("alg")).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(text("signature")).unwrap();
        let header = Header {
            algorithm,
            typ: None,
            kid: None,
            x5t: None,
            x5t_s256: None,
            members: serde_json::Map::new(),
        };
        let key = keys.find(&header).unwrap();
        let good = |input: &str| key.verify(algorithm, input.as_bytes(), &signature);
        assert!(good(text("input")), "{}", vector["comment"]);
        assert!(
            !good(&format!("{}A", text("input"))),
            "{}",
            vector["comment"]
        );

        let anything = Requirements::of_any_issuer().for_any_audience();
        let then = UnixTime::from_secs(1_300_819_000);
        let refusal = verify(text("text"), &keys, &anything, then);
        assert!(
            matches!(refusal, Err(Refusal::Jws(_))),
            "{}: {refusal:?}",
            vector["comment"]
        );
        assert!(inspect(text("text")).is_err(), "{}", vector["comment"]);
    }
}

// RFC 7515 App. A.5
#[test]
fn the_unsecured_token_of_rfc_7515_is_shown_as_one_and_believed_by_no_key() {
    let other: Value =
        serde_json::from_str(include_str!("../../../../../testdata/vectors/jws-rfc.json")).unwrap();
    let vectors = other.as_array().unwrap();
    let unsecured = vectors.iter().find(|vector| vector["name"] == "rfc7515-a5");
    let text = unsecured.unwrap()["jws"].as_str().unwrap();
    let anything = Requirements::of_any_issuer().for_any_audience();
    let then = UnixTime::from_secs(1_300_819_000);
    for signer in signers() {
        let refusal = verify(text, &TrustedKeys::of(&signer), &anything, then).unwrap_err();
        assert_eq!(refusal, Refusal::Jws(JwsError::Algorithm));
    }
    let seen = inspect(text).unwrap();
    assert_eq!(seen.algorithm(), Some("none"));
}

// RFC 7517 App. A, RFC 7520 §3, RFC 8037 App. A: what signs and what is for something else.
#[test]
fn the_keys_of_the_rfcs_sign_or_are_refused() {
    for vector in vectors("keys") {
        let read = Signer::from_jwk(&jwk_of(&vector));
        match (vector["expect"].as_str().unwrap(), read) {
            ("signs", Ok(signer)) => {
                let kid = vector["jwk"]["kid"].as_str();
                let kid = kid.or(vector["thumbprint"].as_str());
                assert_eq!(signer.kid(), kid, "{}", vector["comment"]);
                if let Some(alg) = vector["jwk"]["alg"].as_str() {
                    assert_eq!(signer.algorithm().name(), alg);
                }
                let token = builder().build(&signer, NOW).unwrap();
                let keys = TrustedKeys::from_jwk(&jwk_of(&vector)).unwrap();
                assert!(verify(token.expose(), &keys, &demands(), NOW).is_ok());
            }
            ("signs", Err(KeyRefusal::Key(why))) if is_of_another_build(&why) => {}
            ("refused", Err(why)) => assert!(
                matches!(
                    why,
                    KeyRefusal::Key(KeyError::NotForSigning)
                        | KeyRefusal::Symmetric(SymmetricKeyError::TooShort(16))
                ),
                "{}: {why:?}",
                vector["comment"]
            ),
            (expected, found) => panic!("{}: {expected}, {found:?}", vector["comment"]),
        }
    }
}

// checklist K18. RFC 7638 §3.1, RFC 8037 App. A.3; the others were made with joserfc.
#[test]
fn the_thumbprint_of_every_kind_of_key_is_that_of_rfc_7638() {
    let mut kinds = std::collections::BTreeSet::new();
    for vector in vectors("keys") {
        let mut members = vector["jwk"].as_object().unwrap().clone();
        for other in ["use", "kid", "alg"] {
            members.remove(other);
        }
        let kty = members["kty"].as_str().unwrap().to_owned();
        if members["kty"] == "oct" && members["k"].as_str().unwrap().len() < 43 {
            continue; // too short to be a key here
        }
        let signer = match Signer::from_jwk(Value::Object(members).to_string().as_bytes()) {
            Err(KeyRefusal::Key(why)) if is_of_another_build(&why) => continue,
            signer => signer.unwrap(),
        };
        assert_eq!(
            signer.kid(),
            vector["thumbprint"].as_str(),
            "{}",
            vector["comment"]
        );
        kinds.insert(kty);
    }
    let expected: &[&str] = if cfg!(feature = "aws-lc") {
        &["EC", "OKP", "RSA", "oct"]
    } else {
        &["EC", "RSA", "oct"]
    };
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
}

// RFC 7517 App. B
#[test]
fn the_certificate_of_rfc_7517_comes_out_of_its_key() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let jwk = vectors["x5c"]["jwk"].to_string();
    let chains = certificates_in(jwk.as_bytes()).unwrap();
    assert_eq!(chains.len(), 1);
    assert_eq!(
        chains[0].leaf().subject().to_string(),
        "CN=Brian Campbell,O=Ping Identity Corp.,L=Denver,ST=CO,C=US"
    );
    let published = PublishedKey::of_certificate(&chains[0]).to_members();
    assert_eq!(published["x5c"], vectors["x5c"]["jwk"]["x5c"]);
    assert_eq!(published["n"], vectors["x5c"]["jwk"]["n"]);
}
