//! Which signatures were verified a moment ago, so that they need not be again?
//!
//! A signature that was good stays good: only that is remembered, by the digest of the whole token.
//! Whether its key is believed, its time has come and its audience is the right one, and whether
//! what earned it is still there, is asked at each use.

use std::sync::Arc;

use aws_lc_rs::digest;
use countersign_proto::{time::UnixTime, token::SignedClaims};
use quick_cache::sync::Cache;

use crate::keys::IssuerKeys;

/// Tokens that are remembered: those in use at a time, of some hundred bytes each.
const REMEMBERED_MAX: usize = 10_000;

/// Tokens of this issuer whose signature was verified.
pub(crate) struct VerifiedTokens {
    known: Cache<[u8; 32], Arc<SignedClaims>>,
    #[cfg(test)]
    verified: std::sync::atomic::AtomicU64,
}

impl VerifiedTokens {
    /// None yet.
    pub(crate) fn new() -> VerifiedTokens {
        VerifiedTokens {
            known: Cache::new(REMEMBERED_MAX),
            #[cfg(test)]
            verified: Default::default(),
        }
    }

    /// How many signatures were verified.
    #[cfg(test)]
    pub(crate) fn verified(&self) -> u64 {
        self.verified.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// For which service a token is whose signature was verified a moment ago.
    pub(in crate::service) fn audience(&self, token: &str) -> Option<String> {
        let known = self.known.get(&digest_of(token)?)?;
        Some(known.audience().to_owned())
    }

    /// What a token says that one of `keys` signed.
    pub(super) fn verify(
        &self,
        token: &str,
        keys: &IssuerKeys,
        now: UnixTime,
    ) -> Option<Arc<SignedClaims>> {
        let name = digest_of(token);
        if let Some(known) = name.and_then(|name| self.known.get(&name)) {
            // A name is the thumbprint of its key, so it is that very key.
            return keys.verifying(known.kid(), now).is_some().then_some(known);
        }
        let signed = SignedClaims::verify(token, |kid| keys.verifying(kid, now)).ok()?;
        #[cfg(test)]
        self.verified
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let signed = Arc::new(signed);
        if let Some(name) = name {
            self.known.insert(name, Arc::clone(&signed));
        }
        Some(signed)
    }
}

fn digest_of(token: &str) -> Option<[u8; 32]> {
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    digest.as_ref().try_into().ok()
}
