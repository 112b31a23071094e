//! Does the caller hold the key of its tokens (RFC 9449), and was this proof seen before?
//!
//! Nonces are not stored: each is an HMAC over a window of time, under a key that lives as long
//! as the process. A proof is good for two windows at most, so what must be remembered against
//! replay is two windows of digests in memory, and a restart ends every proof.

use std::{collections::HashSet, sync::Mutex};

use aws_lc_rs::{digest, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    dpop::{self, ProofRequest, VerifiedProof},
    time::UnixTime,
    token,
};

use crate::{
    random,
    refusal::{Fault, Refusal},
};

/// How long a nonce is the newest, in seconds. It is accepted for one window more.
const WINDOW_S: u64 = 120;
/// Bytes of an HMAC-SHA-256 that stand in a nonce.
const TAG_BYTES: usize = 16;

/// Makes nonces and remembers proofs.
pub(crate) struct Proofs {
    key: hmac::Key,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    window: u64,
    current: HashSet<[u8; 32]>,
    previous: HashSet<[u8; 32]>,
}

impl Proofs {
    /// With a fresh key.
    pub(crate) fn new() -> Result<Proofs, Fault> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()?);
        Ok(Proofs {
            key,
            seen: Mutex::default(),
        })
    }

    /// The nonce to be used from `now` on (RFC 9449 §8).
    pub(crate) fn nonce(&self, now: UnixTime) -> String {
        let window = now.as_secs() / WINDOW_S;
        let tag = hmac::sign(&self.key, &window.to_be_bytes());
        let mut bytes = window.to_be_bytes().to_vec();
        bytes.extend_from_slice(&tag.as_ref()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Verifies a proof, with a nonce of ours, against the request it came with. Not yet recorded.
    pub(crate) fn verify(
        &self,
        proof: &str,
        request: &ProofRequest<'_>,
        now: UnixTime,
    ) -> Result<VerifiedProof, Refusal> {
        let claimed = token::inspect(proof)
            .and_then(|parts| parts.claims.get("nonce")?.as_str().map(str::to_owned))
            .filter(|nonce| self.is_fresh(nonce, now))
            .ok_or(Refusal::NonceRequired)?;
        let request = ProofRequest {
            nonce: Some(&claimed),
            ..request.clone()
        };
        dpop::verify(proof, &request, now).map_err(Refusal::Proof)
    }

    /// Remembers a proof; a second one with its `jti` is refused.
    pub(crate) fn record(&self, proof: &VerifiedProof, now: UnixTime) -> Result<(), Refusal> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(proof.thumbprint().as_bytes());
        context.update(b".");
        context.update(proof.jti().as_bytes());
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        let mut seen = match self.seen.lock() {
            Ok(seen) => seen,
            Err(poisoned) => poisoned.into_inner(),
        };
        seen.turn(now.as_secs() / WINDOW_S);
        if seen.previous.contains(&id) || !seen.current.insert(id) {
            return Err(Refusal::ProofRepeated);
        }
        Ok(())
    }

    fn is_fresh(&self, nonce: &str, now: UnixTime) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else {
            return false;
        };
        let Some((window, tag)) = bytes.split_first_chunk::<8>() else {
            return false;
        };
        let current = now.as_secs() / WINDOW_S;
        let made = u64::from_be_bytes(*window);
        let expected = hmac::sign(&self.key, window);
        (made == current || made.checked_add(1) == Some(current))
            && aws_lc_rs::constant_time::verify_slices_are_equal(
                tag,
                &expected.as_ref()[..TAG_BYTES],
            )
            .is_ok()
    }
}

impl Seen {
    /// Forgets what no nonce in force can carry any more. A clock that steps back forgets nothing.
    fn turn(&mut self, window: u64) {
        if window > self.window {
            let old = std::mem::take(&mut self.current);
            self.previous = if window == self.window + 1 {
                old
            } else {
                HashSet::new()
            };
            self.window = window;
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::key::{KeyType, LocalKey};

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn after(seconds: u64) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + seconds)
    }

    fn proof(key: &LocalKey, nonce: Option<&str>, now: UnixTime, jti: &str) -> String {
        let uri = "https://platform.example/oauth2/token".parse().unwrap();
        let request = ProofRequest {
            method: &http::Method::POST,
            uri: &uri,
            access_token: None,
            nonce,
        };
        dpop::mint(&request, key, now, jti).unwrap()
    }

    fn check(proofs: &Proofs, text: &str, now: UnixTime) -> Result<(), Refusal> {
        let uri = "https://platform.example/oauth2/token".parse().unwrap();
        let request = ProofRequest {
            method: &http::Method::POST,
            uri: &uri,
            access_token: None,
            nonce: None,
        };
        let verified = proofs.verify(text, &request, now)?;
        proofs.record(&verified, now)
    }

    // security.md 105
    #[test]
    fn a_proof_with_our_nonce_is_taken_once() {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        let proofs = Proofs::new().unwrap();
        let text = proof(&key, Some(&proofs.nonce(NOW)), NOW, "jti-0001");
        assert_eq!(check(&proofs, &text, NOW), Ok(()));
        assert_eq!(check(&proofs, &text, NOW), Err(Refusal::ProofRepeated));
    }

    // security.md 105
    #[test]
    fn a_proof_is_still_remembered_when_the_window_turns() {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        let proofs = Proofs::new().unwrap();
        let text = proof(&key, Some(&proofs.nonce(NOW)), NOW, "jti-0001");
        assert_eq!(check(&proofs, &text, NOW), Ok(()));
        assert_eq!(
            check(&proofs, &text, after(WINDOW_S)),
            Err(Refusal::ProofRepeated)
        );
        assert_eq!(
            check(&proofs, &text, after(2 * WINDOW_S)),
            Err(Refusal::NonceRequired)
        );
    }

    // security.md 105
    #[test]
    fn a_proof_without_a_nonce_or_with_a_foreign_one_gets_a_nonce_to_use() {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        let proofs = Proofs::new().unwrap();
        let foreign = Proofs::new().unwrap().nonce(NOW);
        for nonce in [None, Some(foreign.as_str()), Some("AAAA"), Some("")] {
            let text = proof(&key, nonce, NOW, "jti-0001");
            assert_eq!(
                check(&proofs, &text, NOW),
                Err(Refusal::NonceRequired),
                "{nonce:?}"
            );
        }
    }
}
