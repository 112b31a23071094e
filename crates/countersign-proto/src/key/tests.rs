//! Which keys are read, which signatures verify, and which never do?

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;

use super::*;
use crate::{
    fixtures::{KINDS, is_of_another_build},
    pem,
};

/// Made by openssl and python-cryptography; see make_keys.py beside them.
const KEYS: &str = include_str!("../../../../testdata/vectors/keys.json");
const SIGNATURES: &str = include_str!("../../../../testdata/vectors/signatures.json");

fn vectors(json: &str, list: &str) -> Vec<Value> {
    let value: Value = serde_json::from_str(json).unwrap();
    let vectors = value[list].as_array().unwrap().clone();
    assert!(!vectors.is_empty());
    vectors
}

const EVERY: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn base64(vector: &Value, member: &str) -> Vec<u8> {
    STANDARD.decode(text(vector, member)).unwrap()
}

fn pem_of(name: &str) -> String {
    let keys = vectors(KEYS, "private");
    let key = keys.iter().find(|key| text(key, "name") == name).unwrap();
    text(key, "pem").to_owned()
}

fn assert_refused(error: &KeyError, vector: &Value) {
    let expected = text(vector, "expect");
    let as_expected = match error {
        KeyError::RsaSize { bits } => expected == format!("RsaSize {bits}"),
        KeyError::Unsupported(what) => expected == format!("Unsupported {what}"),
        KeyError::Malformed(_) => expected == "Malformed",
        other => expected == format!("{other:?}"),
    };
    assert!(
        as_expected,
        "{}: expected {expected}, found {error:?}",
        vector["name"]
    );
}

// security.md 13, A15
#[test]
fn private_keys_of_openssl_are_read_or_refused_with_the_reason() {
    for vector in vectors(KEYS, "private") {
        match LocalKey::from_pem(text(&vector, "pem")) {
            Ok(key) => {
                assert_eq!(text(&vector, "expect"), "ok", "{}", vector["name"]);
                let spki = base64(&vector, "spki");
                assert_eq!(key.public_key().spki(), spki, "{}", vector["name"]);
                for &algorithm in key.public_key().algorithms() {
                    let signature = key.sign(algorithm, b"message").unwrap();
                    let public = PublicKey::from_spki(&spki).unwrap();
                    assert_eq!(public.verify(algorithm, b"message", &signature), Ok(()));
                    assert_eq!(
                        public.verify(algorithm, b"another", &signature),
                        Err(BadSignature)
                    );
                }
            }
            Err(error) if is_of_another_build(&error) => {}
            Err(error) => assert_refused(&error, &vector),
        }
    }
}

// security.md 13, 24, A15: short RSA, exponents, ROCA, points off the curve and of small order.
#[test]
fn weak_and_misplaced_public_keys_are_refused_with_the_reason() {
    for vector in vectors(KEYS, "public") {
        match PublicKey::from_spki(&base64(&vector, "spki")) {
            Ok(key) => {
                assert_eq!(text(&vector, "expect"), "ok", "{}", vector["name"]);
                assert_eq!(key.spki(), base64(&vector, "spki"));
            }
            Err(error) if is_of_another_build(&error) => {}
            Err(error) => assert_refused(&error, &vector),
        }
    }
}

// security.md 11, 12, A10, A11, A12, A13, A14
#[test]
fn signatures_of_other_tools_verify_and_forged_ones_do_not() {
    let vectors = vectors(SIGNATURES, "signatures");
    assert!(vectors.len() > 80);
    for vector in vectors {
        let key = match PublicKey::from_spki(&base64(&vector, "spki")) {
            Err(error) if is_of_another_build(&error) => continue,
            key => key.unwrap(),
        };
        let algorithm = Algorithm::from_name(text(&vector, "alg")).unwrap();
        let verified = key.verify(algorithm, b"countersign", &base64(&vector, "signature"));
        let expected = match text(&vector, "expect") {
            "good" => Ok(()),
            _ => Err(BadSignature),
        };
        assert_eq!(verified, expected, "{}", vector["name"]);
    }
}

