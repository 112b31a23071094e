//! When does a key begin to sign, when does it stop, and when is it forgotten?
//!
//! A key is announced: it stands in the JWK set before anything is signed with it. Then it is the one
//! that signs, until the next one is. Then it verifies what it signed, until that has ended. Then its
//! private part is deleted.

use countersign_proto::{management::SigningKeyState, time::UnixTime};

use crate::{config::SigningRules, store::StoredKey};

/// What is to be done with the keys now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Keys that are there, each as it is then, and what the audit calls it.
    pub(super) changed: Vec<(StoredKey, &'static str)>,
    /// A key to be made.
    pub(super) wanted: Option<Wanted>,
}

/// A key that is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing signs: it does so from now on.
    Active,
    /// It signs from then on.
    Announced(UnixTime),
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.wanted.is_none()
    }
}

/// The key that signs: the last of those that are active.
pub(super) fn signing(keys: &[StoredKey]) -> Option<&StoredKey> {
    keys.iter()
        .filter(|key| key.state == SigningKeyState::Active)
        .max_by_key(|key| (key.active_at, &key.kid))
}

/// What is due by the clock.
pub(super) fn due(keys: &[StoredKey], rules: &SigningRules, now: UnixTime) -> Plan {
    let mut plan = Plan::default();
    let announced = announced(keys);
    let next = announced.filter(|key| now >= key.active_at);
    let signing = signing(keys);
    for key in keys {
        let signs = next.or(signing).is_some_and(|it| it.kid == key.kid);
        match key.state {
            SigningKeyState::Announced if signs => {
                let activated = StoredKey {
                    state: SigningKeyState::Active,
                    active_at: now,
                    ..key.clone()
                };
                plan.changed.push((activated, ACTIVATE));
            }
            SigningKeyState::Active if !signs => {
                plan.changed.push((stopped(key, rules, now), STOP));
            }
            SigningKeyState::Retiring if key.retires_at.is_none_or(|end| now >= end) => {
                plan.changed.push((retired(key, now), RETIRE));
            }
            _ => {}
        }
    }
    plan.wanted = match (signing, announced) {
        (None, None) => Some(Wanted::Active),
        (Some(signing), None) if is_to_be_followed(signing, rules, now) => {
            Some(Wanted::Announced(now.plus(rules.announce)))
        }
        _ => None,
    };
    plan
}

/// The key that was announced and does not sign yet.
pub(crate) fn announced(keys: &[StoredKey]) -> Option<&StoredKey> {
    keys.iter()
        .find(|key| key.state == SigningKeyState::Announced)
}

/// A new key is announced so early that it signs when its turn comes. A key of another algorithm
/// than is set has had its turn.
fn is_to_be_followed(signing: &StoredKey, rules: &SigningRules, now: UnixTime) -> bool {
    signing.algorithm != rules.algorithm.name()
        || now.plus(rules.announce) >= signing.active_at.plus(rules.rotate_every)
}

/// A key that is announced by hand.
pub(crate) fn announcement(rules: &SigningRules, now: UnixTime) -> Plan {
    Plan {
        changed: Vec::new(),
        wanted: Some(Wanted::Announced(now.plus(rules.announce))),
    }
}

/// What becomes of the keys that are there when there is no time to announce one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Older {
    /// They verify what they signed.
    Verify,
    /// They verify nothing.
    Retire,
}

/// A key that signs at once. One that was announced is as old as the one that signs, and may be
/// known to whoever knows that: it is never used.
pub(crate) fn emergency(
    keys: &[StoredKey],
    older: Older,
    rules: &SigningRules,
    now: UnixTime,
) -> Plan {
    let changed = keys.iter().filter_map(|key| match (key.state, older) {
        (SigningKeyState::Retired, _) | (SigningKeyState::Retiring, Older::Verify) => None,
        (SigningKeyState::Active, Older::Verify) => Some((stopped(key, rules, now), STOP)),
        _ => Some((retired(key, now), RETIRE)),
    });
    Plan {
        changed: changed.collect(),
        wanted: Some(Wanted::Active),
    }
}

/// A key that is retired by hand.
pub(crate) fn retirement(key: &StoredKey, now: UnixTime) -> Plan {
    Plan {
        changed: vec![(retired(key, now), RETIRE)],
        wanted: None,
    }
}

/// What the audit calls it.
pub(super) const ANNOUNCE: &str = "key.announce";
pub(super) const ACTIVATE: &str = "key.activate";
const STOP: &str = "key.stop";
const RETIRE: &str = "key.retire";

fn stopped(key: &StoredKey, rules: &SigningRules, now: UnixTime) -> StoredKey {
    StoredKey {
        state: SigningKeyState::Retiring,
        stopped_at: Some(now),
        retires_at: Some(now.plus(rules.retire_after)),
        ..key.clone()
    }
}

fn retired(key: &StoredKey, now: UnixTime) -> StoredKey {
    StoredKey {
        state: SigningKeyState::Retired,
        stopped_at: key.stopped_at.or(Some(now)),
        retires_at: Some(now),
        sealed: Vec::new(),
        ..key.clone()
    }
}

#[cfg(test)]
mod tests;
