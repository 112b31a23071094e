//! What does a token of the dialect say of itself?
//!
//! It is its server's business, and nobody here can verify it: what is read serves to know when to ask
//! for another, and to be shown.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    json::{self, Limits, Map, Value},
    showable::is_showable_as_it_is,
    time::UnixTime,
    token::AccessToken,
};

/// The parts of a token that are JSON. Nothing here was verified.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    /// The first part.
    pub header: Map<String, Value>,
    /// The second part of a JWT.
    pub claims: Map<String, Value>,
}

/// Looks into a token: a JWT, or one whose first part says something. `None` when it is opaque.
pub fn look_into(token: &AccessToken) -> Option<Inside> {
    let parts: Vec<&str> = token.expose().split('.').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let (header, claims) = (object(parts[0]), object(parts[1]));
    if header.is_none() && claims.is_none() {
        return None;
    }
    Some(Inside {
        header: header.unwrap_or_default(),
        claims: claims.unwrap_or_default(),
    })
}

impl Inside {
    /// When the token ends: `exp` of a JWT (RFC 7519 §4.1.4), else the `Expiration` of a token whose
    /// first part says it.
    pub fn expires_at(&self) -> Option<UnixTime> {
        let seconds = |value: &Value| value.as_u64().map(UnixTime::from_secs);
        let written = |value: &Value| UnixTime::parse(value.as_str()?);
        let claimed = self.claims.get("exp").and_then(seconds);
        claimed.or_else(|| self.header.get("Expiration").and_then(written))
    }

    /// Who it stands for, by the first of the names that servers are known to use. Never more than
    /// 256 characters, and nothing in it plays with its reader.
    pub fn principal(&self) -> Option<&str> {
        let members = [&self.header, &self.claims];
        let names = ["Principal", "unique_name", "upn"];
        let mut found = names
            .iter()
            .flat_map(|name| members.iter().filter_map(|part| part.get(*name)?.as_str()));
        found.find(|name| is_showable_as_it_is(name, 256))
    }
}

/// Both alphabets, with padding or without.
fn object(part: &str) -> Option<Map<String, Value>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(false);
    let engine = match part.contains(['+', '/']) {
        true => GeneralPurpose::new(&alphabet::STANDARD, config),
        false => GeneralPurpose::new(&alphabet::URL_SAFE, config),
    };
    json::object(&engine.decode(part).ok()?, &Limits::DOCUMENT).ok()
}
