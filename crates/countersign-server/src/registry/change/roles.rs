//! When may a role be made, changed or deleted?

use std::sync::Arc;

use countersign_proto::management::Role;

use super::present;
use crate::registry::{
    Registry, RegistryError,
    built_in::{self, is_built_in_role},
    text::{self, invalid},
};

impl Registry {
    pub(super) fn put_role(&mut self, role: &Role) -> Result<(), RegistryError> {
        text::identifier("role", &role.name)?;
        text::description("role description", &role.description)?;
        if role.built_in {
            return Err(invalid(
                "role",
                "only the platform makes built-in roles".to_owned(),
            ));
        }
        if let Some(unknown) = role
            .permissions
            .iter()
            .find(|text| !built_in::is_permission(text))
        {
            return Err(invalid(
                "permission",
                format!(
                    "`{}` is unknown; permitted are `*`, `read` or `write` of {} (as `audit:read`), and \
                     `scope:NAME`",
                    unknown.escape_debug(),
                    built_in::NOUNS.join(", ")
                ),
            ));
        }
        if role.token_lifetime_max_s == Some(0) {
            return Err(invalid(
                "token_lifetime_max_s",
                "has to be at least one second".to_owned(),
            ));
        }
        Arc::make_mut(&mut self.roles).insert(role.name.clone(), Arc::new(role.clone()));
        Ok(())
    }

    pub(super) fn delete_role(&mut self, name: &str) -> Result<(), RegistryError> {
        self.refuse_built_in(name)?;
        present("role", name, self.roles.get(name))?;
        if let Some(principal) = self
            .principals()
            .find(|principal| principal.roles.iter().any(|role| role == name))
        {
            return Err(RegistryError::InUse {
                what: "role",
                name: name.to_owned(),
                by: format!("principal {}", principal.name),
            });
        }
        let roles = Arc::make_mut(&mut self.roles);
        // In whose place it stood, that role is there again, as after the next start.
        match built_in::role(name) {
            Some(role) => roles.insert(role.name.clone(), Arc::new(role)),
            None => roles.remove(name),
        };
        Ok(())
    }

    /// A role that a store kept. One whose name was built in later stands in the place of that.
    pub(super) fn keep_role(&mut self, role: &Role) -> Result<(), RegistryError> {
        if !built_in::may_be_there_before(&role.name) {
            self.refuse_built_in(&role.name)?;
        }
        self.put_role(role)
    }

    pub(super) fn refuse_built_in(&self, name: &str) -> Result<(), RegistryError> {
        if is_built_in_role(name) && self.roles.get(name).is_none_or(|role| role.built_in) {
            return Err(invalid(
                "role",
                format!("`{name}` is built in and cannot be made, changed or deleted"),
            ));
        }
        Ok(())
    }
}
