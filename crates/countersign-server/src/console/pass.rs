//! How does the cookie of a session of the console prove itself?
//!
//! `ID.SECRET.USED.SEAL`: the id of the session, 256 random bits, when it was last used, and a seal
//! over all of these. Time without a request is counted in the browser's own cookie, so that looking
//! at a page writes nothing: whoever has an older cookie has one that is over sooner.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{opaque::TokenId, time::UnixTime};
use zeroize::Zeroizing;

use crate::{login::is_same, random, refusal::Fault};

/// What a browser holds for its session. Wiped when dropped, never printed.
#[derive(Clone)]
pub(crate) struct Pass {
    id: TokenId,
    secret: Zeroizing<[u8; SECRET]>,
    used_at: UnixTime,
}

const SECRET: usize = 32;

/// Every use has a label of its own. Labels have one length, and so has all that follows.
type Label = &'static [u8; 32];

const SESSION: Label = b"countersign console: session   1";
const LAST_USED: Label = b"countersign console: last used 1";
const FORM: Label = b"countersign console: form token1";
const ONCE: Label = b"countersign console: granted as1";

impl Pass {
    /// A new one, for a session that begins at `now`.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub(crate) fn generate(now: UnixTime) -> Result<Pass, Fault> {
        Ok(Pass {
            id: random::opaque_id(now)?,
            secret: Zeroizing::new(random::bytes()?),
            used_at: now,
        })
    }

    /// The id of its session.
    pub(crate) fn id(&self) -> &TokenId {
        &self.id
    }

    /// When its session was used, as far as this browser shows.
    pub(crate) fn used_at(&self) -> UnixTime {
        self.used_at
    }

    /// The same, used now.
    pub(crate) fn used_again(&self, now: UnixTime) -> Pass {
        Pass {
            used_at: now,
            ..self.clone()
        }
    }

    /// What the store keeps of it.
    pub(super) fn digest(&self, pepper: &[u8; 32]) -> Vec<u8> {
        self.tag(pepper, SESSION, &[]).as_ref().to_vec()
    }

    /// Whether `digest` is that of this pass.
    pub(super) fn is_of(&self, digest: &[u8], pepper: &[u8; 32]) -> bool {
        constant_time::verify_slices_are_equal(&self.digest(pepper), digest).is_ok()
    }

    /// What a form of this browser carries, so that no other page can send it.
    pub(crate) fn form_token(&self, login_key: &[u8; 32]) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(login_key, FORM, &[]))
    }

    /// Whether a form came from a page of this browser.
    pub(crate) fn is_form_token(&self, login_key: &[u8; 32], presented: &str) -> bool {
        is_same(&self.form_token(login_key), presented)
    }

    /// What a form carries that grants something: the id that this will have, which nobody but the
    /// platform chose, for this browser.
    pub(crate) fn once(&self, login_key: &[u8; 32], id: &TokenId) -> String {
        let mark = URL_SAFE_NO_PAD.encode(self.tag(login_key, ONCE, id.as_bytes()));
        format!("{id}.{mark}")
    }

    /// The id in what a form carried. `None` for what no page of this browser had.
    pub(crate) fn id_of_once(&self, login_key: &[u8; 32], presented: &str) -> Option<TokenId> {
        let id = TokenId::parse(presented.split_once('.')?.0).ok()?;
        is_same(&self.once(login_key, &id), presented).then_some(id)
    }

    /// For a cookie.
    pub(crate) fn to_text(&self, login_key: &[u8; 32]) -> Zeroizing<String> {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.secret.as_ref()));
        Zeroizing::new(format!(
            "{}.{}.{}.{}",
            self.id,
            *secret,
            self.used_at.as_secs(),
            self.seal(login_key),
        ))
    }

    /// From a cookie. `None` for what was not sealed by this platform.
    pub(crate) fn from_text(text: &str, login_key: &[u8; 32]) -> Option<Pass> {
        let mut parts = text.split('.');
        let (id, secret, used_at, seal) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || used_at.len() > 19 {
            return None;
        }
        let mut bytes = Zeroizing::new([0; SECRET + 2]);
        let length = URL_SAFE_NO_PAD.decode_slice(secret, &mut *bytes).ok()?;
        let pass = Pass {
            id: TokenId::parse(id).ok()?,
            secret: Zeroizing::new(bytes.get(..length)?.try_into().ok()?),
            used_at: UnixTime::from_secs(used_at.parse().ok()?),
        };
        is_same(&pass.seal(login_key), seal).then_some(pass)
    }

    fn seal(&self, login_key: &[u8; 32]) -> String {
        let used_at = self.used_at.as_secs().to_be_bytes();
        URL_SAFE_NO_PAD.encode(self.tag(login_key, LAST_USED, &used_at))
    }

    fn tag(&self, key: &[u8; 32], label: Label, more: &[u8]) -> hmac::Tag {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut context = hmac::Context::with_key(&key);
        context.update(label);
        context.update(self.id.as_bytes());
        context.update(self.secret.as_ref());
        context.update(more);
        context.sign()
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pass(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [0x11; 32];

    fn pass() -> Pass {
        Pass {
            id: TokenId::from_bytes([0x33; 16]),
            secret: Zeroizing::new([0x22; 32]),
            used_at: UnixTime::from_secs(1_795_336_200),
        }
    }

    #[test]
    fn the_values_are_those_that_python_computes() {
        // hmac.new(b"\x11"*32, label + b"\x33"*16 + b"\x22"*32 + more, "sha256")
        let hexadecimal: String = pass()
            .digest(&KEY)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hexadecimal,
            "16ea26fa1d24768da00530f7c40046deeac7f9d5a002f5849ea115e03264e4f7"
        );
        assert_eq!(
            pass().form_token(&KEY),
            "5U6CGrmlHVtxawUn43wY0EeMo7iU8Mx38ubVeLe6Dd4"
        );
        assert_eq!(
            pass().seal(&KEY),
            "5DNeRyuLtWNIMnM91ECD5HPuL35KhTpObC8OcNze_UI"
        );
        assert_eq!(
            pass().once(&KEY, &TokenId::from_bytes([0x44; 16])),
            "24ofvGlDrNXOhwZPR64Bd6.8xN8eoAgs-GTaqcYMdMsQjE2cjLV5V_f_ax03OUvLp4"
        );
    }

    #[test]
    fn a_pass_survives_its_cookie_and_nothing_else_is_one() {
        let text = pass().to_text(&KEY);
        let read = Pass::from_text(&text, &KEY).unwrap();
        assert_eq!(read.id, pass().id);
        assert_eq!(read.secret, pass().secret);
        assert_eq!(read.used_at, pass().used_at);
        assert!(Pass::from_text(&text, &[0x12; 32]).is_none());
        for end in 0..text.len() {
            assert!(Pass::from_text(&text[..end], &KEY).is_none(), "{end}");
        }
        let later = text.replace("1795336200", "1795339999");
        assert_ne!(later, *text);
        for bad in [
            "",
            "...",
            later.as_str(),
            &format!("{}.", *text),
            &format!("{} ", *text),
        ] {
            assert!(Pass::from_text(bad, &KEY).is_none(), "{bad}");
        }
        for at in 0..text.len() {
            let other = if &text[at..=at] == "1" { "2" } else { "1" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(Pass::from_text(&changed, &KEY).is_none(), "{changed}");
        }
    }

    #[test]
    fn the_id_that_a_form_carries_is_one_that_the_platform_chose_for_this_browser() {
        let id = TokenId::from_bytes([0x44; 16]);
        let once = pass().once(&KEY, &id);
        assert_eq!(pass().id_of_once(&KEY, &once), Some(id));
        let other = Pass {
            secret: Zeroizing::new([0x23; 32]),
            ..pass()
        };
        assert_eq!(other.id_of_once(&KEY, &once), None);
        assert_eq!(pass().id_of_once(&[0x12; 32], &once), None);
        let of_another = TokenId::from_bytes([0x45; 16]).to_string() + &once[22..];
        for bad in ["", ".", &once[..22], &once[..once.len() - 1], &of_another] {
            assert_eq!(pass().id_of_once(&KEY, bad), None, "{bad}");
        }
    }

    // security.md 112
    #[test]
    fn a_pass_is_never_printed() {
        assert_eq!(format!("{:?}", pass()), "Pass(..)");
    }
}
