//! What is verified when there is no key to verify with?
//!
//! An unknown client must cost as much as a wrong signature of a known one, or the time of the
//! answer tells who is registered (security.md B17). So a signature is verified in every case,
//! with a key of the type that the header's algorithm needs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_proto::key::{Algorithm, KeyError, KeyType, LocalKey, PublicKey, SigningKey as _};

/// One public key of each type. Nobody has the private halves.
#[derive(Debug)]
pub(crate) struct DummyKeys {
    rsa: PublicKey,
    p256: PublicKey,
    p384: PublicKey,
    p521: PublicKey,
    ed25519: PublicKey,
}

impl DummyKeys {
    /// Makes them. RSA is a constant, because making one takes long.
    pub(crate) fn make() -> Result<DummyKeys, KeyError> {
        let fresh =
            |key_type| LocalKey::generate(key_type).map(|(key, _)| key.public_key().clone());
        let rsa = STANDARD
            .decode(RSA_2048_SPKI)
            .map_err(|_| KeyError::Malformed("spki"))?;
        Ok(DummyKeys {
            rsa: PublicKey::from_spki(&rsa)?,
            p256: fresh(KeyType::P256)?,
            p384: fresh(KeyType::P384)?,
            p521: fresh(KeyType::P521)?,
            ed25519: fresh(KeyType::Ed25519)?,
        })
    }

    /// The key that `algorithm` needs.
    pub(crate) fn for_algorithm(&self, algorithm: Algorithm) -> &PublicKey {
        match algorithm {
            Algorithm::ES256 => &self.p256,
            Algorithm::ES384 => &self.p384,
            Algorithm::ES512 => &self.p521,
            Algorithm::EdDSA => &self.ed25519,
            _ => &self.rsa,
        }
    }
}

/// A 2048 bit RSA key whose private half was thrown away.
const RSA_2048_SPKI: &str = concat!(
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo+MPEJIJwwPxdpWO0EFR6EmHHPtk/2qj",
    "ykXpDr3LGxwBcb6yXeZageWnPQXHddgTVDXVeaFhXYYP2l3zEDW9VHTxYWyYh8dRboqvVXVfFupB",
    "Y9ES9LE0vM0/hsagq/boz8/sG+tLEo8XriqJbNGguLkVmgp9yuEu7J48h+QqoT9lp0ssbPIc4XzW",
    "Vs8Tk1PfYPO5Jxs5SxpFIXswjPtYIKKrJ4evbr5CDlc2WEBiEzZPlHPAA+3KDT6YsEPKRPapsjc6",
    "/0o/iDqvNcT83FJ8yG0EiZXSj56kn0J0TOw/iB3eyIFWn7ZvkqakHNdA/80WlXBrX0cGbnq1/k+7",
    "YTBEwQIDAQAB",
);

#[cfg(test)]
impl DummyKeys {
    /// With a P-256 key whose private half somebody has.
    pub(super) fn with_p256(self, p256: PublicKey) -> DummyKeys {
        DummyKeys { p256, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md B17
    #[test]
    fn there_is_a_dummy_key_for_every_algorithm() {
        let keys = DummyKeys::make().unwrap();
        for algorithm in Algorithm::PROTOCOL {
            assert!(
                keys.for_algorithm(algorithm)
                    .algorithms()
                    .contains(&algorithm)
            );
        }
    }
}
