//! What does the store keep of a person who signs in with a password?

use std::fmt;

use countersign_proto::time::UnixTime;

use super::NewAuditEntry;
use crate::registry::{PLATFORM_PRINCIPAL, RegistryError};

/// The password of a principal.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Whose.
    pub principal: String,
    /// Its Argon2id hash as a PHC string.
    pub password: String,
    /// When it was set.
    pub changed_at: UnixTime,
}

/// A hash that takes the place of another of the same password.
#[derive(Clone)]
pub(super) struct Rehash {
    pub(super) principal: String,
    pub(super) instead_of: String,
    pub(super) hash: String,
    pub(super) audit: NewAuditEntry,
}

/// Everything but the hash.
impl fmt::Debug for AccountRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRow")
            .field("principal", &self.principal)
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// Why nobody signs in as this principal, as far as that is known without the registry.
pub(super) fn refuse_platform(principal: &str) -> Result<(), RegistryError> {
    if principal != PLATFORM_PRINCIPAL {
        return Ok(());
    }
    Err(RegistryError::Invalid {
        what: "principal",
        problem: "`platform` stands for the platform's own components; nobody signs in as it"
            .to_owned(),
    })
}

/// The refusal of a session or an account of a principal that is not there.
pub(super) fn no_principal(name: &str) -> RegistryError {
    RegistryError::NotFound {
        what: "principal",
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_password_is_not_shown() {
        let account = AccountRow {
            principal: "carol".to_owned(),
            password: "$argon2id$v=19$secret".to_owned(),
            changed_at: UnixTime::from_secs(1),
        };
        let shown = format!("{account:?}");
        assert!(
            shown.contains("carol") && !shown.contains("argon2id"),
            "{shown}"
        );
    }
}
