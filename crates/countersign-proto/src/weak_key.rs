//! Which public keys are well formed and still must not be used?
//!
//! RSA keys that are short, or have an even or tiny exponent, or were made by the library of
//! CVE-2017-15361 ("ROCA"), and Ed25519 points that are not on the curve or of small order.
//! Points of the NIST curves are checked by the crypto library.

use std::sync::LazyLock;

use x509_parser::num_bigint::BigUint;

use crate::key::KeyError;

/// Checks the big-endian magnitudes of modulus and exponent, and tells the bits of the modulus.
///
/// RFC 7518 §3.3 wants 2048 bits or more. More than 8192 are refused because the time of one
/// verification grows with the square of the length.
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<u16, KeyError> {
    let bits = bit_length(modulus);
    let refused = KeyError::RsaSize {
        bits: u32::try_from(bits).unwrap_or(u32::MAX),
    };
    let bits = match u16::try_from(bits) {
        Ok(bits @ 2048..=8192) => bits,
        _ => return Err(refused),
    };
    // 33 bits is what the crypto library takes; more only slows verification down.
    let odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !odd || exponent == [1] || bit_length(exponent) > 33 {
        return Err(KeyError::RsaExponent);
    }
    if modulus.last().is_some_and(|byte| byte % 2 == 0) {
        return Err(KeyError::Malformed("RSA modulus is even"));
    }
    if has_roca_fingerprint(modulus) {
        return Err(KeyError::RsaRoca);
    }
    Ok(bits)
}

/// Checks the encoding of an Ed25519 point (RFC 8032 §5.1.3) and its order.
pub(crate) fn check_ed25519(encoded: &[u8; 32]) -> Result<(), KeyError> {
    let mut y = *encoded;
    y[31] &= 0x7f;
    let y = BigUint::from_bytes_le(&y);
    let Curve25519 { p, d, small_order } = &*CURVE25519;
    if y >= *p || small_order.contains(&y) {
        return Err(KeyError::OffCurve);
    }
    // x² = u/v has a root exactly when u·v is a square (Euler's criterion).
    let y2 = &y * &y % p;
    let u = (&y2 + p - 1_u8) % p;
    let v = (d * &y2 + 1_u8) % p;
    let half = (p - 1_u8) >> 1;
    let square = (u * v % p).modpow(&half, p);
    if square == BigUint::from(1_u8) {
        Ok(())
    } else {
        Err(KeyError::OffCurve)
    }
}

struct Curve25519 {
    p: BigUint,
    d: BigUint,
    /// The `y` of the eight points of small order. A key on one of them accepts forged signatures.
    small_order: [BigUint; 5],
}

static CURVE25519: LazyLock<Curve25519> = LazyLock::new(|| {
    let p = (BigUint::from(1_u8) << 255) - 19_u8;
    // d = -121665/121666 mod p (RFC 8032 §5.1); the inverse by Fermat's little theorem.
    let inverse = BigUint::from(121_666_u32).modpow(&(&p - 2_u8), &p);
    let d = (&p - BigUint::from(121_665_u32)) * inverse % &p;
    // Of order 1 and 2: y = ±1. Of order 4: y = 0. Of order 8: the roots of d·y⁴ + 2·y² = 1.
    let eighth = BigUint::from_bytes_le(&ORDER_8_Y);
    let small_order = [
        BigUint::from(0_u8),
        BigUint::from(1_u8),
        &p - 1_u8,
        &p - &eighth,
        eighth,
    ];
    Curve25519 { p, d, small_order }
});

const ORDER_8_Y: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
    0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

/// The small odd primes of the published detector (Nemec et al., CCS 2017). The weak library
/// makes primes `k·M + (65537^a mod M)`, where `M` is a product of at least these.
const SMALL_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus is a power of 65537 modulo every small prime. By chance about one modulus
/// in 2^27 is.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    SMALL_PRIMES.iter().all(|&prime| {
        let residue = modulus
            .iter()
            .fold(0, |sum, &byte| (sum * 256 + u32::from(byte)) % prime);
        let generator = 65_537 % prime;
        let mut power = 1;
        loop {
            if power == residue {
                return true;
            }
            power = power * generator % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

fn bit_length(magnitude: &[u8]) -> usize {
    match magnitude.first() {
        Some(first) => magnitude.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}
