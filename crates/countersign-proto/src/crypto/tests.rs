//! Do both libraries give the same answers?

#![cfg(feature = "aws-lc")]

mod forged;

use proptest::prelude::*;
use serde_json::Value;

use super::{Curve, PublicHalf, aws_lc, hmac::Hash, pure_rust};
use crate::{
    der::{self, Reader},
    key::{Algorithm, KeyType, LocalKey, PublicKey},
    pem,
};

const KEYS: &str = include_str!("../../../../testdata/vectors/keys.json");

/// By what both sign.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// One key in both libraries.
struct Both {
    algorithms: Vec<Algorithm>,
    signers: (aws_lc::Signer, pure_rust::Signer),
    verifiers: (aws_lc::Verifier, pure_rust::Verifier),
}

impl Both {
    fn rsa() -> Both {
        let pkcs1 = pkcs1_of("rsa 2048, PKCS#8");
        let signers = (
            aws_lc::Signer::rsa(&pkcs1).unwrap(),
            pure_rust::Signer::rsa(&pkcs1).unwrap(),
        );
        let PublicHalf::Rsa(public) = signers.0.public_half() else {
            panic!("another kind of key");
        };
        let verifiers = (
            aws_lc::Verifier::rsa(public).unwrap(),
            pure_rust::Verifier::rsa(public).unwrap(),
        );
        Both {
            algorithms: RSA.to_vec(),
            signers,
            verifiers,
        }
    }

    fn p256() -> Both {
        let sec1 = inner_of("P-256, PKCS#8");
        let signers = (
            aws_lc::Signer::ecdsa(Curve::P256, &sec1).unwrap(),
            pure_rust::Signer::ecdsa(Curve::P256, &sec1).unwrap(),
        );
        let PublicHalf::Ecdsa(Curve::P256, public) = signers.0.public_half() else {
            panic!("another kind of key");
        };
        let verifiers = (
            aws_lc::Verifier::ecdsa(Curve::P256, public).unwrap(),
            pure_rust::Verifier::ecdsa(Curve::P256, public).unwrap(),
        );
        Both {
            algorithms: vec![Algorithm::ES256],
            signers,
            verifiers,
        }
    }

    /// What both answer; that they answer alike is held here.
    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let by_aws_lc = self.verifiers.0.verify(algorithm, message, signature);
        let by_pure_rust = self.verifiers.1.verify(algorithm, message, signature);
        assert_eq!(
            by_aws_lc, by_pure_rust,
            "{algorithm}: aws-lc says {by_aws_lc} to {signature:02x?}"
        );
        by_aws_lc
    }
}

fn vectors(list: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(KEYS).unwrap();
    vectors[list].as_array().unwrap().clone()
}

/// The first block of a PEM text of the vectors, and what it is called.
fn block_of(name: &str) -> (String, Vec<u8>) {
    let keys = vectors("private");
    let key = keys.iter().find(|key| key["name"] == name).unwrap();
    let blocks = pem::blocks(key["pem"].as_str().unwrap()).unwrap();
    (
        blocks[0].label.to_owned(),
        blocks[0].der().unwrap().to_vec(),
    )
}

/// What is inside a PKCS#8 key: `RSAPrivateKey` or `ECPrivateKey`.
fn inner_of(name: &str) -> Vec<u8> {
    let (label, der) = block_of(name);
    assert_eq!(label, "PRIVATE KEY");
    inside(&der).unwrap().1.to_vec()
}

fn pkcs1_of(name: &str) -> Vec<u8> {
    inner_of(name)
}

/// The kind of key of a PKCS#8 structure, and the key in it.
fn inside(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = Reader::inside(pkcs8, der::SEQUENCE)?;
    info.unsigned()?;
    Some((info.expect(der::SEQUENCE)?, info.expect(der::OCTET_STRING)?))
}

