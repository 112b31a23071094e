//! When may an application be made, changed or deleted?

use std::sync::Arc;

use countersign_proto::{management::Application, scope::Scope};

use super::present;
use crate::registry::{
    Registry, RegistryError,
    text::{self, invalid},
};

impl Registry {
    pub(super) fn put_application(
        &mut self,
        application: &Application,
    ) -> Result<(), RegistryError> {
        text::client_id(&application.client_id)?;
        text::description("application name", &application.name)?;
        for scope in &application.scopes {
            let one_token = !scope.is_empty()
                && !scope.contains(' ')
                && Scope::parse(scope).is_ok_and(|parsed| parsed.contains(scope));
            if !one_token {
                return Err(invalid(
                    "scope",
                    format!(
                        "`{}` is not one scope token (RFC 6749, 3.3)",
                        scope.escape_debug()
                    ),
                ));
            }
        }
        if let Some(audience) = &application.audience {
            text::identifier("audience", audience)?;
        }
        if let Some(seconds) = application.assertion_lifetime_max_s
            && !(1..=ASSERTION_LIFETIME_MAX_S).contains(&seconds)
        {
            return Err(invalid(
                "assertion_lifetime_max_s",
                format!("{seconds} is not between 1 and {ASSERTION_LIFETIME_MAX_S} seconds"),
            ));
        }
        if application.accept_provider_audience && !application.forward {
            return Err(invalid(
                "accept_provider_audience",
                "is for applications that are set to forward; set `forward` too".to_owned(),
            ));
        }
        Arc::make_mut(&mut self.applications)
            .insert(application.client_id.clone(), Arc::new(application.clone()));
        Ok(())
    }

    pub(super) fn delete_application(&mut self, client_id: &str) -> Result<(), RegistryError> {
        present("application", client_id, self.applications.get(client_id))?;
        let in_use = |by: String| RegistryError::InUse {
            what: "application",
            name: client_id.to_owned(),
            by,
        };
        if let Some(mapping) = self.mappings().find(|row| row.client_id == client_id) {
            return Err(in_use(format!("mapping {}", mapping.id)));
        }
        if let Some(entry) = self
            .certificates_of(client_id)
            .iter()
            .find(|entry| entry.record.revoked_at.is_none())
        {
            return Err(in_use(format!(
                "certificate {}, which is not revoked",
                entry.record.sha256
            )));
        }
        Arc::make_mut(&mut self.applications).remove(client_id);
        Ok(())
    }
}

/// Longest `exp - iat` that an application may be granted, in seconds.
const ASSERTION_LIFETIME_MAX_S: u64 = 3600;
