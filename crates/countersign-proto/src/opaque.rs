//! How is a token string written that says only to its issuer what it is?
//!
//! `[label--]<prefix>_<kind>_<id><secret><checksum>`: the label is for people and is never trusted,
//! the id is public, the secret opens, and the checksum lets a scanner or a typing error be
//! recognised without asking anybody.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

mod base62;
mod crc32;

/// What an opaque token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpaqueKind {
    /// `pat`: a person's own, for programs.
    PersonalAccess,
    /// `app`: an application's.
    App,
    /// `sys`: of no identity.
    System,
    /// `rt`: refreshes a session.
    Refresh,
}

impl OpaqueKind {
    /// Every kind.
    pub const ALL: [OpaqueKind; 4] = [
        OpaqueKind::PersonalAccess,
        OpaqueKind::App,
        OpaqueKind::System,
        OpaqueKind::Refresh,
    ];

    /// The name in the string.
    pub const fn name(self) -> &'static str {
        match self {
            OpaqueKind::PersonalAccess => "pat",
            OpaqueKind::App => "app",
            OpaqueKind::System => "sys",
            OpaqueKind::Refresh => "rt",
        }
    }

    /// Reads the name in the string.
    pub fn from_name(name: &str) -> Option<OpaqueKind> {
        OpaqueKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The public id of an opaque token: 128 bits as 22 base62 characters, which sort as the bits do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; 16]);

impl TokenId {
    /// Characters of an id.
    pub const LENGTH: usize = 22;

    /// From 128 bits: a UUIDv7.
    pub const fn from_bytes(bytes: [u8; 16]) -> TokenId {
        TokenId(bytes)
    }

    /// The 128 bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the 22 characters.
    ///
    /// # Errors
    ///
    /// [`OpaqueError::Length`], [`OpaqueError::Character`] or [`OpaqueError::Range`].
    pub fn parse(text: &str) -> Result<TokenId, OpaqueError> {
        if text.len() != TokenId::LENGTH {
            return Err(OpaqueError::Length);
        }
        base62::decode(text.as_bytes()).map(TokenId)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TokenId::LENGTH];
        base62::encode(&self.0, &mut text);
        text.iter()
            .try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// An opaque token. It is wiped when dropped, and only its kind and id are ever shown.
pub struct OpaqueToken {
    text: Zeroizing<String>,
    kind: OpaqueKind,
    id: TokenId,
    secret: Zeroizing<[u8; 32]>,
}

/// Why a text is no opaque token. All can be told without asking the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpaqueError {
    /// It does not begin with the prefix.
    Prefix,
    /// It names no kind.
    Kind,
    /// Too short or too long.
    Length,
    /// A character outside `0-9 A-Z a-z`.
    Character,
    /// The characters stand for a number that is too large.
    Range,
    /// The checksum is of another text: a typing error.
    Checksum,
}

impl OpaqueToken {
    /// The prefix of a platform for which none was set.
    pub const PREFIX: &'static str = "csn";

