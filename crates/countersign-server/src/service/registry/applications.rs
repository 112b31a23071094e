//! Who may register an application, change it, and take it away?
//!
//! Its audience and its switches decide where its tokens are believed and which assertions earn
//! them, so nobody changes the application of a principal that may do more than he may.

use std::sync::Arc;

use countersign_proto::management::{Application, ApplicationFilter};

use super::{
    ChangeRefusal, Step, must_cover,
    noun::{Alterable, Facts, Noun, is, is_part},
    permissions_of, present,
};
use crate::registry::{Change, Registry};

/// The applications.
pub(crate) enum Applications {}

impl Noun for Applications {
    type Item = Application;
    type New = Application;
    type Filter = ApplicationFilter;

    const NAME: &'static str = "application";
    const READ: &'static str = "applications:read";
    const WRITE: &'static str = "applications:write";
    const ID: &'static str = "client_id";

    fn id(item: &Application) -> &str {
        &item.client_id
    }

    fn takes(filter: &ApplicationFilter, it: &Application) -> bool {
        is_part(&filter.name, &[&it.client_id, &it.name]) && is(&filter.enabled, &it.enabled)
    }

    fn all(registry: &Registry) -> Vec<Arc<Application>> {
        registry.applications().cloned().collect()
    }

    fn one(registry: &Registry, client_id: &str) -> Option<Arc<Application>> {
        registry.application(client_id).cloned()
    }

    fn creation(_: &Facts<'_>, application: Application) -> Result<Step, ChangeRefusal> {
        Ok(Step {
            subject: application.client_id.clone(),
            action: "application.create",
            change: Change::CreateApplication(application),
        })
    }

    fn removal(_: &Facts<'_>, client_id: &str) -> Result<Step, ChangeRefusal> {
        Ok(Step {
            subject: client_id.to_owned(),
            action: "application.delete",
            change: Change::DeleteApplication {
                client_id: client_id.to_owned(),
            },
        })
    }
}

impl Alterable for Applications {
    /// Opening or closing a compatibility switch has an action of its own in the audit.
    fn alteration(facts: &Facts<'_>, application: Application) -> Result<Step, ChangeRefusal> {
        let client_id = application.client_id.clone();
        let before = present(
            facts.registry.application(&client_id),
            Self::NAME,
            &client_id,
        )?;
        for mapping in facts.registry.mappings() {
            if mapping.client_id == client_id {
                let held = permissions_of(facts.registry, &mapping.principal);
                must_cover(facts.caller, &held, "a principal of this application")?;
            }
        }
        let switches = |it: &Application| {
            (
                it.accept_token_endpoint_audience,
                it.assertion_lifetime_max_s,
                it.forward,
                it.accept_provider_audience,
            )
        };
        let action = if switches(before) == switches(&application) {
            "application.update"
        } else {
            "application.compatibility"
        };
        Ok(Step {
            subject: client_id,
            action,
            change: Change::UpdateApplication(application),
        })
    }
}
