//! How was an interactive token released, and of which login is it?

use std::fmt;

use super::{TokenKind, mistyped};
use crate::jws::{ClaimError, Claims};

/// How the value that released an interactive token came from the browser to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The browser carried it to a port of the same machine.
    Loopback,
    /// A person read it in the browser and typed it in the terminal.
    Code,
}

impl Binding {
    /// Every way, preferred first.
    pub const ALL: [Binding; 2] = [Binding::Loopback, Binding::Code];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Binding::Loopback => "loopback",
            Binding::Code => "code",
        }
    }

    /// Reads the name on the wire.
    pub fn from_name(name: &str) -> Option<Binding> {
        Binding::ALL
            .into_iter()
            .find(|binding| binding.name() == name)
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an interactive token says about its login, and what no other token may say.
pub(super) fn login(
    claims: &Claims,
    kind: TokenKind,
) -> Result<(Option<String>, Option<Binding>), ClaimError> {
    if kind != TokenKind::Interactive {
        return match ["sid", "binding"]
            .into_iter()
            .find(|claim| claims.members().contains_key(*claim))
        {
            Some(claim) => Err(mistyped(claim)),
            None => Ok((None, None)),
        };
    }
    let session = claims.string("sid")?.to_owned();
    let binding = Binding::from_name(claims.string("binding")?).ok_or(mistyped("binding"))?;
    Ok((Some(session), Some(binding)))
}
