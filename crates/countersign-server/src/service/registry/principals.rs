//! Who may register a principal, and give it roles?
//!
//! Nobody gives a role that he has not, or that may do more than he may, and nobody changes somebody
//! who may do more.

use std::sync::Arc;

use countersign_proto::management::{Principal, PrincipalFilter};

use super::{
    ChangeRefusal, Step, fault, must_cover, must_hold,
    noun::{Alterable, Facts, Noun, is, is_part},
    permissions_of,
};
use crate::{
    Platform,
    registry::{Change, Registry},
    service::Permissions,
};

/// The principals.
pub(crate) enum Principals {}

impl Noun for Principals {
    type Item = Principal;
    type New = Principal;
    type Filter = PrincipalFilter;

    const NAME: &'static str = "principal";
    const READ: &'static str = "principals:read";
    const WRITE: &'static str = "principals:write";
    const ID: &'static str = "name";

    fn id(item: &Principal) -> &str {
        &item.name
    }

    fn takes(filter: &PrincipalFilter, it: &Principal) -> bool {
        is_part(&filter.name, &[&it.name, &it.display_name])
            && filter
                .role
                .as_ref()
                .is_none_or(|role| it.roles.contains(role))
            && is(&filter.enabled, &it.enabled)
            && is(&filter.has_password, &it.password_set_at.is_some())
    }

    fn all(registry: &Registry) -> Vec<Arc<Principal>> {
        registry.principals().cloned().collect()
    }

    fn one(registry: &Registry, name: &str) -> Option<Arc<Principal>> {
        registry.principal(name).cloned()
    }

    /// A password is a way in, so it is seen when somebody has one.
    async fn completed(
        platform: &Platform,
        mut found: Vec<Arc<Principal>>,
    ) -> Result<Vec<Arc<Principal>>, ChangeRefusal> {
        if let [only] = &mut found[..] {
            let account = platform.store().account(&only.name).await.map_err(fault)?;
            if let Some(account) = account {
                Arc::make_mut(only).password_set_at = Some(account.changed_at);
            }
            return Ok(found);
        }
        let set = platform.store().passwords_set().await.map_err(fault)?;
        for principal in &mut found {
            if let Some(at) = set.get(&principal.name) {
                Arc::make_mut(principal).password_set_at = Some(*at);
            }
        }
        Ok(found)
    }

    fn creation(facts: &Facts<'_>, principal: Principal) -> Result<Step, ChangeRefusal> {
        let principal = as_registered(principal);
        must_be_able_to_give_roles(facts, &principal, &[])?;
        Ok(Step {
            subject: principal.name.clone(),
            action: "principal.create",
            change: Change::CreatePrincipal(principal),
        })
    }

    fn removal(facts: &Facts<'_>, name: &str) -> Result<Step, ChangeRefusal> {
        must_cover_principal(facts, name)?;
        Ok(Step {
            subject: name.to_owned(),
            action: "principal.delete",
            change: Change::DeletePrincipal {
                name: name.to_owned(),
            },
        })
    }
}

impl Alterable for Principals {
    fn alteration(facts: &Facts<'_>, principal: Principal) -> Result<Step, ChangeRefusal> {
        let principal = as_registered(principal);
        must_cover_principal(facts, &principal.name)?;
        let before = facts.registry.principal(&principal.name);
        let kept = before.map(|it| it.roles.as_slice()).unwrap_or_default();
        must_be_able_to_give_roles(facts, &principal, kept)?;
        Ok(Step {
            subject: principal.name.clone(),
            action: "principal.update",
            change: Change::UpdatePrincipal(principal),
        })
    }
}

/// Whoever sends back what he read does not set a password by it.
fn as_registered(principal: Principal) -> Principal {
    Principal {
        password_set_at: None,
        ..principal
    }
}

fn must_cover_principal(facts: &Facts<'_>, name: &str) -> Result<(), ChangeRefusal> {
    let held = permissions_of(facts.registry, name);
    must_cover(facts.caller, &held, "this principal")
}

/// What it had before is not given.
fn must_be_able_to_give_roles(
    facts: &Facts<'_>,
    principal: &Principal,
    kept: &[String],
) -> Result<(), ChangeRefusal> {
    let held = Permissions::of(&principal.roles, facts.registry);
    must_cover(facts.caller, &held, "a holder of these roles")?;
    let given = principal.roles.iter().filter(|role| !kept.contains(role));
    must_hold(facts.caller, given, facts.registry)
}
