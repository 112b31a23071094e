//! Do both libraries refuse the same signatures?

use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey, pkcs1::DecodeRsaPrivateKey as _};
use sha2::{Digest as _, Sha256};
use x509_parser::num_bigint::BigUint;

use super::*;
use crate::crypto::sha1;

// security.md 12: zero, the order of the curve and what is beside it; DER; too short, too long.
#[test]
fn both_libraries_refuse_the_same_signatures_of_ecdsa() {
    let both = Both::p256();
    let good = both.signers.1.sign(Algorithm::ES256, b"m").unwrap();
    let (r, s) = good.split_at(32);
    // FIPS 186-5, SP 800-186 §3.2.1.3
    let order = BigUint::parse_bytes(
        b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        16,
    )
    .unwrap();
    let wide = |number: &BigUint| {
        let digits = number.to_bytes_be();
        [&vec![0; 32 - digits.len()][..], &digits].concat()
    };
    let zero = vec![0; 32];
    let edges = [
        zero.clone(),
        wide(&BigUint::from(1_u8)),
        wide(&(&order - 1_u8)),
        wide(&order),
        wide(&(&order + 1_u8)),
        vec![0xff; 32],
    ];
    for edge in &edges {
        for signature in [
            [edge, s].concat(),
            [r, edge].concat(),
            [&edge[..], edge].concat(),
        ] {
            assert!(!both.verify(Algorithm::ES256, b"m", &signature));
        }
    }
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        der::encode_unsigned(&number[zeros..])
    };
    let as_der = der::encode(der::SEQUENCE, &[&integer(r), &integer(s)]);
    for signature in [
        &as_der[..],
        &good[..63],
        &good[1..],
        &[&good[..], &[0]].concat(),
        &[&[0], &good[..]].concat(),
        &[&[0], r, &[0], s].concat(),
        &[],
    ] {
        assert!(!both.verify(Algorithm::ES256, b"m", signature));
    }
    // The other root is the same signature (RFC 7518 §3.4 does not choose): both take it.
    let other_root = wide(&(&order - BigUint::from_bytes_be(s)));
    assert!(both.verify(Algorithm::ES256, b"m", &good));
    assert!(both.verify(Algorithm::ES256, b"m", &[r, &other_root].concat()));
}

// security.md 11: the hash inside the signature, the length of the salt, and the number itself.
#[test]
fn both_libraries_refuse_the_same_signatures_of_rsa() {
    let both = Both::rsa();
    let key = RsaPrivateKey::from_pkcs1_der(&pkcs1_of("rsa 2048, PKCS#8")).unwrap();
    let digest = Sha256::digest(b"m");
    let mut chance = getrandom::SysRng;
    let mut sign = |prefix: &[u8], hashed: &[u8]| {
        let padding = Pkcs1v15Sign {
            hash_len: None,
            prefix: prefix.into(),
        };
        rsa::traits::SignatureScheme::sign(padding, Some(&mut chance), &key, hashed).unwrap()
    };
    let hex = |digits: &str| -> Vec<u8> {
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    };
    // RFC 8017 §9.2, note 1.
    let sha256 = hex("3031300d060960864801650304020105000420");
    assert!(both.verify(Algorithm::RS256, b"m", &sign(&sha256, &digest)));
    for (what, prefix, hashed) in [
        ("no DigestInfo", vec![], digest.to_vec()),
        (
            "SHA-512/256 is named",
            hex("3031300d060960864801650304020605000420"),
            digest.to_vec(),
        ),
        (
            "SHA-1 is named",
            hex("3021300906052b0e03021a05000414"),
            sha1(b"m").to_vec(),
        ),
        (
            "parameters are missing",
            hex("302f300b0609608648016503040201 0420"
                .replace(' ', "")
                .as_str()),
            digest.to_vec(),
        ),
        (
            "something follows",
            hex("3033300d060960864801650304020105000420"),
            [&digest[..], &[5, 0]].concat(),
        ),
        (
            "a length in a long form",
            hex("308131300d060960864801650304020105000420"),
            digest.to_vec(),
        ),
        ("half of it", sha256.clone(), digest[..16].to_vec()),
        (
            "of another message",
            sha256.clone(),
            Sha256::digest(b"n").to_vec(),
        ),
    ] {
        let forged = sign(&prefix, &hashed);
        assert!(!both.verify(Algorithm::RS256, b"m", &forged), "{what}");
    }

    for salt in [0, 1, 20, 31, 33, 48, 64, 222] {
        let mut chance = getrandom::SysRng;
        let padding = Pss::<Sha256>::new_with_salt(salt);
        let signature =
            rsa::traits::SignatureScheme::sign(padding, Some(&mut chance), &key, &digest).unwrap();
        assert!(!both.verify(Algorithm::PS256, b"m", &signature), "{salt}");
    }

    for algorithm in RSA {
        let good = both.signers.0.sign(algorithm, b"m").unwrap();
        assert!(both.verify(algorithm, b"m", &good));
        let PublicHalf::Rsa(public) = both.signers.0.public_half() else {
            panic!("another kind of key");
        };
        let modulus = Reader::inside(public, der::SEQUENCE)
            .unwrap()
            .unsigned()
            .unwrap();
        let modulus = BigUint::from_bytes_be(modulus);
        let number = BigUint::from_bytes_be(&good);
        for other in [
            vec![0; 256],
            [&vec![0; 255][..], &[1]].concat(),
            modulus.to_bytes_be(),
            (&modulus - 1_u8).to_bytes_be(),
            (&modulus - &number).to_bytes_be(),
            // As long as the modulus or one byte longer: the same number to whoever divides first.
            (&modulus + &number).to_bytes_be(),
            good[1..].to_vec(),
            good[..255].to_vec(),
            [&[0], &good[..]].concat(),
            [&good[..], &[0]].concat(),
            vec![0xff; 256],
            vec![],
        ] {
            assert!(!both.verify(algorithm, b"m", &other), "{algorithm}");
        }
    }
}
