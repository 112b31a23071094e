//! How does somebody who may change the registry, and what people have: sessions and passwords?
//!
//! Every function here asks for the permission first, then whether the caller would give away
//! more than he has, then makes the change durable with its audit row, then visible. Whether a
//! change fits is the registry's own question.

mod noun;
pub(crate) use noun::{Alterable, Noun, create, delete, find, list, registered, update};

mod applications;
pub(crate) use applications::Applications;

mod principals;
pub(crate) use principals::Principals;

mod roles;
pub(crate) use roles::Roles;

mod mappings;
pub(crate) use mappings::Mappings;

pub(crate) mod certificates;

pub(crate) mod sessions;

pub(crate) mod audit;

pub(crate) mod keys;

pub(crate) mod passwords;

use super::{AccessRefusal, Caller, Permissions};
use crate::{
    Platform,
    refusal::Fault,
    registry::{Change, Registry, RegistryError},
    store::StoreError,
};

/// Why a change is not made.
#[derive(Debug)]
pub(crate) enum ChangeRefusal {
    Access(AccessRefusal),
    Registry(RegistryError),
    /// The caller would give away what he has not.
    Escalation(String),
    /// It does not fit what is there.
    Conflict(String),
    /// There are as many as the settings permit.
    LimitReached(String),
    /// Too many want the same that costs much.
    Busy,
    Fault(Fault),
}

impl From<AccessRefusal> for ChangeRefusal {
    fn from(refusal: AccessRefusal) -> ChangeRefusal {
        ChangeRefusal::Access(refusal)
    }
}

impl From<RegistryError> for ChangeRefusal {
    fn from(error: RegistryError) -> ChangeRefusal {
        ChangeRefusal::Registry(error)
    }
}

impl From<Fault> for ChangeRefusal {
    fn from(fault: Fault) -> ChangeRefusal {
        ChangeRefusal::Fault(fault)
    }
}

/// A change that somebody may not make is on record too, by the permission that he lacks, or else
/// by the one that such a change needs.
pub(super) async fn attempt<T>(
    platform: &Platform,
    caller: &Caller,
    permission: &'static str,
    change: impl Future<Output = Result<T, ChangeRefusal>>,
) -> Result<T, ChangeRefusal> {
    let result = change.await;
    let needed = match &result {
        Err(ChangeRefusal::Access(AccessRefusal::Forbidden { permission })) => Some(*permission),
        Err(ChangeRefusal::Escalation(_)) => Some(permission),
        _ => None,
    };
    if let Some(needed) = needed {
        let entry = crate::audit::turned_away(caller, needed, platform.now());
        if let Err(error) = platform.store().append_audit(entry).await {
            return Err(ChangeRefusal::Fault(Fault::new(error.to_string())));
        }
    }
    result
}

/// One change, with what the audit calls it and its subject.
pub(crate) struct Step {
    change: Change,
    action: &'static str,
    subject: String,
}

/// Makes a change durable with its audit row, then visible on this node.
async fn apply(
    platform: &Platform,
    caller: &Caller,
    step: Step,
) -> Result<Registry, ChangeRefusal> {
    let entry = crate::audit::changed(caller, step.action, &step.subject, platform.now());
    match platform.store().change(step.change, entry).await {
        Ok(registry) => {
            platform.adopt(registry.clone());
            Ok(registry)
        }
        Err(error) => Err(fault(error)),
    }
}

/// What the store did not do: the caller's problem when it does not fit, else ours.
pub(super) fn fault(error: StoreError) -> ChangeRefusal {
    match error {
        StoreError::Registry(error) => ChangeRefusal::Registry(error),
        error => ChangeRefusal::Fault(Fault::new(error.to_string())),
    }
}

/// What is named must be there.
pub(super) fn present<T>(
    found: Option<T>,
    what: &'static str,
    name: &str,
) -> Result<T, ChangeRefusal> {
    found.ok_or_else(|| {
        ChangeRefusal::Registry(RegistryError::NotFound {
            what,
            name: name.to_owned(),
        })
    })
}

/// Nobody gives away what he has not.
pub(super) fn must_cover(
    caller: &Caller,
    others: &Permissions,
    whose: &str,
) -> Result<(), ChangeRefusal> {
    if caller.permissions.cover(others) {
        Ok(())
    } else {
        Err(ChangeRefusal::Escalation(format!(
            "{whose} may do more than you may"
        )))
    }
}

/// Nobody gives a role that he has not, though he may do all that it permits: an API may go by its
/// name, and knows more of it than the platform does. Only who may do everything gives any.
pub(super) fn must_hold<'a>(
    caller: &Caller,
    roles: impl IntoIterator<Item = &'a String>,
    registry: &Registry,
) -> Result<(), ChangeRefusal> {
    let foreign = |role: &&String| !caller.roles.contains(role) && registry.role(role).is_some();
    match roles.into_iter().find(foreign) {
        Some(role) if !caller.permissions.are_all() => Err(ChangeRefusal::Escalation(format!(
            "you do not have the role `{}`, and cannot give it",
            role.escape_debug()
        ))),
        _ => Ok(()),
    }
}

/// Whoever gets in as a principal has its roles, so who lets somebody in gives them.
pub(super) fn must_be_able_to_give(
    caller: &Caller,
    principal: &str,
    registry: &Registry,
) -> Result<(), ChangeRefusal> {
    must_cover(
        caller,
        &permissions_of(registry, principal),
        "this principal",
    )?;
    let roles = registry.principal(principal).map(|it| &it.roles);
    must_hold(caller, roles.into_iter().flatten(), registry)
}

/// The permissions of a principal that is registered; none of one that is not.
pub(super) fn permissions_of(registry: &Registry, principal: &str) -> Permissions {
    registry
        .principal(principal)
        .map(|principal| Permissions::of(&principal.roles, registry))
        .unwrap_or_default()
}