/// Whether a private key is read. What this crate reads by aws-lc, it reads by the other library, and the
/// public half is the same; and the other takes nothing that aws-lc does not take. (aws-lc alone takes
/// more, as bytes after the end: [`LocalKey`] refuses that before.)
fn assert_read_alike(
    key: Option<&LocalKey>,
    by_aws_lc: Option<&aws_lc::Signer>,
    by_pure_rust: Option<&pure_rust::Signer>,
) -> bool {
    let by_aws_lc = by_aws_lc.map(aws_lc::Signer::public_half);
    let by_pure_rust = by_pure_rust.map(pure_rust::Signer::public_half);
    assert!(by_pure_rust.is_none() || by_pure_rust == by_aws_lc);
    assert!(key.is_none() || by_pure_rust == by_aws_lc);
    key.is_some()
}

fn assert_rsa_read_alike(pkcs1: &[u8]) -> bool {
    assert_read_alike(
        LocalKey::from_pkcs1(pkcs1).ok().as_ref(),
        aws_lc::Signer::rsa(pkcs1).as_ref(),
        pure_rust::Signer::rsa(pkcs1).as_ref(),
    )
}

fn assert_p256_read_alike(sec1: &[u8]) -> bool {
    let (_, whole) = block_of("P-256, PKCS#8");
    let (algorithm, _) = inside(&whole).unwrap();
    let parts = [
        &der::encode_unsigned(&[])[..],
        &der::encode(der::SEQUENCE, &[algorithm]),
        &der::encode(der::OCTET_STRING, &[sec1]),
    ];
    assert_read_alike(
        LocalKey::from_pkcs8(&der::encode(der::SEQUENCE, &parts))
            .ok()
            .as_ref(),
        aws_lc::Signer::ecdsa(Curve::P256, sec1).as_ref(),
        pure_rust::Signer::ecdsa(Curve::P256, sec1).as_ref(),
    )
}

#[test]
fn the_keys_of_openssl_are_read_alike_by_both_libraries() {
    const CLIENTS: [&str; 8] = [
        include_str!("../../../../testdata/clients/rsa2048/rsa2048.key"),
        include_str!("../../../../testdata/clients/rsa2048/rsa2048.traditional.key"),
        include_str!("../../../../testdata/clients/rsa3072/rsa3072.key"),
        include_str!("../../../../testdata/clients/rsa3072/rsa3072.traditional.key"),
        include_str!("../../../../testdata/clients/p256/p256.key"),
        include_str!("../../../../testdata/clients/p256/p256.traditional.key"),
        include_str!("../../../../testdata/clients/p384/p384.traditional.key"),
        include_str!("../../../../testdata/clients/ed25519/ed25519.key"),
    ];
    let read = |text: &str| {
        let mut read = 0;
        for block in pem::blocks(text).unwrap_or_default() {
            let Some(der) = block.der() else { continue };
            // Whatever it is: a key of another kind is refused alike too.
            let key = inside(&der).map_or(&der[..], |(_, inner)| inner);
            read += usize::from(assert_rsa_read_alike(key));
            read += usize::from(assert_p256_read_alike(key));
        }
        read
    };
    assert_eq!(CLIENTS.map(read), [1, 1, 1, 1, 1, 1, 0, 0]);
    let vectors = vectors("private");
    let all = vectors.iter().map(|key| read(key["pem"].as_str().unwrap()));
    assert!(all.sum::<usize>() > 4);
}

