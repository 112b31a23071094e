//! Which `state`, `nonce` and PKCE verifier belong to one browser transaction?
//!
//! They are derived from the transaction's secret, which lives in that browser's cookie, under a
//! key of the platform: nothing is stored for a page that was opened, and a callback is believed
//! only with the cookie that made its `state` (login.md R2).

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// What goes to the provider for one browser transaction. 43 characters of base64url each.
pub(crate) struct TransactionKeys {
    /// `state` (RFC 6749 §4.1.1)
    pub(crate) state: String,
    /// `nonce` (OpenID Connect Core 1.0 §3.1.2.1)
    pub(crate) nonce: String,
    /// `code_verifier` (RFC 7636 §4.1); wiped when dropped.
    pub(crate) verifier: Zeroizing<String>,
}

impl TransactionKeys {
    /// Of the transaction with this secret, of the login with this handle.
    pub(crate) fn derive(login_key: &[u8; 32], secret: &[u8; 16], handle: &str) -> TransactionKeys {
        let key = hmac::Key::new(hmac::HMAC_SHA256, login_key);
        // Each use has a label of its own, and all parts but the last are of one length: no two
        // inputs are the same, neither here nor in another use of the key.
        let derived = |label: &[u8; 32]| {
            let mut context = hmac::Context::with_key(&key);
            context.update(label);
            context.update(secret);
            context.update(handle.as_bytes());
            Zeroizing::new(URL_SAFE_NO_PAD.encode(context.sign()))
        };
        TransactionKeys {
            state: String::clone(&derived(b"countersign login: oidc state  1")),
            nonce: String::clone(&derived(b"countersign login: oidc nonce  1")),
            verifier: derived(b"countersign login: pkce verifier"),
        }
    }
}

/// `state` and `nonce` are seen by the browser; the verifier is seen by nobody.
impl fmt::Debug for TransactionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [0x11; 32];
    const SECRET: [u8; 16] = [0x22; 16];

    // login.md R2
    #[test]
    fn every_value_depends_on_the_key_the_secret_and_the_handle() {
        let all = |keys: &TransactionKeys| {
            [
                keys.state.clone(),
                keys.nonce.clone(),
                keys.verifier.to_string(),
            ]
        };
        let mut seen = std::collections::BTreeSet::new();
        for (key, secret, handle) in [
            (KEY, SECRET, "handle"),
            ([0x12; 32], SECRET, "handle"),
            (KEY, [0x23; 16], "handle"),
            (KEY, SECRET, "handlf"),
            (KEY, SECRET, ""),
        ] {
            let keys = TransactionKeys::derive(&key, &secret, handle);
            for value in all(&keys) {
                assert_eq!(
                    value.len(),
                    43,
                    "RFC 7636 §4.1 asks for 43 to 128 characters"
                );
                assert!(
                    value
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                );
                assert!(seen.insert(value), "no two are the same");
            }
            assert_eq!(
                all(&TransactionKeys::derive(&key, &secret, handle)),
                all(&keys),
                "the same cookie makes the same values again"
            );
        }
    }

    #[test]
    fn the_values_are_those_that_python_computes() {
        // base64.urlsafe_b64encode(hmac.new(b"\x11"*32, label + b"\x22"*16 + b"handle",
        //   "sha256").digest()).rstrip(b"=")
        let keys = TransactionKeys::derive(&KEY, &SECRET, "handle");
        assert_eq!(keys.state, "EFziXhNNFTh0jS-iL0apoWnrsjJxZOZ_jyU7sfx5wSU");
        assert_eq!(keys.nonce, "-Qdx_X2oBaKcSba-0Whr0G3K2x0dcpRRh3CeS2iRPAE");
        assert_eq!(
            *keys.verifier,
            "NBdPCrgwAE2M_sCZm4xxLMFEcDHCyuGBafpRZGSIK-8"
        );
    }

    #[test]
    fn the_values_are_never_printed() {
        let keys = TransactionKeys::derive(&KEY, &SECRET, "handle");
        assert_eq!(format!("{keys:?}"), "TransactionKeys(..)");
    }
}
