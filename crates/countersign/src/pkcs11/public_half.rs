//! Is what a token tells of a key's public half that of a certificate?

use countersign_proto::key::PublicKey;
use pkcs8::{
    der::{
        Decode, Reader as _, SliceReader,
        asn1::{AnyRef, OctetStringRef, UintRef},
    },
    spki::SubjectPublicKeyInfoRef,
};

/// What a token tells of the public half of a private key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum PublicHalf {
    /// Big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// A point of an elliptic curve.
    Point {
        /// Which curve, in DER; empty where the token does not say.
        curve: Vec<u8>,
        /// The point, without the string around it.
        point: Vec<u8>,
    },
    /// Nothing.
    #[default]
    Unknown,
}

impl PublicHalf {
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> PublicHalf {
        // Some tokens leave the attributes of a private key empty.
        if modulus.is_empty() || exponent.is_empty() {
            return PublicHalf::Unknown;
        }
        PublicHalf::Rsa {
            modulus: without_zeros(modulus).to_vec(),
            exponent: without_zeros(exponent).to_vec(),
        }
    }

    /// The specification wants a DER string around the point; some tokens give the bare one.
    pub(super) fn point(curve: &[u8], point: &[u8]) -> PublicHalf {
        if point.is_empty() {
            return PublicHalf::Unknown;
        }
        let inner = <&OctetStringRef>::from_der(point);
        PublicHalf::Point {
            curve: curve.to_vec(),
            point: inner.map_or(point, |inner| inner.as_bytes()).to_vec(),
        }
    }

    /// Whether it is of this public key; nobody knows of one that is not told.
    pub(super) fn is_of(&self, public_key: &PublicKey) -> Option<bool> {
        let bits = key_bits(public_key.spki())?;
        match self {
            PublicHalf::Unknown => None,
            PublicHalf::Point { point, .. } => Some(bits == *point),
            PublicHalf::Rsa { modulus, exponent } => {
                Some(rsa_numbers(&bits).is_some_and(|(n, e)| (&n, &e) == (modulus, exponent)))
            }
        }
    }
}

impl PublicHalf {
    /// The `SubjectPublicKeyInfo`, where enough is told (RFC 3279, 5480, 8410).
    pub(super) fn spki(&self) -> Option<Vec<u8>> {
        const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
        const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
        let (algorithm, bits) = match self {
            PublicHalf::Unknown => return None,
            PublicHalf::Rsa { modulus, exponent } => {
                let numbers = [unsigned(modulus)?, unsigned(exponent)?].concat();
                let algorithm = [tlv(6, RSA)?, tlv(5, &[])?].concat();
                (algorithm, tlv(0x30, &numbers)?)
            }
            PublicHalf::Point { point, .. } if point.len() == 32 => {
                (tlv(6, ED25519)?, point.clone())
            }
            PublicHalf::Point { curve, point } if curve.first() == Some(&6) => {
                ([tlv(6, EC)?, curve.clone()].concat(), point.clone())
            }
            PublicHalf::Point { .. } => return None,
        };
        let bits = tlv(3, &[&[0], &bits[..]].concat())?;
        tlv(0x30, &[tlv(0x30, &algorithm)?, bits].concat())
    }
}

fn unsigned(number: &[u8]) -> Option<Vec<u8>> {
    match number.first()? {
        0x80.. => tlv(2, &[&[0], number].concat()),
        _ => tlv(2, number),
    }
}

fn tlv(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let header = match length {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    Some([header, content.to_vec()].concat())
}

fn key_bits(spki: &[u8]) -> Option<Vec<u8>> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
    Some(spki.subject_public_key.as_bytes()?.to_vec())
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 App. A.1.1).
fn rsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let outer = AnyRef::from_der(der).ok()?;
    let mut numbers = SliceReader::new(outer.value()).ok()?;
    let mut number = || {
        let number = UintRef::decode(&mut numbers).ok()?;
        Some(number.as_bytes().to_vec())
    };
    let both = (number()?, number()?);
    numbers.is_finished().then_some(both)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use countersign_proto::certificate::Certificate;

    use super::*;
    use crate::certificate_store::fixture::testdata;

    fn certificate(kind: &str) -> Certificate {
        let pem = std::fs::read_to_string(testdata(&format!("clients/{kind}/{kind}.pem"))).unwrap();
        Certificate::all_from_pem(&pem).unwrap().remove(0)
    }

    /// The hexadecimal digits of what OpenSSL says of a certificate, after `from`, up to `to`.
    fn by_openssl(kind: &str, from: &str, to: &str) -> Vec<u8> {
        let file = testdata(&format!("clients/{kind}/{kind}.pem"));
        let told = Command::new("openssl")
            .args(["x509", "-noout", "-text", "-in"])
            .arg(file)
            .output()
            .expect("openssl");
        let text = String::from_utf8(told.stdout).unwrap();
        let (_, rest) = text.split_once(from).expect(&text);
        let (digits, _) = rest.split_once(to).expect(rest);
        let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn the_public_half_of_a_certificate_is_known_again_as_openssl_tells_it() {
        let modulus = by_openssl("rsa2048", "Modulus:", "Exponent:");
        let half = PublicHalf::rsa(&modulus, &[0, 1, 0, 1]);
        assert_eq!(half.is_of(certificate("rsa2048").public_key()), Some(true));
        assert_eq!(half.is_of(certificate("rsa3072").public_key()), Some(false));
        assert_eq!(half.is_of(certificate("p256").public_key()), Some(false));
        for (kind, after) in [("p256", "ASN1 OID"), ("ed25519", "X509v3")] {
            let point = by_openssl(kind, "pub:", after);
            let length = u8::try_from(point.len()).unwrap();
            let wrapped = [&[4, length][..], &point].concat();
            for told in [&point, &wrapped] {
                let half = PublicHalf::point(&[], told);
                assert_eq!(
                    half.is_of(certificate(kind).public_key()),
                    Some(true),
                    "{kind}"
                );
                assert_eq!(half.is_of(certificate("p384").public_key()), Some(false));
            }
        }
    }

    #[test]
    fn a_public_key_is_written_as_openssl_writes_it_into_a_certificate() {
        let modulus = by_openssl("rsa2048", "Modulus:", "Exponent:");
        let rsa = PublicHalf::rsa(&modulus, &[1, 0, 1]);
        let p256 = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        let ec = PublicHalf::point(&p256, &by_openssl("p256", "pub:", "ASN1 OID"));
        let edwards = PublicHalf::point(&[], &by_openssl("ed25519", "pub:", "X509v3"));
        for (half, kind) in [(rsa, "rsa2048"), (ec, "p256"), (edwards, "ed25519")] {
            let spki = half.spki().expect(kind);
            assert_eq!(spki, certificate(kind).public_key().spki(), "{kind}");
        }
        assert_eq!(PublicHalf::point(&[], &[4; 65]).spki(), None);
        assert_eq!(PublicHalf::Unknown.spki(), None);
    }

    #[test]
    fn a_token_that_tells_nothing_is_not_held_against_a_certificate() {
        for half in [
            PublicHalf::rsa(&[], &[]),
            PublicHalf::point(&[], &[]),
            PublicHalf::default(),
        ] {
            assert_eq!(half.is_of(certificate("p256").public_key()), None);
        }
    }
}
