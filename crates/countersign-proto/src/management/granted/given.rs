//! How does the string of a granted token cross the wire: once out, or in from another platform?

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{GrantedToken, NewToken};
use crate::{
    json::{self, JsonError, Limits, Map, Value, Wiped},
    token::AccessToken,
};

/// A token that was granted or rotated, with its string: shown once. Wiped when dropped, never
/// printed.
pub struct GivenToken {
    token: Zeroizing<String>,
    /// What is known of it.
    pub granted: GrantedToken,
}

/// A token of another platform that is to go on working here: `POST /api/v1/tokens/import`. Its
/// digest is taken at once, and the string is kept nowhere. Wiped when dropped, never printed.
pub struct ImportedToken {
    token: Zeroizing<String>,
    /// What it is to be here. Its `form` is `imported`, whatever is said.
    pub terms: NewToken,
    /// It is listed and refused from the start.
    pub revoked: bool,
}

impl GivenToken {
    /// A string and what is known of it.
    pub fn new(token: &str, granted: GrantedToken) -> GivenToken {
        GivenToken {
            token: Zeroizing::new(token.to_owned()),
            granted,
        }
    }

    /// The string, to be handed out and nowhere else.
    pub fn expose(&self) -> &str {
        &self.token
    }

    /// The JSON body: `{"token":"…","granted":{…}}` (wiped when dropped).
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
            granted: &'a GrantedToken,
        }
        json::written_once(&Body {
            token: &self.token,
            granted: &self.granted,
        })
    }

    /// Reads the JSON body.
    ///
    /// # Errors
    ///
    /// Not acceptable JSON, or a member is absent or mistyped.
    pub fn from_json(body: &[u8]) -> Result<GivenToken, JsonError> {
        let mut members = Wiped::new(json::object(body, &LIMITS)?);
        let granted = members.take("granted").unwrap_or_default();
        let token = text(&mut members)?;
        // It is put into headers and lines of a shell.
        if !AccessToken::is_token(&token) {
            return Err(JsonError::Member("token"));
        }
        Ok(GivenToken {
            token,
            granted: serde_json::from_value(granted).map_err(|_| JsonError::Member("granted"))?,
        })
    }
}

impl ImportedToken {
    /// A string and what it is to be here.
    pub fn new(token: &str, terms: NewToken) -> ImportedToken {
        ImportedToken {
            token: Zeroizing::new(token.to_owned()),
            terms,
            revoked: false,
        }
    }

    /// The string, to be digested and nowhere else.
    pub fn expose(&self) -> &str {
        &self.token
    }

    /// The JSON body: the members of [`NewToken`], `token` and `revoked` (wiped when dropped).
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
            revoked: bool,
            #[serde(flatten)]
            terms: &'a NewToken,
        }
        json::written_once(&Body {
            token: &self.token,
            revoked: self.revoked,
            terms: &self.terms,
        })
    }

    /// Reads the JSON body.
    ///
    /// # Errors
    ///
    /// Not acceptable JSON; `token` or `revoked` is absent or mistyped; or
    /// [`JsonError::Member`] of `terms`, when the rest is not a [`NewToken`].
    pub fn from_json(body: &[u8]) -> Result<ImportedToken, JsonError> {
        let mut members = Wiped::new(json::object(body, &LIMITS)?);
        let token = text(&mut members)?;
        let revoked = match members.take("revoked") {
            None => false,
            Some(Value::Bool(revoked)) => revoked,
            Some(_) => return Err(JsonError::Member("revoked")),
        };
        let rest = Value::Object(Map::clone(&members));
        Ok(ImportedToken {
            token,
            terms: serde_json::from_value(rest).map_err(|_| JsonError::Member("terms"))?,
            revoked,
        })
    }
}

impl fmt::Debug for GivenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenToken")
            .field("id", &self.granted.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ImportedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedToken")
            .field("name", &self.terms.name)
            .finish_non_exhaustive()
    }
}

/// Tokens of other platforms may be JWTs of many claims.
const LIMITS: Limits = Limits {
    bytes: 64 * 1024,
    depth: 4,
    members: 64,
    string: 16 * 1024,
};

/// Takes the string out.
fn text(members: &mut Wiped) -> Result<Zeroizing<String>, JsonError> {
    match members.take("token") {
        Some(Value::String(token)) => Ok(Zeroizing::new(token)),
        _ => Err(JsonError::Member("token")),
    }
}

#[cfg(test)]
mod tests;
