//! Which certificates are read, which may sign, and how are chains put in order?

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::*;
use crate::fixtures::{Identity, is_of_another_build};

/// Made by python-cryptography; see make_keys.py beside them.
const CERTIFICATES: &str = include_str!("../../../../testdata/vectors/certificates.json");

fn vectors() -> Vec<Value> {
    let value: Value = serde_json::from_str(CERTIFICATES).unwrap();
    value.as_array().unwrap().clone()
}

fn der_of(vector: &Value) -> Vec<u8> {
    STANDARD.decode(vector["der"].as_str().unwrap()).unwrap()
}

fn der(name: &str) -> Vec<u8> {
    let vectors = vectors();
    der_of(
        vectors
            .iter()
            .find(|vector| vector["name"] == name)
            .unwrap(),
    )
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_der(&der(name)).unwrap()
}

// security.md 13, 24, 51, 52, B11
#[test]
fn certificates_are_read_and_judged_as_each_vector_says() {
    for vector in vectors() {
        let found = match Certificate::from_der(&der_of(&vector)) {
            Ok(certificate) => match certificate.leaf_policy() {
                Ok(()) => "ok".to_owned(),
                Err(error) => format!("{error:?}"),
            },
            Err(CertificateError::UnknownCriticalExtension(oid)) => {
                format!("UnknownCriticalExtension {oid}")
            }
            Err(CertificateError::Extension(oid)) => format!("Extension {oid}"),
            Err(CertificateError::UnsupportedKey(why)) if is_of_another_build(&why) => continue,
            Err(CertificateError::UnsupportedKey(_)) => "UnsupportedKey".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(found, vector["expect"], "{}", vector["name"]);
    }
}

#[test]
fn a_certificate_says_what_its_maker_put_in() {
    let leaf = certificate("leaf");
    assert_eq!(
        leaf.subject().to_string(),
        "CN=Corellian,O=Countersign,C=CH"
    );
    assert_eq!(leaf.issuer().to_string(), "CN=Issuing,O=Countersign,C=CH");
    assert_eq!(leaf.serial(), [0x12, 0x34, 0x56, 0x78, 0x90]);
    assert_eq!(leaf.not_before().to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(leaf.not_after().to_string(), "2036-01-01T00:00:00Z");
    assert_eq!(leaf.key_usages(), Some(&["digitalSignature"][..]));
    assert_eq!(
        leaf.extended_key_usages(),
        Some(&["1.3.6.1.5.5.7.3.2".to_owned()][..])
    );
    assert_eq!(
        leaf.subject_alt_names(),
        [
            "DNS:corellian.example",
            "email:ops@corellian.example",
            "URI:spiffe://example/corellian"
        ]
    );
    assert!(!leaf.is_self_issued() && !leaf.is_authority());
    let bare = certificate("leaf without extensions");
    assert_eq!(
        (bare.key_usages(), bare.extended_key_usages()),
        (None, None)
    );
    assert!(certificate("root").is_self_issued() && certificate("root").is_authority());
    assert!(certificate("without a subject").subject().is_empty());
}

/// RFC 8705 App. A, Figure 6: a certificate of version 1.
const RFC_8705: &str = "-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
";

// security.md 46
#[test]
fn the_thumbprint_of_rfc_8705_is_reproduced() {
    let blocks = pem::blocks(RFC_8705).unwrap();
    let der = blocks[0].der().unwrap();
    assert_eq!(
        Thumbprint::sha256_of(&der).to_base64url(),
        "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
    );
    // security.md 52: it is of version 1, which does not sign in.
    assert_eq!(
        Certificate::all_from_pem(RFC_8705),
        Err(CertificateError::Version)
    );
}

// security.md 46, 47
#[test]
fn both_thumbprints_name_the_certificate_and_no_other_does() {
    let (leaf, root) = (certificate("leaf"), certificate("root"));
    for thumbprint in [leaf.sha1(), leaf.sha256()] {
        assert!(leaf.has_thumbprint(&thumbprint));
        assert!(!root.has_thumbprint(&thumbprint));
    }
    assert_eq!(leaf.sha1().as_bytes().len(), 20);
    assert_eq!(leaf.sha256().as_bytes().len(), 32);
}

// security.md 51
#[test]
fn both_ends_of_the_validity_are_in_it() {
    let leaf = certificate("leaf");
    let (from, since) = (leaf.not_before(), leaf.not_after());
    let second = Duration::from_secs(1);
    assert_eq!(leaf.validity(from.minus(second)), Validity::NotYet { from });
    assert_eq!(leaf.validity(from), Validity::Valid);
    assert_eq!(leaf.validity(since), Validity::Valid);
    assert_eq!(
        leaf.validity(since.plus(second)),
        Validity::Expired { since }
    );
}

#[test]
fn pem_is_read_among_other_blocks_and_written_back() {
    let (leaf, root) = (certificate("leaf"), certificate("root"));
    let text = format!(
        "subject=CN = Corellian\n{}-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n{}",
        leaf.to_pem(),
        root.to_pem().replace('\n', "\r\n")
    );
    assert_eq!(Certificate::all_from_pem(&text), Ok(vec![leaf, root]));
    assert_eq!(
        Certificate::all_from_pem("nothing"),
        Err(CertificateError::NoCertificate)
    );
    assert_eq!(
        Certificate::all_from_pem("-----BEGIN CERTIFICATE-----\nAQID"),
        Err(CertificateError::NotPem)
    );
    assert_eq!(
        Certificate::all_from_pem("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
        Err(CertificateError::NotPem)
    );
}

#[test]
fn a_chain_is_ordered_by_the_names_of_its_issuers() {
    let (leaf, issuing, root) = (
        certificate("leaf"),
        certificate("issuing"),
        certificate("root"),
    );
    let stranger = Identity::named("p256").chain.leaf().clone();
    let bag = [root.clone(), stranger, leaf.clone(), issuing.clone()];
    let chain = CertificateChain::order(leaf.clone(), &bag);
    assert_eq!(chain.leaf(), &leaf);
    assert_eq!(chain.issuers(), [issuing, root]);
    // RFC 7515 §4.1.6: base64 of the DER with padding, not base64url, and not of the PEM.
    let x5c = chain.x5c();
    assert_eq!(x5c.len(), 3);
    assert_eq!(STANDARD.decode(&x5c[0]).unwrap(), leaf.der());
}

#[test]
fn a_chain_ends_where_its_issuer_is_missing_or_issued_itself() {
    let alone = CertificateChain::order(certificate("leaf"), &[certificate("root")]);
    assert!(alone.issuers().is_empty());
    let own = Identity::named("p256").chain.leaf().clone();
    let chain = CertificateChain::order(own.clone(), &[own, certificate("root")]);
    assert!(chain.issuers().is_empty());
}

#[test]
fn a_chain_that_leads_back_to_its_leaf_ends() {
    let (leaf, back) = (
        certificate("leaf"),
        certificate("authority that the leaf issued"),
    );
    let chain = CertificateChain::order(leaf.clone(), &[leaf, back.clone()]);
    assert_eq!(chain.issuers(), [back]);
}

#[test]
fn of_two_issuers_of_one_name_the_one_whose_key_is_named_is_taken() {
    let issuers = [1, 2].map(|n| certificate(&format!("issuing with key identifier {n}")));
    for (at, issuer) in issuers.iter().enumerate() {
        let leaf = certificate(&format!("leaf that names key identifier {}", at + 1));
        let chain = CertificateChain::order(leaf, &issuers);
        assert_eq!(chain.issuers(), std::slice::from_ref(issuer));
    }
}

// security.md B12
#[test]
fn a_chain_has_at_most_eight_certificates() {
    let issuers = vec![certificate("issuing"); 20];
    let chain = CertificateChain::new(certificate("leaf"), issuers);
    assert_eq!(chain.x5c().len(), 8);
}

// security.md B12
#[test]
fn more_than_64_kib_are_refused_before_they_are_parsed() {
    let mut large = der("leaf");
    large.resize(64 * 1024 + 1, 0);
    assert_eq!(
        Certificate::from_der(&large),
        Err(CertificateError::TooLarge)
    );
    large.truncate(64 * 1024);
    assert_eq!(Certificate::from_der(&large), Err(CertificateError::NotDer));
}

/// The leaf with these bytes as its list of extensions.
fn with_extensions(list: &[&[u8]]) -> Vec<u8> {
    let leaf = der("leaf without extensions");
    let mut outer = Reader::inside(&leaf, der::SEQUENCE).unwrap();
    let mut tbs = Reader::new(outer.expect(der::SEQUENCE).unwrap());
    let fields: Vec<&[u8]> = (0..7).map(|_| tbs.next().unwrap().encoded).collect();
    let extensions = der::encode(0xa3, &[&der::encode(der::SEQUENCE, list)]);
    let tbs = der::encode(der::SEQUENCE, &[&fields.concat(), &extensions]);
    let rest: Vec<&[u8]> = (0..2).map(|_| outer.next().unwrap().encoded).collect();
    der::encode(der::SEQUENCE, &[&tbs, &rest.concat()])
}

// security.md B12: thousands of extensions, nests of sets and huge lengths end in an error.
#[test]
fn parser_bombs_end_in_an_error() {
    let nest = [0x31; 15_000];
    let name = |oid: &[u8], value: &[u8]| {
        der::encode(
            der::SEQUENCE,
            &[
                &der::encode(der::OBJECT_IDENTIFIER, &[oid]),
                &der::encode(der::OCTET_STRING, &[value]),
            ],
        )
    };
    assert!(Certificate::from_der(&with_extensions(&[&name(&[0x55, 29, 17], &nest)])).is_err());

    // Each with an identifier of its own, none critical: read, and read quickly.
    let many: Vec<Vec<u8>> = (0..3_000_u32)
        .map(|n| {
            let arcs = [
                0x2b,
                0x80 | (n >> 7 & 0x7f) as u8 | 1,
                (n & 0x7f) as u8,
                (n >> 7) as u8 & 0x7f,
            ];
            name(&arcs, &[5, 0])
        })
        .collect();
    let list: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
    let bytes = with_extensions(&list);
    assert!(bytes.len() < MAX_BYTES);
    assert!(Certificate::from_der(&bytes).is_ok());

    for bomb in [
        &[0x30, 0x80, 0x30, 0x80][..],
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30],
        &[0x31; 60_000],
        &[0x30; 60_000],
        &[0xa0; 60_000],
        &[0x30, 0x80].repeat(30_000),
    ] {
        assert_eq!(Certificate::from_der(bomb), Err(CertificateError::NotDer));
    }
}

// security.md B12: whatever is done to the bytes of a certificate, nothing panics.
mod mutated {
    use proptest::prelude::*;

    use super::*;

    fn look_at(certificate: &Certificate) {
        let _ = certificate.leaf_policy();
        let _ = format!("{} {}", certificate.subject(), certificate.issuer());
        let _ = certificate.subject_alt_names();
        let _ = CertificateChain::order(certificate.clone(), std::slice::from_ref(certificate));
    }

    proptest! {
        #[test]
        fn flipped_and_cut_certificates_never_panic(
            which in any::<prop::sample::Index>(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            keep in any::<prop::sample::Index>(),
            cut in any::<bool>(),
        ) {
            let mut der = which.get(ders()).clone();
            for (at, byte) in flips {
                let at = at.index(der.len());
                der[at] = byte;
            }
            if cut {
                der.truncate(keep.index(der.len()));
            }
            if let Ok(certificate) = Certificate::from_der(&der) {
                look_at(&certificate);
                prop_assert_eq!(certificate.der(), der.as_slice());
            }
        }
    }

    fn ders() -> &'static [Vec<u8>] {
        static DERS: std::sync::LazyLock<Vec<Vec<u8>>> =
            std::sync::LazyLock::new(|| vectors().iter().map(der_of).collect());
        &DERS
    }

    #[test]
    fn every_cut_of_a_certificate_is_refused() {
        let leaf = der("leaf");
        for length in 0..leaf.len() {
            assert!(Certificate::from_der(&leaf[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn every_single_flipped_bit_is_survived() {
        let leaf = der("leaf");
        for at in 0..leaf.len() {
            for bit in 0..8 {
                let mut der = leaf.clone();
                der[at] ^= 1 << bit;
                if let Ok(certificate) = Certificate::from_der(&der) {
                    look_at(&certificate);
                    assert_ne!(certificate.sha256(), Thumbprint::sha256_of(&leaf));
                }
            }
        }
    }
}
