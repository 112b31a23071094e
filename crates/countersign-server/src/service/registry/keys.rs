//! Who may see the keys that sign tokens, and let another take their place?

use countersign_proto::management::{KeyRotation, SigningKeyInfo, SigningKeyState};

use super::{ChangeRefusal, attempt, fault, present};
use crate::{
    Platform, audit,
    keys::{self, Older, Plan, of_store},
    registry::RegistryError,
    service::Caller,
    store::{StoredKey, StoredKeys},
};

const READ: &str = "keys:read";
const WRITE: &str = "keys:write";
const NAME: &str = "signing key";
/// Characters of a reason.
const REASON_MAX: usize = 255;
/// How often it is tried again when another node was first.
const TRIES: u32 = 8;

/// All, oldest first; those that are retired too.
pub(crate) async fn list(
    platform: &Platform,
    caller: &Caller,
) -> Result<Vec<SigningKeyInfo>, ChangeRefusal> {
    caller.must_have(READ)?;
    let stored = platform.store().issuer_keys().await.map_err(fault)?;
    Ok(stored.keys.iter().map(shown).collect())
}

/// One.
pub(crate) async fn find(
    platform: &Platform,
    caller: &Caller,
    kid: &str,
) -> Result<SigningKeyInfo, ChangeRefusal> {
    caller.must_have(READ)?;
    let stored = platform.store().issuer_keys().await.map_err(fault)?;
    named(&stored, kid).map(shown)
}

/// Announces a key, or in an emergency lets a new one sign at once. Answers it.
pub(crate) async fn rotate(
    platform: &Platform,
    caller: &Caller,
    asked: KeyRotation,
) -> Result<SigningKeyInfo, ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        caller.must_have(WRITE)?;
        let older = emergency(&asked)?;
        if let Some(reason) = &asked.reason {
            check_reason(reason)?;
        }
        let rules = &platform.settings().signing;
        let judge = |stored: &StoredKeys| match older {
            Some(older) => Ok(keys::emergency(&stored.keys, older, rules, platform.now())),
            None => match keys::announced(&stored.keys) {
                Some(key) => Err(ChangeRefusal::Conflict(format!(
                    "the key {} is announced already and signs next; retire it first to announce \
                     another, or rotate at once",
                    key.kid
                ))),
                None => Ok(keys::announcement(rules, platform.now())),
            },
        };
        let made = change(platform, caller, asked.reason.as_deref(), judge).await?;
        present(made.as_ref().map(shown), NAME, "new")
    })
    .await
}

/// Retires one that does not sign, at once: what it signed is refused from now on.
pub(crate) async fn retire(
    platform: &Platform,
    caller: &Caller,
    kid: &str,
    reason: &str,
) -> Result<SigningKeyInfo, ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        caller.must_have(WRITE)?;
        check_reason(reason)?;
        let judge = |stored: &StoredKeys| {
            let key = named(stored, kid)?;
            match key.state {
                SigningKeyState::Active => Err(ChangeRefusal::Conflict(format!(
                    "the key {kid} signs now; rotate first, or rotate with at_once and retire_old"
                ))),
                SigningKeyState::Retired => Ok(Plan::default()),
                _ => Ok(keys::retirement(key, platform.now())),
            }
        };
        change(platform, caller, Some(reason), judge).await?;
        let stored = platform.store().issuer_keys().await.map_err(fault)?;
        named(&stored, kid).map(shown)
    })
    .await
}

/// Makes a change durable with its audit rows, then visible on this node: the key that it made.
async fn change(
    platform: &Platform,
    caller: &Caller,
    reason: Option<&str>,
    judge: impl Fn(&StoredKeys) -> Result<Plan, ChangeRefusal>,
) -> Result<Option<StoredKey>, ChangeRefusal> {
    let (store, now) = (platform.store(), platform.now());
    let entry = |action, kid: &str| {
        let mut entry = audit::changed(caller, action, kid, now);
        entry.reason = reason.map(str::to_owned);
        entry
    };
    for _ in 0..TRIES {
        let stored = store.issuer_keys().await.map_err(fault)?;
        let plan = judge(&stored)?;
        if plan.is_empty() {
            return Ok(None);
        }
        let rules = &platform.settings().signing;
        let (change, made) =
            keys::carry_out(plan, stored.version, platform.secrets(), rules, now, entry)
                .await
                .map_err(|error| fault(of_store(error)))?;
        if store.change_issuer_keys(change).await.map_err(fault)? {
            platform.read_keys().await.map_err(fault)?;
            return Ok(made);
        }
    }
    Err(ChangeRefusal::Busy)
}

/// What an emergency does to older keys; `None` when it is none.
fn emergency(asked: &KeyRotation) -> Result<Option<Older>, ChangeRefusal> {
    match (asked.at_once, asked.retire_old, &asked.reason) {
        (true, _, None) => Err(invalid("at_once needs a reason, for the audit")),
        (true, true, Some(_)) => Ok(Some(Older::Retire)),
        (true, false, Some(_)) => Ok(Some(Older::Verify)),
        (false, true, _) => Err(invalid(
            "retire_old goes with at_once: without it older keys verify until their tokens have ended",
        )),
        (false, false, _) => Ok(None),
    }
}

fn check_reason(reason: &str) -> Result<(), ChangeRefusal> {
    let fits = (1..=REASON_MAX).contains(&reason.chars().count());
    if fits && !reason.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(invalid(
            "a reason has 1 to 255 characters, none of them a control character",
        ))
    }
}

fn named<'a>(stored: &'a StoredKeys, kid: &str) -> Result<&'a StoredKey, ChangeRefusal> {
    present(stored.keys.iter().find(|key| key.kid == kid), NAME, kid)
}

fn invalid(problem: &str) -> ChangeRefusal {
    ChangeRefusal::Registry(RegistryError::Invalid {
        what: NAME,
        problem: problem.to_owned(),
    })
}

/// As the management API shows it.
fn shown(key: &StoredKey) -> SigningKeyInfo {
    SigningKeyInfo {
        kid: key.kid.clone(),
        algorithm: key.algorithm.clone(),
        state: key.state,
        created_at: key.created_at,
        active_at: key.active_at,
        stopped_at: key.stopped_at,
        retires_at: key.retires_at,
    }
}
