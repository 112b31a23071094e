//! Which headers must be refused, although the right key signed them?

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::proto::{
    jwk::required_members,
    jwt::Algorithm,
    key::{self, PublicKey},
};
use serde_json::{Value, json};

use super::{Hostile, Issuer, finished, good_claims, hash_of, hmac_by, input_of};

pub(super) fn add(issuer: &Issuer, all: &mut Vec<Hostile>) {
    algorithms(issuer, all);
    members(issuer, all);
    keys_that_it_brings_along(issuer, all);
    if let Some(public) = issuer.signer.public_key() {
        signed_by_what_is_public(issuer, public, all);
    }
}

/// The header says another algorithm than the key has.
fn algorithms(issuer: &Issuer, all: &mut Vec<Hostile>) {
    let mut said = |alg: Value| {
        let mut header = issuer.header();
        header["alg"] = alg;
        let token = issuer.sign(&header, &good_claims());
        let (unsigned, _) = token.rsplit_once('.').expect("segments");
        let unsigned = format!("{unsigned}.");
        all.extend([token, unsigned].map(|token| Hostile {
            token,
            why: "Algorithm",
        }));
    };
    let others = Algorithm::ALL.into_iter();
    for other in others.filter(|other| *other != issuer.algorithm()) {
        said(json!(other.name()));
    }
    for name in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "hs256",
        "rs256",
        "RS1",
        "ES256K",
        "Ed448",
        "eddsa",
        "dir",
        "RSA-OAEP",
        "PBES2-HS256+A128KW",
        "HS256 ",
        "\u{ff28}S256",
    ] {
        said(json!(name));
    }
    for other in [json!(null), json!(1), json!(["HS256"]), json!({})] {
        said(other);
    }
}

fn members(issuer: &Issuer, all: &mut Vec<Hostile>) {
    for (name, value, why) in [
        ("crit", json!([]), "Critical"),
        ("crit", json!(["exp"]), "Critical"),
        ("crit", json!(null), "Critical"),
        ("b64", json!(false), "Unencoded"),
        ("b64", json!(true), "Unencoded"),
        ("enc", json!("A256GCM"), "Encrypted"),
        ("zip", json!("DEF"), "Encrypted"),
        ("kid", json!(1), "MemberType"),
        ("kid", json!(null), "MemberType"),
        ("kid", json!(["a"]), "MemberType"),
        ("kid", json!("x".repeat(257)), "KidTooLong"),
        ("kid", json!(""), "UnknownKey"),
        ("kid", json!("../../etc/passwd"), "UnknownKey"),
        ("kid", json!("' OR 1=1 --"), "UnknownKey"),
        ("kid", json!("*)(uid=*"), "UnknownKey"),
        ("kid", json!("\u{0}"), "UnknownKey"),
        ("typ", json!(1), "MemberType"),
        ("typ", json!(null), "MemberType"),
        ("typ", json!(["at+jwt"]), "MemberType"),
        ("typ", json!("dpop+jwt"), "Type"),
        ("typ", json!("client-authentication+jwt"), "Type"),
        ("typ", json!("text/at+jwt"), "Type"),
        ("typ", json!("at+jwt "), "Type"),
        ("typ", json!(""), "Type"),
        ("x5t", json!({}), "MemberType"),
        ("x5t#S256", json!(1), "MemberType"),
        ("x", json!("y".repeat(2048)), "Header TooLarge"),
        (
            "x",
            json!([[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]),
            "Header TooDeep",
        ),
    ] {
        let mut header = issuer.header();
        header[name] = value;
        let token = issuer.sign(&header, &good_claims());
        all.push(Hostile { token, why });
    }
    let mut header = issuer.header();
    header.as_object_mut().expect("an object").remove("typ");
    let token = issuer.sign(&header, &good_claims());
    all.push(Hostile { token, why: "Type" });
}

/// A key that a token brings along or points to is not looked at.
fn keys_that_it_brings_along(issuer: &Issuer, all: &mut Vec<Hostile>) {
    let attacker = attacker_of(issuer);
    let public = attacker.signer.public_key().expect("a key pair");
    for (name, value) in [
        ("jwk", Value::Object(required_members(public))),
        ("jku", json!("http://127.0.0.1:1/jwks")),
        ("x5u", json!("http://127.0.0.1:1/x5u")),
        ("x5c", json!([STANDARD.encode(public.spki())])),
    ] {
        let mut header = issuer.header();
        header[name] = value;
        header["alg"] = json!(attacker.algorithm().name());
        let token = attacker.sign(&header, &good_claims());
        all.push(Hostile {
            token,
            why: "Algorithm",
        });
        header["alg"] = json!(issuer.algorithm().name());
        let token = attacker.sign(&header, &good_claims());
        all.push(Hostile {
            token,
            why: "Signature",
        });
    }
}

/// Signs by another algorithm with a key of another kind.
fn attacker_of(issuer: &Issuer) -> Issuer {
    let other = match issuer.algorithm() {
        Algorithm::KeyPair(key::Algorithm::EdDSA) => key::Algorithm::ES256,
        _ => key::Algorithm::EdDSA,
    };
    Issuer::by(Algorithm::KeyPair(other))
}

/// CVE-2015-9235 and its children: an HMAC by what everybody knows.
fn signed_by_what_is_public(issuer: &Issuer, public: &PublicKey, all: &mut Vec<Hostile>) {
    let base64 = STANDARD.encode(public.spki());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
    let jwk = Value::Object(required_members(public)).to_string();
    for known in [
        public.spki().to_vec(),
        pem.clone().into_bytes(),
        pem.trim_end().as_bytes().to_vec(),
        format!(" \n{pem}").into_bytes(),
        jwk.into_bytes(),
        Vec::new(),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let mut header = issuer.header();
            header["alg"] = json!(algorithm.name());
            let claims = good_claims().to_string();
            let input = input_of(header.to_string().as_bytes(), claims.as_bytes());
            let signature = hmac_by(hash_of(algorithm), &known, &input);
            all.push(Hostile {
                token: finished(&input, &signature),
                why: "Algorithm",
            });
        }
    }
}
