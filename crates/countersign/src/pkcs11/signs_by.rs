//! By which mechanisms of a token are the signatures of JOSE made (RFC 7518 §3)?

use aws_lc_rs::digest::{self, Digest};
use countersign_proto::key::{Algorithm, PublicKey};
use cryptoki::{
    mechanism::{
        Mechanism, MechanismType,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    types::Ulong,
};

use super::token::{Desk, Stop};

/// Which of the mechanisms that serve here a token has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mechanisms(Vec<MechanismType>);

/// What a token is told to do.
pub(super) struct Plan {
    pub(super) mechanism: Mechanism<'static>,
    /// What it signs: the hash, or for a mechanism that hashes itself the message.
    pub(super) input: Vec<u8>,
}

/// What a key demands of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// In one call: a hash of a few bytes is sent where the token takes it.
    AtOnce,
    /// In several calls, which only mechanisms bear that hash themselves.
    InParts,
}

/// Looks which there are.
pub(super) fn mechanisms(desk: &Desk<'_>) -> Result<Mechanisms, Stop> {
    let listed = desk.context.get_mechanism_list(desk.slot)?;
    let serves = |mechanism: &MechanismType| {
        Algorithm::PROTOCOL.iter().any(|algorithm| {
            both(*algorithm)
                .iter()
                .flatten()
                .any(|one| one == mechanism)
        })
    };
    let mut listed: Vec<_> = listed.into_iter().filter(serves).collect();
    listed.sort_by_key(|mechanism| format!("{mechanism:?}"));
    Ok(Mechanisms(listed))
}

impl Mechanisms {
    /// The algorithms of a key by which the token signs, preferred first.
    pub(super) fn algorithms(&self, key: &PublicKey, manner: Manner) -> Vec<Algorithm> {
        let of_key = key.algorithms().iter().copied();
        of_key
            .filter(|algorithm| self.choose(*algorithm, manner).is_some())
            .collect()
    }

    pub(super) fn plan(
        &self,
        algorithm: Algorithm,
        manner: Manner,
        message: &[u8],
    ) -> Option<Plan> {
        let chosen = self.choose(algorithm, manner)?;
        let hash = || hashed(algorithm, message);
        let whole = || message.to_vec();
        let (mechanism, input) = match chosen {
            MechanismType::RSA_PKCS => (Mechanism::RsaPkcs, digest_info(&hash())),
            MechanismType::SHA256_RSA_PKCS => (Mechanism::Sha256RsaPkcs, whole()),
            MechanismType::RSA_PKCS_PSS => (Mechanism::RsaPkcsPss(pss()), hash().as_ref().to_vec()),
            MechanismType::SHA256_RSA_PKCS_PSS => (Mechanism::Sha256RsaPkcsPss(pss()), whole()),
            MechanismType::ECDSA => (Mechanism::Ecdsa, hash().as_ref().to_vec()),
            MechanismType::ECDSA_SHA256 => (Mechanism::EcdsaSha256, whole()),
            MechanismType::ECDSA_SHA384 => (Mechanism::EcdsaSha384, whole()),
            MechanismType::ECDSA_SHA512 => (Mechanism::EcdsaSha512, whole()),
            MechanismType::EDDSA => {
                let ed25519 = EddsaParams::new(EddsaSignatureScheme::Ed25519);
                (Mechanism::Eddsa(ed25519), whole())
            }
            _ => return None,
        };
        Some(Plan { mechanism, input })
    }

    fn choose(&self, algorithm: Algorithm, manner: Manner) -> Option<MechanismType> {
        let [bare, hashing] = both(algorithm);
        let order = match manner {
            Manner::AtOnce => [bare, hashing],
            Manner::InParts => [hashing, bare],
        };
        let mut order = order.into_iter().flatten();
        order.find(|mechanism| self.0.contains(mechanism))
    }
}

