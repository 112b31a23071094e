//! What is derived from the platform's login key?
//!
//! Names of things are kept as digests, and what a browser needs again is computed again from the
//! secret in its cookie: so the store holds nothing that lets anybody in.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{login::ConfirmValue, token::Binding};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use super::Release;
use crate::{random, refusal::Fault};

/// Computes digests and values under the login key.
pub(crate) struct LoginKey(hmac::Key);

/// The secret of one browser, 128 bits, as it lives in its cookie. Wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct TransactionSecret([u8; 16]);

/// Every use has a label of its own. Labels have one length, and of what follows all but the last
/// has one: no two inputs are the same, neither here nor where else the key is used.
type Label = &'static [u8; 32];

const ID: Label = b"countersign login: session id  1";
const HANDLE: Label = b"countersign login: handle      1";
const TRANSACTION: Label = b"countersign login: transaction 1";
const FORM: Label = b"countersign login: form token  1";
const LOOPBACK: Label = b"countersign login: loopback    1";
const CODE: Label = b"countersign login: code        1";
const LOOPBACK_DIGEST: Label = b"countersign login: loopback   1d";
const CODE_DIGEST: Label = b"countersign login: code       1d";

impl LoginKey {
    pub(crate) fn new(key: &[u8; 32]) -> LoginKey {
        LoginKey(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Under which name the login of a session id is kept.
    pub(crate) fn id(&self, sid: &str) -> String {
        hexadecimal(self.tag(ID, &[sid.as_bytes()]).as_ref())
    }

    /// Under which name the login of a link is kept.
    pub(crate) fn handle(&self, handle: &str) -> String {
        hexadecimal(self.tag(HANDLE, &[handle.as_bytes()]).as_ref())
    }

    /// Under which name the transaction of a browser is kept.
    pub(crate) fn transaction(&self, secret: &TransactionSecret, handle: &str) -> String {
        let tag = self.tag(TRANSACTION, &[&secret.0, handle.as_bytes()]);
        hexadecimal(tag.as_ref())
    }

    /// What a form of this browser carries, so that no other page can send it.
    pub(crate) fn form_token(&self, secret: &TransactionSecret, handle: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(FORM, &[&secret.0, handle.as_bytes()]))
    }

    /// Whether a form came from a page of this browser.
    pub(crate) fn is_form_token(
        &self,
        secret: &TransactionSecret,
        handle: &str,
        presented: &str,
    ) -> bool {
        is_same(&self.form_token(secret, handle), presented)
    }

    /// A new value that releases the token of this transaction, as it is remembered.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub(crate) fn new_release(
        &self,
        secret: &TransactionSecret,
        handle: &str,
        binding: Binding,
    ) -> Result<Release, Fault> {
        let nonce = URL_SAFE_NO_PAD.encode(random::bytes::<16>()?);
        let value = self.derive(secret, handle, binding, &nonce);
        let digest = self.value(&value, binding);
        Ok(Release::new(binding, nonce, digest))
    }

    /// The value itself, for the browser that has the secret.
    pub(crate) fn release(
        &self,
        secret: &TransactionSecret,
        handle: &str,
        release: &Release,
    ) -> ConfirmValue {
        self.derive(secret, handle, release.binding(), release.nonce())
    }

    /// By which digest a value is found again.
    pub(crate) fn value(&self, value: &ConfirmValue, binding: Binding) -> String {
        let label = match binding {
            Binding::Loopback => LOOPBACK_DIGEST,
            Binding::Code => CODE_DIGEST,
        };
        hexadecimal(self.tag(label, &[value.expose().as_bytes()]).as_ref())
    }

    fn derive(
        &self,
        secret: &TransactionSecret,
        handle: &str,
        binding: Binding,
        nonce: &str,
    ) -> ConfirmValue {
        let label = match binding {
            Binding::Loopback => LOOPBACK,
            Binding::Code => CODE,
        };
        let tag = self.tag(label, &[&secret.0, nonce.as_bytes(), handle.as_bytes()]);
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(tag.as_ref());
        match (binding, bytes.first_chunk()) {
            (Binding::Code, Some(half)) => ConfirmValue::code(half),
            _ => ConfirmValue::loopback(&bytes),
        }
    }

    fn tag(&self, label: Label, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(label);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }
}

