//! How does the crate `rsa` verify and sign (RFC 8017 §8)?

use getrandom::SysRng;
use rsa::{
    Pkcs1v15Sign, Pss, RsaPrivateKey, RsaPublicKey,
    pkcs1::{
        DecodeRsaPrivateKey as _, DecodeRsaPublicKey as _, EncodeRsaPrivateKey as _,
        EncodeRsaPublicKey as _,
    },
    pkcs8::EncodePrivateKey as _,
    rand_core::UnwrapErr,
    traits::{PublicKeyParts as _, SignatureScheme as _},
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::key::Algorithm;

/// A parsed public key.
pub(crate) struct PublicKey(RsaPublicKey);

impl PublicKey {
    /// From a DER `RSAPublicKey` of 2048 to 8192 bits.
    pub(super) fn read(pkcs1: &[u8]) -> Option<PublicKey> {
        let key = RsaPublicKey::from_pkcs1_der(pkcs1).ok()?;
        is_of_a_good_size(&key).then_some(PublicKey(key))
    }

    /// A salt of PSS has the length of the hash (RFC 7518 §3.5).
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.0;
        let verified = match algorithm {
            Algorithm::RS256 => {
                Pkcs1v15Sign::new::<Sha256>().verify(key, &Sha256::digest(message), signature)
            }
            Algorithm::RS384 => {
                Pkcs1v15Sign::new::<Sha384>().verify(key, &Sha384::digest(message), signature)
            }
            Algorithm::RS512 => {
                Pkcs1v15Sign::new::<Sha512>().verify(key, &Sha512::digest(message), signature)
            }
            Algorithm::PS256 => {
                Pss::<Sha256>::new().verify(key, &Sha256::digest(message), signature)
            }
            Algorithm::PS384 => {
                Pss::<Sha384>::new().verify(key, &Sha384::digest(message), signature)
            }
            Algorithm::PS512 => {
                Pss::<Sha512>::new().verify(key, &Sha512::digest(message), signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

/// A parsed private key.
pub(crate) struct PrivateKey {
    key: RsaPrivateKey,
    public_key: Vec<u8>,
}

impl PrivateKey {
    /// From a DER `RSAPrivateKey`.
    pub(super) fn read(pkcs1: &[u8]) -> Option<PrivateKey> {
        let key = PrivateKey::wrap(RsaPrivateKey::from_pkcs1_der(pkcs1).ok()?)?;
        // The library computes the exponents and the coefficient anew and does not look at those that
        // came. The other library refuses a key whose numbers do not fit, and so it is refused here.
        let again = key.key.to_pkcs1_der().ok()?;
        (again.as_bytes() == pkcs1).then_some(key)
    }

    /// With its PKCS#8 form.
    pub(super) fn generate(bits: u16) -> Option<(PrivateKey, Zeroizing<Vec<u8>>)> {
        if ![2048, 3072, 4096, 8192].contains(&bits) {
            return None;
        }
        // The library wants a source that cannot fail. The system's either works from the start or
        // never.
        getrandom::u32().ok()?;
        let key = RsaPrivateKey::new(&mut UnwrapErr(SysRng), bits.into()).ok()?;
        let pkcs8 = key.to_pkcs8_der().ok()?.to_bytes();
        Some((PrivateKey::wrap(key)?, pkcs8))
    }

    /// DER `RSAPublicKey`.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The random numbers blind the private operation, and make the salt of PSS.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        let key = &self.key;
        let chance = Some(&mut SysRng);
        let signed = match algorithm {
            Algorithm::RS256 => {
                Pkcs1v15Sign::new::<Sha256>().sign(chance, key, &Sha256::digest(message))
            }
            Algorithm::RS384 => {
                Pkcs1v15Sign::new::<Sha384>().sign(chance, key, &Sha384::digest(message))
            }
            Algorithm::RS512 => {
                Pkcs1v15Sign::new::<Sha512>().sign(chance, key, &Sha512::digest(message))
            }
            Algorithm::PS256 => Pss::<Sha256>::new().sign(chance, key, &Sha256::digest(message)),
            Algorithm::PS384 => Pss::<Sha384>::new().sign(chance, key, &Sha384::digest(message)),
            Algorithm::PS512 => Pss::<Sha512>::new().sign(chance, key, &Sha512::digest(message)),
            _ => return None,
        };
        signed.ok()
    }

    fn wrap(key: RsaPrivateKey) -> Option<PrivateKey> {
        if !is_of_a_good_size(key.as_public_key()) {
            return None;
        }
        let public_key = key.as_public_key().to_pkcs1_der().ok()?.to_vec();
        Some(PrivateKey { key, public_key })
    }
}

/// The library has its lower limit at 1024 bits.
fn is_of_a_good_size(key: &RsaPublicKey) -> bool {
    (2048..=8192).contains(&key.n().bit_width())
}
