//! Does the caller hold the key of its tokens (RFC 9449), and was this proof seen before?
//!
//! Nonces are not stored: each is an HMAC over a window of time, under a key from the secrets file,
//! so every node on one store takes the nonces of the others. For the same reason the proofs that
//! were used stand in the store: what one node took, no other takes again.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    dpop::{self, ProofRequest, VerifiedProof},
    time::UnixTime,
    token,
};

use crate::{
    refusal::{Failure, Fault, Refusal},
    secrets::Secrets,
    store::{JtiPurpose, JtiRecord, Recorded, Store},
};

/// How long a nonce is the newest, in seconds. It is accepted for one window more.
const WINDOW_S: u64 = 120;
/// Bytes of an HMAC-SHA-256 that stand in a nonce.
const TAG_BYTES: usize = 16;

/// As those of the sign-in: what is computed under the login key has a label of 32 bytes first.
const LABEL: &[u8; 32] = b"countersign proof: nonce       1";

/// Makes nonces, and verifies proofs with them.
pub(crate) struct Proofs {
    key: hmac::Key,
}

impl Proofs {
    /// With the newest login key.
    pub(crate) fn new(secrets: &Secrets) -> Result<Proofs, Fault> {
        let key = secrets
            .login_key()
            .ok_or_else(|| Fault::new("there is no login key"))?;
        Ok(Proofs {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        })
    }

    /// The nonce to be used from `now` on (RFC 9449 §8).
    pub(crate) fn nonce(&self, now: UnixTime) -> String {
        let window = now.as_secs() / WINDOW_S;
        let mut bytes = window.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.tag(window)[..TAG_BYTES]);
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

    fn is_fresh(&self, nonce: &str, now: UnixTime) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else {
            return false;
        };
        let Some((window, tag)) = bytes.split_first_chunk::<8>() else {
            return false;
        };
        let current = now.as_secs() / WINDOW_S;
        let made = u64::from_be_bytes(*window);
        (made == current || made.checked_add(1) == Some(current))
            && constant_time::verify_slices_are_equal(tag, &self.tag(made)[..TAG_BYTES]).is_ok()
    }

    fn tag(&self, window: u64) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(LABEL);
        context.update(&window.to_be_bytes());
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

/// Remembers a proof, durably, until it is too old; a second one with its `jti` is refused.
///
/// Only for whom it was found to belong to: nobody else makes the store grow.
pub(crate) async fn record_proof(store: &dyn Store, proof: &VerifiedProof) -> Result<(), Failure> {
    if proof.issued_at() < store.believed_from() {
        return Err(Refusal::ProofRepeated.into());
    }
    let record = JtiRecord {
        client_id: proof.thumbprint().to_owned(),
        purpose: JtiPurpose::Proof,
        jti: proof.jti().to_owned(),
        forget_after: proof.forget_after(),
    };
    match store.record_jti(record).await? {
        Recorded::Fresh => Ok(()),
        Recorded::Replayed => Err(Refusal::ProofRepeated.into()),
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::key::{KeyType, LocalKey};

    use super::*;
    use crate::{Rules, store::MemoryStore};

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

    fn verify(proofs: &Proofs, text: &str, now: UnixTime) -> Result<VerifiedProof, Refusal> {
        let uri = "https://platform.example/oauth2/token".parse().unwrap();
        let request = ProofRequest {
            method: &http::Method::POST,
            uri: &uri,
            access_token: None,
            nonce: None,
        };
        proofs.verify(text, &request, now)
    }

    fn proofs() -> Proofs {
        Proofs::new(&Secrets::ephemeral().unwrap()).unwrap()
    }

    // security.md 105
    #[tokio::test]
    async fn a_proof_with_our_nonce_is_taken_once_until_it_is_too_old() {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        let (proofs, store) = (proofs(), MemoryStore::new(Rules::default()));
        let text = proof(&key, Some(&proofs.nonce(NOW)), NOW, "jti-0001");
        let first = verify(&proofs, &text, NOW).unwrap();
        assert!(record_proof(&store, &first).await.is_ok());
        // Until the nonce has had its second window.
        for later in [0, WINDOW_S, 2 * WINDOW_S - 1] {
            store.cleanup(after(later), 100).await.unwrap();
            let again = verify(&proofs, &text, after(later)).unwrap();
            let refused = record_proof(&store, &again).await.unwrap_err();
            assert!(matches!(refused, Failure::Refused(it) if *it == Refusal::ProofRepeated));
        }
        let old = verify(&proofs, &text, after(2 * WINDOW_S)).unwrap_err();
        assert_eq!(old, Refusal::NonceRequired);
        assert_eq!(store.cleanup(after(600), 100).await.unwrap(), 1);
    }

    // security.md 105
    #[test]
    fn a_proof_without_a_nonce_or_with_a_foreign_one_gets_a_nonce_to_use() {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        let (proofs, foreign) = (proofs(), proofs().nonce(NOW));
        for nonce in [None, Some(foreign.as_str()), Some("AAAA"), Some("")] {
            let text = proof(&key, nonce, NOW, "jti-0001");
            let refused = verify(&proofs, &text, NOW).unwrap_err();
            assert_eq!(refused, Refusal::NonceRequired, "{nonce:?}");
        }
    }

    #[test]
    fn the_nonce_is_the_one_that_python_computes() {
        // window = struct.pack(">Q", 1_800_000_000 // 120); b64(window +
        // hmac.new(b"\x11"*32, b"countersign proof: nonce       1" + window, "sha256")[:16])
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[0x11; 32]);
        assert_eq!(
            Proofs { key }.nonce(NOW),
            "AAAAAADk4cD8U6QYIYJqH-fO27NkBaeV"
        );
    }
}
