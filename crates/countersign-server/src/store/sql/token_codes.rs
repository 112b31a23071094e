//! By which numbers do the words about a granted token stand in its table?

use countersign_proto::management::{GrantedForm, GrantedKind, GrantedState};

use crate::store::StoreError;

/// As on the wire.
pub(super) const KINDS: &[(GrantedKind, u32)] = &[
    (GrantedKind::Personal, 3),
    (GrantedKind::App, 4),
    (GrantedKind::System, 5),
];

pub(super) const FORMS: &[(GrantedForm, u32)] = &[
    (GrantedForm::Opaque, 0),
    (GrantedForm::Jwt, 1),
    (GrantedForm::Imported, 2),
];

/// A state is computed, never stored: these are the numbers of [`state`](super::granted::state).
pub(super) const STATES: &[(GrantedState, u32)] = &[
    (GrantedState::Active, 0),
    (GrantedState::Expiring, 1),
    (GrantedState::Rotated, 2),
    (GrantedState::Expired, 3),
    (GrantedState::Revoked, 4),
];

/// The number of `word`. Every word is in its table.
pub(super) fn number<T: PartialEq>(table: &[(T, u32)], word: &T) -> u32 {
    let found = table.iter().find(|(known, _)| known == word);
    found.map_or(u32::MAX, |(_, number)| *number)
}

pub(super) fn word<T: Copy>(table: &[(T, u32)], number: u32) -> Result<T, StoreError> {
    let found = table.iter().find(|(_, known)| *known == number);
    found.map(|(word, _)| *word).ok_or_else(|| {
        StoreError::Fault(format!(
            "nothing about a granted token is known by {number}"
        ))
    })
}