fn jwk(members: &Value) -> PublicKey {
    crate::jwk::Jwk::from_members(members.as_object().unwrap())
        .unwrap()
        .key
}

/// The signing input and the signature of a compact JWS.
fn split(jws: &str) -> (&[u8], Vec<u8>) {
    let (input, signature) = jws.rsplit_once('.').unwrap();
    (input.as_bytes(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

#[test]
fn the_signatures_of_rfc_7515_and_rfc_8037_verify() {
    // RFC 7515 App. A.2, A.3, A.4; RFC 8037 App. A.4.
    for (algorithm, key, jws) in [
        (
            Algorithm::RS256,
            serde_json::json!({"kty": "RSA", "e": "AQAB", "n":
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}),
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            Algorithm::ES256,
            serde_json::json!({"kty": "EC", "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            Algorithm::ES512,
            serde_json::json!({"kty": "EC", "crv": "P-521",
                "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
                "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}),
            "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        ),
        (
            Algorithm::EdDSA,
            serde_json::json!({"kty": "OKP", "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        if !is_in_this_build(algorithm) {
            continue;
        }
        let (input, signature) = split(jws);
        let key = jwk(&key);
        assert_eq!(
            key.verify(algorithm, input, &signature),
            Ok(()),
            "{algorithm}"
        );
        let mut other = signature.clone();
        other[7] ^= 1;
        assert_eq!(key.verify(algorithm, input, &other), Err(BadSignature));
    }
}

/// Whether the crypto library has the kind of key that signs so.
fn is_in_this_build(algorithm: Algorithm) -> bool {
    let others = [Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA];
    cfg!(feature = "aws-lc") || !others.contains(&algorithm)
}

// RFC 8032 §7.1, test 2: a deterministic signature can be compared as bytes.
#[cfg(feature = "aws-lc")]
#[test]
fn ed25519_signs_as_rfc_8032_does() {
    let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                    085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let pkcs8 = [unhex("302e020100300506032b657004220420"), unhex(seed)].concat();
    let key = LocalKey::from_pkcs8(&pkcs8).unwrap();
    assert_eq!(
        key.sign(Algorithm::EdDSA, &[0x72]).unwrap(),
        unhex(expected)
    );
}

#[cfg(feature = "aws-lc")]
fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

// security.md 10: the key decides what it verifies, whatever the header says.
#[test]
fn a_key_neither_signs_nor_verifies_by_an_algorithm_that_is_not_its_own() {
    let names = ["rsa 2048, PKCS#8", "P-256, PKCS#8", "Ed25519, PKCS#8"];
    for name in names.into_iter().take(KINDS.len()) {
        let key = LocalKey::from_pem(&pem_of(name)).unwrap();
        let is_own = |algorithm: &Algorithm| key.public_key().key_type().signs_by(*algorithm);
        assert!(key.public_key().algorithms().iter().all(is_own));
        for algorithm in EVERY {
            if !is_own(&algorithm) {
                assert_eq!(
                    key.sign(algorithm, b"m"),
                    Err(SigningError::Algorithm(algorithm))
                );
            }
            for own in EVERY.into_iter().filter(is_own) {
                if own == algorithm {
                    continue;
                }
                let signature = key.sign(own, b"m").unwrap();
                assert_eq!(
                    key.public_key().verify(algorithm, b"m", &signature),
                    Err(BadSignature)
                );
            }
        }
    }
}

// security.md 62
#[test]
fn no_nonce_of_ecdsa_repeats() {
    // A repeated r under one key gives the key away. Deterministic or hedged, equal messages and
    // different ones must not share it unless the signature is the same.
    let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
    let mut seen = std::collections::HashMap::new();
    for number in 0_u32..20_000 {
        let message = (number % 10_000).to_be_bytes();
        let signature = key.sign(Algorithm::ES256, &message).unwrap();
        let (r, s) = signature.split_at(32);
        if let Some((other, other_s)) = seen.insert(r.to_vec(), (message, s.to_vec())) {
            assert_eq!((other, other_s), (message, s.to_vec()), "r came twice");
        }
    }
}

// security.md 9: `none` and HMAC have no name here, in any case of letters; nor has what the
// protocol does not use.
#[test]
fn algorithms_have_exactly_their_names() {
    for algorithm in Algorithm::PROTOCOL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
    }
    assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
    for name in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS512", "rs256", "RS384", "RS256 ", "PS512",
        "ES256K", "eddsa", "Ed448", "RSA1_5",
    ] {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
}

// Signatures of ours, verified by a library that nobody here wrote. It has no ES512.
#[test]
fn what_is_signed_here_verifies_elsewhere() {
    use jsonwebtoken::{Algorithm as Theirs, DecodingKey, crypto::verify};
    for (name, ours, theirs) in [
        ("rsa 2048, PKCS#8", Algorithm::RS256, Theirs::RS256),
        ("rsa 2048, PKCS#8", Algorithm::PS256, Theirs::PS256),
        ("rsa 2048, PKCS#8", Algorithm::RS384, Theirs::RS384),
        ("rsa 2048, PKCS#8", Algorithm::RS512, Theirs::RS512),
        ("rsa 2048, PKCS#8", Algorithm::PS384, Theirs::PS384),
        ("rsa 2048, PKCS#8", Algorithm::PS512, Theirs::PS512),
        ("P-256, PKCS#8", Algorithm::ES256, Theirs::ES256),
        ("P-384, PKCS#8", Algorithm::ES384, Theirs::ES384),
        ("Ed25519, PKCS#8", Algorithm::EdDSA, Theirs::EdDSA),
    ] {
        if !is_in_this_build(ours) {
            continue;
        }
        let key = LocalKey::from_pem(&pem_of(name)).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(ours, b"message").unwrap());
        let jwk = Value::Object(crate::jwk::required_members(key.public_key()));
        let decoding = DecodingKey::from_jwk(&serde_json::from_value(jwk).unwrap()).unwrap();
        assert!(verify(&signature, b"message", &decoding, theirs).unwrap());
        assert!(!verify(&signature, b"another", &decoding, theirs).unwrap());
    }
}

#[cfg(not(feature = "aws-lc"))]
#[test]
fn a_kind_of_key_that_this_build_has_not_is_refused_by_its_name_wherever_it_comes_from() {
    let p384 = KeyError::Unsupported("EC P-384".to_owned());
    assert_eq!(
        p384.to_string(),
        "the key is of a kind that is not supported: EC P-384; \
         use RSA or EC P-256; the others need the feature aws-lc"
    );
    for name in ["P-384, PKCS#8", "P-384, SEC1"] {
        let read = LocalKey::from_pem(&pem_of(name)).err();
        assert_eq!(read.as_ref(), Some(&p384), "{name}");
    }
    let generated = LocalKey::generate(KeyType::P384).err();
    assert_eq!(generated.as_ref(), Some(&p384));
    let ed25519 = KeyError::Unsupported("Ed25519".to_owned());
    let read = LocalKey::from_pem(&pem_of("Ed25519, PKCS#8")).err();
    assert_eq!(read, Some(ed25519.clone()));
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let members: Value = serde_json::from_str(jwk).unwrap();
    let read = crate::jwk::Jwk::from_members(members.as_object().unwrap());
    assert_eq!(read.err(), Some(crate::jwk::JwkError::Key(ed25519)));
}

#[test]
fn an_encrypted_key_is_told_from_a_broken_one_without_its_label() {
    let pem = pem_of("encrypted PKCS#8");
    let der = pem::blocks(&pem).unwrap()[0].der().unwrap();
    assert_eq!(LocalKey::from_pkcs8(&der).err(), Some(KeyError::Encrypted));
}

#[test]
fn generated_keys_are_stored_and_read_back() {
    let key_types = [
        KeyType::Rsa { bits: 2048 },
        KeyType::P256,
        KeyType::P384,
        KeyType::P521,
        KeyType::Ed25519,
    ];
    let (here, elsewhere) = key_types.split_at(KINDS.len());
    for &key_type in elsewhere {
        let refused = LocalKey::generate(key_type).err().unwrap();
        assert!(is_of_another_build(&refused), "{refused}");
    }
    for &key_type in here {
        let (key, pkcs8) = LocalKey::generate(key_type).unwrap();
        assert_eq!(key.public_key().key_type(), key_type);
        let read = LocalKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!(read.public_key(), key.public_key());
    }
    for bits in [0, 1024, 2047, 2049, 16384] {
        assert_eq!(
            LocalKey::generate(KeyType::Rsa { bits }).err(),
            Some(KeyError::RsaSize { bits: bits.into() })
        );
    }
}

// security.md 53
#[test]
fn a_private_key_is_not_in_what_debug_prints() {
    let pem = pem_of("P-256, PKCS#8");
    let key = LocalKey::from_pem(&pem).unwrap();
    assert_eq!(
        format!("{key:?}"),
        "LocalKey { public_key: PublicKey { key_type: P256, .. }, .. }"
    );
}

// security.md 53: an error about a key shows nothing of it.
#[test]
fn an_error_about_a_broken_key_shows_nothing_of_the_key() {
    let pem = pem_of("rsa 2048, PKCS#8");
    let broken = pem.replacen("MII", "MIJ", 1);
    let error = LocalKey::from_pem(&broken).unwrap_err();
    let shown = format!("{error} {error:?}");
    for line in pem.lines().filter(|line| line.len() > 40) {
        assert!(!shown.contains(&line[..12]));
    }
}

#[test]
fn a_private_key_fits_a_certificate_when_the_public_keys_are_equal() {
    let one = LocalKey::from_pem(&pem_of("P-256, PKCS#8")).unwrap();
    let same = LocalKey::from_pem(&pem_of("P-256, SEC1")).unwrap();
    let other = LocalKey::from_pem(&pem_of("rsa 2048, PKCS#8")).unwrap();
    assert_eq!(one.public_key(), same.public_key());
    assert_ne!(one.public_key(), other.public_key());
}

// security.md B12: whatever is done to the bytes of a key, the answer is an error or a key.
mod mutated {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mutated_public_key_never_panics(
            which in any::<prop::sample::Index>(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            keep in any::<prop::sample::Index>(),
        ) {
            let vectors = vectors(KEYS, "public");
            let mut der = base64(which.get(&vectors), "spki");
            for (at, byte) in flips {
                let at = at.index(der.len());
                der[at] = byte;
            }
            if let Ok(key) = PublicKey::from_spki(&der) {
                let _ = key.verify(key.algorithms()[0], b"m", &[1; 64]);
            }
            let _ = PublicKey::from_spki(&der[..keep.index(der.len())]);
        }

        #[test]
        fn a_mutated_private_key_never_panics(
            which in any::<prop::sample::Index>(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let vectors = vectors(KEYS, "private");
            let pem = text(which.get(&vectors), "pem");
            if let Some(der) = pem::blocks(pem).and_then(|blocks| blocks.first()?.der()) {
                let mut der = der.to_vec();
                let at = at.index(der.len());
                der[at] = byte;
                let _ = LocalKey::from_pkcs8(&der);
                let _ = LocalKey::from_pkcs1(&der);
                let _ = LocalKey::from_sec1(&der);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(der in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = PublicKey::from_spki(&der);
            let _ = LocalKey::from_pkcs8(&der);
            let _ = LocalKey::from_sec1(&der);
        }

        #[test]
        fn arbitrary_text_never_panics(pem in "(-----BEGIN |-----END |PRIVATE KEY-----|[A-Za-z:é\n]){0,12}") {
            let _ = LocalKey::from_pem(&pem);
        }
    }
}

// attack A23: found by the fuzzer, by the `kty` of a JWK and the label of a PEM block
#[test]
fn a_kind_that_is_not_supported_is_named_without_what_plays_with_its_reader() {
    let label = format!("\u{1b}[2J\r\u{202e}{} PRIVATE KEY", "x".repeat(1000));
    let text = format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n");
    let shown = LocalKey::from_pem(&text).unwrap_err().to_string();
    let what = format!("[2J{}", "x".repeat(61));
    let start = format!("the key is of a kind that is not supported: {what}; use RSA");
    assert!(shown.starts_with(&start), "{shown}");
    assert!(!shown.contains(char::is_control), "{shown:?}");
}