/// The mechanism that takes the hash, and the one that hashes itself.
fn both(algorithm: Algorithm) -> [Option<MechanismType>; 2] {
    let (bare, hashing) = match algorithm {
        Algorithm::RS256 => (MechanismType::RSA_PKCS, MechanismType::SHA256_RSA_PKCS),
        Algorithm::PS256 => (
            MechanismType::RSA_PKCS_PSS,
            MechanismType::SHA256_RSA_PKCS_PSS,
        ),
        Algorithm::ES256 => (MechanismType::ECDSA, MechanismType::ECDSA_SHA256),
        Algorithm::ES384 => (MechanismType::ECDSA, MechanismType::ECDSA_SHA384),
        Algorithm::ES512 => (MechanismType::ECDSA, MechanismType::ECDSA_SHA512),
        Algorithm::EdDSA => return [None, Some(MechanismType::EDDSA)],
        _ => return [None, None],
    };
    [Some(bare), Some(hashing)]
}

fn hashed(algorithm: Algorithm, message: &[u8]) -> Digest {
    let by = match algorithm {
        Algorithm::ES384 => &digest::SHA384,
        Algorithm::ES512 => &digest::SHA512,
        _ => &digest::SHA256,
    };
    digest::digest(by, message)
}

/// `DigestInfo` of SHA-256 (RFC 8017 §9.2, note 1).
fn digest_info(hash: &Digest) -> Vec<u8> {
    const SHA256: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        0x05, 0x00, 0x04, 0x20,
    ];
    [&SHA256, hash.as_ref()].concat()
}

/// MGF1 by SHA-256, and a salt as long as the hash (RFC 7518 §3.5).
fn pss() -> PkcsPssParams {
    PkcsPssParams {
        hash_alg: MechanismType::SHA256,
        mgf: PkcsMgfType::MGF1_SHA256,
        s_len: Ulong::new(32),
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::key::{KeyType, LocalKey, SigningKey as _};

    use super::*;

    fn key(key_type: KeyType) -> PublicKey {
        let (key, _) = LocalKey::generate(key_type).unwrap();
        key.public_key().clone()
    }

    #[test]
    fn a_token_signs_by_the_algorithms_that_its_mechanisms_serve() {
        let rsa = key(KeyType::Rsa { bits: 2048 });
        let of = |mechanisms: &[MechanismType], key: &PublicKey| {
            Mechanisms(mechanisms.to_vec()).algorithms(key, Manner::AtOnce)
        };
        assert_eq!(
            of(
                &[MechanismType::RSA_PKCS, MechanismType::RSA_PKCS_PSS],
                &rsa
            ),
            [Algorithm::PS256, Algorithm::RS256]
        );
        assert_eq!(of(&[MechanismType::RSA_PKCS], &rsa), [Algorithm::RS256]);
        assert_eq!(
            of(&[MechanismType::SHA256_RSA_PKCS_PSS], &rsa),
            [Algorithm::PS256]
        );
        assert_eq!(of(&[MechanismType::ECDSA], &rsa), []);
        let ec = key(KeyType::P384);
        assert_eq!(of(&[MechanismType::ECDSA_SHA384], &ec), [Algorithm::ES384]);
        assert_eq!(of(&[MechanismType::ECDSA_SHA256], &ec), []);
    }

    #[test]
    fn a_hash_is_sent_where_the_token_takes_one_and_the_message_where_it_must_hash_itself() {
        let all = Mechanisms(vec![
            MechanismType::ECDSA,
            MechanismType::ECDSA_SHA256,
            MechanismType::EDDSA,
        ]);
        let length = |algorithm, manner| {
            let plan = all.plan(algorithm, manner, &[7; 1000]).unwrap();
            plan.input.len()
        };
        assert_eq!(length(Algorithm::ES256, Manner::AtOnce), 32);
        assert_eq!(length(Algorithm::ES256, Manner::InParts), 1000);
        assert_eq!(length(Algorithm::ES384, Manner::AtOnce), 48);
        assert_eq!(length(Algorithm::ES512, Manner::AtOnce), 64);
        assert_eq!(length(Algorithm::EdDSA, Manner::AtOnce), 1000);
        assert!(all.plan(Algorithm::RS256, Manner::AtOnce, &[]).is_none());
    }
}
