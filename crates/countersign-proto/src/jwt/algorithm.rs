//! By which algorithm is a JWT signed: one of a key pair, or a keyed hash?

use std::fmt;

use crate::{crypto::hmac::Hash, key};

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1) for tokens that are made and read by hand. There
/// is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// A signature by a key pair.
    KeyPair(key::Algorithm),
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Algorithm; 13] = [
        Algorithm::HS256,
        Algorithm::HS384,
        Algorithm::HS512,
        Algorithm::KeyPair(key::Algorithm::RS256),
        Algorithm::KeyPair(key::Algorithm::RS384),
        Algorithm::KeyPair(key::Algorithm::RS512),
        Algorithm::KeyPair(key::Algorithm::PS256),
        Algorithm::KeyPair(key::Algorithm::PS384),
        Algorithm::KeyPair(key::Algorithm::PS512),
        Algorithm::KeyPair(key::Algorithm::ES256),
        Algorithm::KeyPair(key::Algorithm::ES384),
        Algorithm::KeyPair(key::Algorithm::ES512),
        Algorithm::KeyPair(key::Algorithm::EdDSA),
    ];

    /// The `alg` value.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::HS256 => "HS256",
            Algorithm::HS384 => "HS384",
            Algorithm::HS512 => "HS512",
            Algorithm::KeyPair(algorithm) => algorithm.name(),
        }
    }

    /// Reads an `alg` value, case-sensitively. `Ed25519` (RFC 9864) reads as `EdDSA`.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        match name {
            "Ed25519" => Some(Algorithm::KeyPair(key::Algorithm::EdDSA)),
            _ => Algorithm::ALL.into_iter().find(|alg| alg.name() == name),
        }
    }

    /// The hash of an HMAC.
    pub(super) const fn hash(self) -> Option<Hash> {
        match self {
            Algorithm::HS256 => Some(Hash::Sha256),
            Algorithm::HS384 => Some(Hash::Sha384),
            Algorithm::HS512 => Some(Hash::Sha512),
            Algorithm::KeyPair(_) => None,
        }
    }
}

impl From<key::Algorithm> for Algorithm {
    fn from(algorithm: key::Algorithm) -> Algorithm {
        Algorithm::KeyPair(algorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 8, 9
    #[test]
    fn every_algorithm_has_exactly_its_name_and_none_has_no_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            let other = algorithm.name().to_ascii_lowercase();
            assert_eq!(Algorithm::from_name(&other), None);
        }
        let names: std::collections::BTreeSet<_> =
            Algorithm::ALL.into_iter().map(Algorithm::name).collect();
        assert_eq!(names.len(), 13);
        for name in [
            "none", "None", "NONE", "nOnE", "", "HS1", "HS256 ", "RS1", "ES256K", "Ed448",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }
}
