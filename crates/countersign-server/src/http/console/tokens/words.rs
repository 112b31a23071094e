//! What are kinds, forms and states called?

use countersign_proto::management::{GrantedForm, GrantedKind, GrantedState};

use crate::http::console::cell::{Cell, Tone};

pub(super) const KINDS: [GrantedKind; 3] =
    [GrantedKind::Personal, GrantedKind::App, GrantedKind::System];

pub(super) const STATES: [GrantedState; 5] = [
    GrantedState::Active,
    GrantedState::Expiring,
    GrantedState::Rotated,
    GrantedState::Expired,
    GrantedState::Revoked,
];

/// As it is typed, and as it is read.
pub(super) const fn kind(kind: GrantedKind) -> (&'static str, &'static str) {
    match kind {
        GrantedKind::Personal => ("personal", "Personal"),
        GrantedKind::App => ("app", "App"),
        GrantedKind::System => ("system", "System"),
    }
}

/// As it is typed, and as it is read.
pub(super) const fn state(state: GrantedState) -> (&'static str, &'static str) {
    match state {
        GrantedState::Active => ("active", "Active"),
        GrantedState::Expiring => ("expiring", "Expires soon"),
        GrantedState::Rotated => ("rotated", "Being replaced"),
        GrantedState::Expired => ("expired", "Expired"),
        GrantedState::Revoked => ("revoked", "Revoked"),
    }
}

pub(super) const fn form(form: GrantedForm) -> &'static str {
    match form {
        GrantedForm::Opaque => "Opaque string",
        GrantedForm::Jwt => "Signed JWT",
        GrantedForm::Imported => "String of another platform",
    }
}

pub(super) fn badge(of: GrantedState) -> Cell {
    let tone = match of {
        GrantedState::Active => Tone::Good,
        GrantedState::Expiring | GrantedState::Rotated => Tone::Warning,
        GrantedState::Expired => Tone::Plain,
        GrantedState::Revoked => Tone::Over,
    };
    Cell::badge(state(of).1, tone)
}

/// Whether it opens anything.
pub(super) const fn is_good(state: GrantedState) -> bool {
    matches!(
        state,
        GrantedState::Active | GrantedState::Expiring | GrantedState::Rotated
    )
}

pub(super) fn kind_named(name: &str) -> Option<GrantedKind> {
    KINDS.into_iter().find(|it| kind(*it).0 == name)
}

pub(super) fn state_named(name: &str) -> Option<GrantedState> {
    STATES.into_iter().find(|it| state(*it).0 == name)
}