    /// Whether a platform may have this prefix: 1 to 16 characters of `a-z 0-9`.
    pub fn is_prefix(text: &str) -> bool {
        let permitted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=16).contains(&text.len()) && text.bytes().all(permitted)
    }

    /// The regular expression by which a secret scanner finds the tokens of a platform, without
    /// their label. It also finds strings whose checksum does not fit: [`OpaqueToken::parse`] tells
    /// them apart.
    ///
    /// It is understood alike by RE2, PCRE, Python, JavaScript and `grep -E` of GNU.
    pub fn scanner_pattern(prefix: &str) -> String {
        let kinds = OpaqueKind::ALL.map(OpaqueKind::name).join("|");
        format!(r"\b{prefix}_({kinds})_[0-9A-Za-z]{{{BODY}}}\b")
    }

    /// Writes a token. `prefix` is the platform's, `csn` unless it was set.
    pub fn compose(prefix: &str, kind: OpaqueKind, id: &TokenId, secret: &[u8; 32]) -> OpaqueToken {
        let mut body = Zeroizing::new([0; BODY]);
        base62::encode(&id.0, &mut body[..ID]);
        base62::encode(secret, &mut body[ID..CHECKSUM_AT]);

        let head = prefix.len() + kind.name().len() + 2;
        // Once: growing would leave a copy of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(head + BODY));
        text.push_str(prefix);
        text.push('_');
        text.push_str(kind.name());
        text.push('_');
        text.extend(body[..CHECKSUM_AT].iter().copied().map(char::from));
        let checksum = crc32::of(text.as_bytes());
        base62::encode(&checksum.to_be_bytes(), &mut body[CHECKSUM_AT..]);
        text.extend(body[CHECKSUM_AT..].iter().copied().map(char::from));
        OpaqueToken {
            text,
            kind,
            id: *id,
            secret: Zeroizing::new(*secret),
        }
    }

    /// Reads a token. Everything up to a last `--` is a label, and dropped.
    ///
    /// # Errors
    ///
    /// [`OpaqueError`] names the first thing that does not hold.
    pub fn parse(text: &str, prefix: &str) -> Result<OpaqueToken, OpaqueError> {
        let text = text.rsplit_once("--").map_or(text, |(_label, token)| token);
        let (kind, body) = text
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(OpaqueError::Prefix)?
            .split_once('_')
            .ok_or(OpaqueError::Kind)?;
        let kind = OpaqueKind::from_name(kind).ok_or(OpaqueError::Kind)?;
        if body.len() != BODY {
            return Err(OpaqueError::Length);
        }
        let body = body.as_bytes();
        let id = base62::decode(&body[..ID])?;
        let mut secret = Zeroizing::new([0; 32]);
        let mut decoded: [u8; 32] = base62::decode(&body[ID..CHECKSUM_AT])?;
        secret.copy_from_slice(&decoded);
        decoded.zeroize();
        let checksum = u32::from_be_bytes(base62::decode(&body[CHECKSUM_AT..])?);
        let before = text.len() - CHECKSUM;
        if crc32::of(&text.as_bytes()[..before]) != checksum {
            return Err(OpaqueError::Checksum);
        }
        Ok(OpaqueToken {
            text: Zeroizing::new(text.to_owned()),
            kind,
            id: TokenId(id),
            secret,
        })
    }

    /// What a text says it is, if it has the form of such a token, whatever its prefix. Nobody has
    /// vouched for it. `None` when it is of another form, which may be that of another issuer.
    ///
    /// # Errors
    ///
    /// [`OpaqueError::Checksum`] when it has the form and was not copied whole: no issuer knows it.
    pub fn claimed_kind(text: &str) -> Option<Result<OpaqueKind, OpaqueError>> {
        let text = text.rsplit_once("--").map_or(text, |(_label, token)| token);
        let (prefix, rest) = text.split_once('_')?;
        let (kind, body) = rest.split_once('_')?;
        let kind = OpaqueKind::from_name(kind).filter(|_| OpaqueToken::is_prefix(prefix))?;
        if body.len() != BODY || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (before, checksum) = text.split_at(text.len() - CHECKSUM);
        let fits = base62::decode(checksum.as_bytes())
            .is_ok_and(|checksum| u32::from_be_bytes(checksum) == crc32::of(before.as_bytes()));
        Some(if fits {
            Ok(kind)
        } else {
            Err(OpaqueError::Checksum)
        })
    }

    /// What it is for.
    pub fn kind(&self) -> OpaqueKind {
        self.kind
    }

    /// Its public name.
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The whole string without a label, to be handed out or digested and nowhere else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The secret, to derive from and nowhere else.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

/// Shows kind and id.
impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueToken")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for OpaqueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpaqueError::Prefix => "the token does not begin with the prefix of this platform",
            OpaqueError::Kind => "the token is of no kind that is known here",
            OpaqueError::Length => "the token is too short or too long",
            OpaqueError::Character => "the token holds a character that no token has",
            OpaqueError::Range => "the token holds a number that is too large",
            OpaqueError::Checksum => "the token's checksum does not fit: was it copied whole?",
        })
    }
}

impl std::error::Error for OpaqueError {}

/// Characters of the id, of the secret, and of the checksum.
const ID: usize = TokenId::LENGTH;
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const CHECKSUM_AT: usize = ID + SECRET;
const BODY: usize = CHECKSUM_AT + CHECKSUM;

#[cfg(test)]
mod tests;