impl TransactionSecret {
    /// A new one.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub(crate) fn generate() -> Result<TransactionSecret, Fault> {
        random::bytes().map(TransactionSecret)
    }

    /// As a cookie holds it.
    pub(crate) fn from_text(text: &str) -> Option<TransactionSecret> {
        let mut bytes = [0; 18];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let secret = bytes.get(..length).and_then(|it| it.try_into().ok());
        bytes.zeroize();
        secret.map(TransactionSecret)
    }

    /// For a cookie.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for TransactionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransactionSecret(..)")
    }
}

/// Compares what nobody may find out piece by piece.
pub(crate) fn is_same(ours: &str, theirs: &str) -> bool {
    constant_time::verify_slices_are_equal(ours.as_bytes(), theirs.as_bytes()).is_ok()
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key() -> LoginKey {
        LoginKey::new(&[0x11; 32])
    }

    fn secret(byte: u8) -> TransactionSecret {
        TransactionSecret([byte; 16])
    }

    fn release_of(binding: Binding, nonce: &str) -> Release {
        Release::new(binding, nonce.to_owned(), String::new())
    }

    #[test]
    fn the_values_are_those_that_python_computes() {
        // hmac.new(b"\x11"*32, label + b"\x22"*16 + b"A"*22 + b"handle", "sha256"), with those of
        // the parts that belong to it; the letters of a code are digits to the base 20.
        let (key, secret) = (key(), secret(0x22));
        assert_eq!(
            key.id("sid"),
            "d76256be4cd62e7077403c2c275ff930363e276116b17f31f10ad5fb540e0981"
        );
        assert_eq!(
            key.handle("handle"),
            "d4e1a1e9c5e52519467ed8b9ffeb32506e928fde26eda292697d5db77e33eb2b"
        );
        assert_eq!(
            key.transaction(&secret, "handle"),
            "47a6c492ca04d61fc67256c0f1aa9e38d3a178f9132c0eaa6d46fa708a1ebfa6"
        );
        assert_eq!(
            key.form_token(&secret, "handle"),
            "8ya6DWsTaCYp8BCi_zeDxvp8F_eL5li3Phl2hdTlvb4"
        );
        let nonce = "A".repeat(22);
        let value = |binding| key.release(&secret, "handle", &release_of(binding, &nonce));
        assert_eq!(
            value(Binding::Loopback).expose(),
            "nhWC9PIaHfKO0gtDhmkv7UZSCZMLGbm2wgM_UXLLPLg"
        );
        assert_eq!(value(Binding::Code).expose(), "NLBFXTNJ");
        assert_eq!(
            key.value(&value(Binding::Code), Binding::Code),
            "b1924ee183d3c2a2cf67e96b0f9b533046779424c59b8b44d08fa13f1ca01ff6"
        );
    }

    // login.md R4
    #[test]
    fn every_allowance_has_a_value_of_its_own() {
        let key = key();
        let mut seen = BTreeSet::new();
        for secret in [secret(1), secret(2)] {
            for handle in ["one", "other"] {
                for binding in [Binding::Loopback, Binding::Code] {
                    for _ in 0..2 {
                        let release = key.new_release(&secret, handle, binding).unwrap();
                        let value = key.release(&secret, handle, &release);
                        assert_eq!(value.binding(), binding);
                        assert!(seen.insert(value.expose().to_owned()));
                    }
                }
            }
        }
    }

    // login.md R4
    #[test]
    fn what_is_kept_of_a_value_is_its_digest() {
        let (key, secret) = (key(), secret(1));
        let release = key.new_release(&secret, "handle", Binding::Code).unwrap();
        let value = key.release(&secret, "handle", &release);
        let kept = serde_json::to_string(&release).unwrap();
        assert!(!kept.contains(value.expose()));
        assert!(kept.contains(&key.value(&value, Binding::Code)));
    }

    #[test]
    fn a_secret_survives_its_cookie_and_nothing_else_is_one() {
        let secret = TransactionSecret::generate().unwrap();
        let text = secret.to_text();
        assert_eq!(TransactionSecret::from_text(&text).unwrap().0, secret.0);
        for bad in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAA*",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(TransactionSecret::from_text(bad).is_none(), "{bad}");
        }
    }

    // security.md 112
    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", secret(1)), "TransactionSecret(..)");
    }
}