proptest! {
    #[test]
    fn digests_and_keyed_hashes_are_equal_in_both_libraries(
        data in prop::collection::vec(any::<u8>(), 0..300),
        key in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert_eq!(aws_lc::sha1(&data), pure_rust::sha1(&data));
        prop_assert_eq!(aws_lc::sha256(&data), pure_rust::sha256(&data));
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let mut value = aws_lc::hmac::sign(hash, &key, &data);
            prop_assert_eq!(&value, &pure_rust::hmac::sign(hash, &key, &data));
            prop_assert_eq!(value.len(), hash.bytes());
            prop_assert!(pure_rust::hmac::verify(hash, &key, &data, &value));
            prop_assert!(!pure_rust::hmac::verify(hash, &key, &data, &value[1..]));
            prop_assert!(!pure_rust::hmac::verify(hash, &key, &data, &[]));
            value[7] ^= 1;
            prop_assert!(!pure_rust::hmac::verify(hash, &key, &data, &value));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_one_library_signs_the_other_verifies(
        message in prop::collection::vec(any::<u8>(), 0..200),
        bit in any::<prop::sample::Index>(),
    ) {
        for both in [Both::rsa(), Both::p256()] {
            for &algorithm in &both.algorithms {
                for mut signature in [
                    both.signers.0.sign(algorithm, &message).unwrap(),
                    both.signers.1.sign(algorithm, &message).unwrap(),
                ] {
                    prop_assert!(both.verify(algorithm, &message, &signature));
                    let longer = [&message[..], b"."].concat();
                    prop_assert!(!both.verify(algorithm, &longer, &signature));
                    for other in RSA.into_iter().chain([Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA]) {
                        if other != algorithm {
                            prop_assert!(!both.verify(other, &message, &signature));
                        }
                    }
                    let bit = bit.index(8 * signature.len());
                    signature[bit / 8] ^= 1 << (bit % 8);
                    prop_assert!(!both.verify(algorithm, &message, &signature));
                }
            }
        }
    }

    #[test]
    fn without_chance_both_libraries_make_the_same_signature(
        message in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let both = Both::rsa();
        for algorithm in [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512] {
            prop_assert_eq!(
                both.signers.0.sign(algorithm, &message),
                both.signers.1.sign(algorithm, &message)
            );
        }
    }
}

proptest! {
    #[test]
    fn a_damaged_rsa_key_is_read_alike_by_both_libraries(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut der = pkcs1_of("rsa 2048, PKCS#8");
        let at = at.index(der.len());
        der[at] = byte;
        assert_rsa_read_alike(&der);
    }

    #[test]
    fn a_damaged_key_on_p256_is_read_alike_by_both_libraries(
        sec1 in any::<bool>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut der = if sec1 { block_of("P-256, SEC1").1 } else { inner_of("P-256, PKCS#8") };
        let at = at.index(der.len());
        der[at] = byte;
        assert_p256_read_alike(&der);
    }

    #[test]
    fn a_damaged_point_is_refused_by_both_libraries(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        keep in any::<prop::sample::Index>(),
    ) {
        let signer = aws_lc::Signer::ecdsa(Curve::P256, &inner_of("P-256, PKCS#8")).unwrap();
        let PublicHalf::Ecdsa(_, point) = signer.public_half() else { panic!("no point") };
        let mut other = point.to_vec();
        let at = at.index(other.len());
        other[at] = byte;
        let same = other == point;
        prop_assert_eq!(aws_lc::Verifier::ecdsa(Curve::P256, &other).is_some(), same);
        prop_assert_eq!(pure_rust::Verifier::ecdsa(Curve::P256, &other).is_some(), same);
        let shorter = &point[..keep.index(point.len())];
        prop_assert!(aws_lc::Verifier::ecdsa(Curve::P256, shorter).is_none());
        prop_assert!(pure_rust::Verifier::ecdsa(Curve::P256, shorter).is_none());
    }
}

// security.md 13: too short, too long, and exponents that nobody should have. `weak_key` refuses them
// whatever the library is, and the second library would not take them either.
#[test]
fn a_weak_rsa_key_is_taken_with_neither_library() {
    let taken = |modulus: &[u8], exponent: &[u8]| {
        let numbers = [
            &der::encode_unsigned(modulus)[..],
            &der::encode_unsigned(exponent),
        ];
        let pkcs1 = der::encode(der::SEQUENCE, &numbers);
        pure_rust::Verifier::rsa(&pkcs1).is_some()
    };
    let odd = |bytes: usize| [&[0xc5][..], &vec![0x5a; bytes - 2], &[0x5b]].concat();
    for (modulus, exponent) in [(odd(256), vec![1, 0, 1]), (odd(1024), vec![3])] {
        assert!(taken(&modulus, &exponent));
        assert!(PublicKey::from_rsa(&modulus, &exponent).is_ok());
    }
    for (modulus, exponent) in [
        (odd(128), vec![1, 0, 1]),
        (odd(255), vec![1, 0, 1]),
        (odd(1025), vec![1, 0, 1]),
        (odd(256), vec![1]),
        (odd(256), vec![2]),
        (odd(256), vec![1, 0, 0]),
        (odd(256), vec![2, 0, 0, 0, 1]),
        (odd(256), vec![]),
        ([&odd(255)[..], &[0x5a]].concat(), vec![1, 0, 1]),
    ] {
        assert!(!taken(&modulus, &exponent), "{exponent:?}");
        assert!(PublicKey::from_rsa(&modulus, &exponent).is_err());
    }
    for name in ["rsa 512", "rsa 1024", "rsa 2040"] {
        let pkcs1 = pkcs1_of(name);
        assert!(LocalKey::from_pkcs1(&pkcs1).is_err());
        assert!(pure_rust::Signer::rsa(&pkcs1).is_none(), "{name}");
    }
}

#[test]
fn what_the_second_library_has_not_it_neither_reads_nor_makes() {
    assert!(pure_rust::takes(KeyType::Rsa { bits: 2048 }));
    assert!(pure_rust::takes(KeyType::P256));
    for (curve, key_type) in [(Curve::P384, KeyType::P384), (Curve::P521, KeyType::P521)] {
        assert!(!pure_rust::takes(key_type));
        let (signer, _) = aws_lc::Signer::generate_ecdsa(curve).unwrap();
        let PublicHalf::Ecdsa(_, point) = signer.public_half() else {
            panic!("no point");
        };
        assert!(pure_rust::Verifier::ecdsa(curve, point).is_none());
        // Nor does it take a key of its own curve for one of another.
        let sec1 = inner_of("P-256, PKCS#8");
        let own = pure_rust::Signer::ecdsa(Curve::P256, &sec1).unwrap();
        let PublicHalf::Ecdsa(_, point) = own.public_half() else {
            panic!("no point");
        };
        assert!(pure_rust::Verifier::ecdsa(curve, point).is_none());
        assert!(pure_rust::Signer::ecdsa(curve, &sec1).is_none());
        assert!(pure_rust::Signer::generate_ecdsa(curve).is_none());
    }
    assert!(!pure_rust::takes(KeyType::Ed25519));
    assert!(pure_rust::Signer::generate_ed25519().is_none());
    assert!(pure_rust::Verifier::ed25519(&[9; 32]).is_none());
    assert!(pure_rust::Signer::ed25519(&[]).is_none());
}

// security.md 53
#[test]
fn the_second_library_wipes_its_private_keys() {
    fn is_wiped_when_dropped<T: zeroize::ZeroizeOnDrop>() {}
    is_wiped_when_dropped::<rsa::RsaPrivateKey>();
    is_wiped_when_dropped::<p256::SecretKey>();
    is_wiped_when_dropped::<p256::ecdsa::SigningKey>();
}

#[test]
fn a_key_that_one_library_makes_is_read_by_the_other() {
    let (made, pkcs8) = pure_rust::Signer::generate_ecdsa(Curve::P256).unwrap();
    let (_, sec1) = inside(&pkcs8).unwrap();
    let read = aws_lc::Signer::ecdsa(Curve::P256, sec1).unwrap();
    assert_eq!(read.public_half(), made.public_half());

    let (made, pkcs8) = aws_lc::Signer::generate_ecdsa(Curve::P256).unwrap();
    let (_, sec1) = inside(&pkcs8).unwrap();
    let read = pure_rust::Signer::ecdsa(Curve::P256, sec1).unwrap();
    assert_eq!(read.public_half(), made.public_half());

    let (made, pkcs8) = pure_rust::Signer::generate_rsa(2048).unwrap();
    let (_, pkcs1) = inside(&pkcs8).unwrap();
    let read = aws_lc::Signer::rsa(pkcs1).unwrap();
    assert_eq!(read.public_half(), made.public_half());

    let (made, pkcs8) = aws_lc::Signer::generate_rsa(2048).unwrap();
    let (_, pkcs1) = inside(&pkcs8).unwrap();
    let read = pure_rust::Signer::rsa(pkcs1).unwrap();
    assert_eq!(read.public_half(), made.public_half());

    for bits in [0, 1024, 2047, 2049, 16384] {
        assert!(pure_rust::Signer::generate_rsa(bits).is_none());
    }
}
