//! When may a principal be made, changed or deleted?

use std::sync::Arc;

use countersign_proto::management::Principal;

use super::present;
use crate::registry::{
    PLATFORM_PRINCIPAL, Registry, RegistryError,
    text::{self, invalid},
};

impl Registry {
    pub(super) fn put_principal(&mut self, principal: &Principal) -> Result<(), RegistryError> {
        text::identifier("principal", &principal.name)?;
        text::description("display name", &principal.display_name)?;
        if principal.password_set_at.is_some() {
            return Err(invalid(
                "password_set_at",
                "is what the platform says; leave it out".to_owned(),
            ));
        }
        for (at, role) in principal.roles.iter().enumerate() {
            present("role", role, self.roles.get(role))?;
            if principal
                .roles
                .iter()
                .take(at)
                .any(|earlier| earlier == role)
            {
                return Err(invalid("role", format!("`{role}` is given twice")));
            }
        }
        Arc::make_mut(&mut self.principals)
            .insert(principal.name.clone(), Arc::new(principal.clone()));
        Ok(())
    }

    pub(super) fn delete_principal(&mut self, name: &str) -> Result<(), RegistryError> {
        if name == PLATFORM_PRINCIPAL {
            return Err(invalid(
                "principal",
                "`platform` stands for the platform's own components and cannot be deleted"
                    .to_owned(),
            ));
        }
        present("principal", name, self.principals.get(name))?;
        if let Some(mapping) = self.mappings().find(|row| row.principal == name) {
            return Err(RegistryError::InUse {
                what: "principal",
                name: name.to_owned(),
                by: format!("mapping {}", mapping.id),
            });
        }
        Arc::make_mut(&mut self.principals).remove(name);
        Ok(())
    }
}
