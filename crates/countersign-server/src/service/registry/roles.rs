//! Who may say what a role permits? Only somebody who may do everything.

use std::sync::Arc;

use countersign_proto::management::{Role, RoleFilter};

use super::{
    ChangeRefusal, Step,
    noun::{Alterable, Facts, Noun, is_part},
};
use crate::registry::{Change, Registry};

/// The roles, the built-in ones too.
pub(crate) enum Roles {}

impl Noun for Roles {
    type Item = Role;
    type New = Role;
    type Filter = RoleFilter;

    const NAME: &'static str = "role";
    const READ: &'static str = "roles:read";
    const WRITE: &'static str = "roles:write";
    const ID: &'static str = "name";

    fn id(item: &Role) -> &str {
        &item.name
    }

    fn takes(filter: &RoleFilter, it: &Role) -> bool {
        is_part(&filter.name, &[&it.name])
            && filter
                .permission
                .as_ref()
                .is_none_or(|permission| it.permissions.contains(permission))
    }

    fn all(registry: &Registry) -> Vec<Arc<Role>> {
        registry.roles().cloned().collect()
    }

    fn one(registry: &Registry, name: &str) -> Option<Arc<Role>> {
        registry.role(name).cloned()
    }

    fn creation(facts: &Facts<'_>, role: Role) -> Result<Step, ChangeRefusal> {
        must_be_administrator(facts)?;
        Ok(Step {
            subject: role.name.clone(),
            action: "role.create",
            change: Change::CreateRole(role),
        })
    }

    fn removal(facts: &Facts<'_>, name: &str) -> Result<Step, ChangeRefusal> {
        must_be_administrator(facts)?;
        Ok(Step {
            subject: name.to_owned(),
            action: "role.delete",
            change: Change::DeleteRole {
                name: name.to_owned(),
            },
        })
    }
}

impl Alterable for Roles {
    fn alteration(facts: &Facts<'_>, role: Role) -> Result<Step, ChangeRefusal> {
        must_be_administrator(facts)?;
        Ok(Step {
            subject: role.name.clone(),
            action: "role.update",
            change: Change::UpdateRole(role),
        })
    }
}

/// A role that may change roles could make itself anything, so it is not enough here.
fn must_be_administrator(facts: &Facts<'_>) -> Result<(), ChangeRefusal> {
    if facts.caller.permissions.are_all() {
        Ok(())
    } else {
        Err(ChangeRefusal::Escalation(
            "only an administrator changes roles".to_owned(),
        ))
    }
}
