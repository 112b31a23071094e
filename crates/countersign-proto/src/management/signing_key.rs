//! What does the management API say about the keys that sign tokens: `/api/v1/keys`?

use serde::{Deserialize, Serialize};

use crate::time::UnixTime;

/// Where a key of the issuer stands. It goes on from state to state and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningKeyState {
    /// Published, and signs later: whoever verifies has it before it is needed.
    Announced,
    /// Signs what is issued.
    Active,
    /// Signs no more, and verifies what it signed.
    Retiring,
    /// Neither signs nor verifies. Its private part is gone.
    Retired,
}

impl SigningKeyState {
    /// Each, in the order in which they follow each other.
    pub const ALL: [SigningKeyState; 4] = [
        SigningKeyState::Announced,
        SigningKeyState::Active,
        SigningKeyState::Retiring,
        SigningKeyState::Retired,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            SigningKeyState::Announced => "announced",
            SigningKeyState::Active => "active",
            SigningKeyState::Retiring => "retiring",
            SigningKeyState::Retired => "retired",
        }
    }

    /// Reads what [`SigningKeyState::name`] writes.
    pub fn from_name(name: &str) -> Option<SigningKeyState> {
        SigningKeyState::ALL
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// A key by which the platform signs its tokens: `/api/v1/keys/{kid}`. Nothing of the key itself is
/// here; its public part stands in the JWK set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKeyInfo {
    /// Its name in the JWK set: its RFC 7638 thumbprint.
    pub kid: String,
    /// Its `alg`.
    pub algorithm: String,
    /// Where it stands now.
    pub state: SigningKeyState,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it begins to sign, or began. A key that was retired before never did.
    pub active_at: UnixTime,
    /// When it stopped to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<UnixTime>,
    /// When it stops to verify, or stopped; absent while it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires_at: Option<UnixTime>,
}

/// Asks for a new signing key: `POST /api/v1/keys/rotate`. Answered with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// An emergency: the new key signs at once, though nobody has seen it published. Needs a reason.
    #[serde(default)]
    pub at_once: bool,
    /// Only with `at_once`: every older key verifies nothing from now on, so that every token that
    /// was signed is refused.
    #[serde(default)]
    pub retire_old: bool,
    /// For the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_as_it_is_named_and_read_back() {
        for state in SigningKeyState::ALL {
            let written = serde_json::to_value(state).unwrap();
            assert_eq!(written, state.name());
            assert_eq!(SigningKeyState::from_name(state.name()), Some(state));
        }
        assert_eq!(SigningKeyState::from_name("Active"), None);
    }

    #[test]
    fn a_rotation_without_members_is_the_usual_one() {
        let usual: KeyRotation = serde_json::from_str("{}").unwrap();
        assert_eq!(usual, KeyRotation::default());
        assert!(!usual.at_once && !usual.retire_old);
        assert!(serde_json::from_str::<KeyRotation>(r#"{"now":true}"#).is_err());
    }
}
