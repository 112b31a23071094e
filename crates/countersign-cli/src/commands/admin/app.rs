//! How are applications managed?

use countersign::{admin::Admin, proto::management::Application};
use serde_json::json;

use super::{deleted, page, replace_if_given, view};
use crate::{
    args::{AppCommand, AppSettings},
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    command: &AppCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let application = match command {
        AppCommand::List(options) => {
            let applications = admin.applications(&page(options)).await?;
            let columns = ["client_id", "name", "scopes", "enabled"];
            return Ok(view::list(&applications, &columns, output));
        }
        AppCommand::Delete { app_id } => {
            admin.delete_application(app_id).await?;
            return Ok(deleted("application", app_id));
        }
        AppCommand::Show { app_id } => admin.application(app_id).await?,
        AppCommand::Create {
            app_id,
            name,
            settings,
        } => {
            let mut application = Application {
                name: name.as_ref().unwrap_or(app_id).clone(),
                ..Application::new(app_id)
            };
            change(&mut application, settings);
            admin.create_application(&application).await?
        }
        AppCommand::Update {
            app_id,
            name,
            settings,
            enabled,
        } => {
            let mut application = admin.application(app_id).await?;
            if let Some(name) = name {
                application.name.clone_from(name);
            }
            application.enabled = enabled.unwrap_or(application.enabled);
            change(&mut application, settings);
            admin.update_application(&application).await?
        }
    };
    Ok(view::record(&json!(application), &["client_id", "name"]))
}

/// Changes what was given and leaves the rest.
fn change(application: &mut Application, given: &AppSettings) {
    replace_if_given(&mut application.scopes, &given.scopes);
    if given.audience.is_some() {
        application.audience.clone_from(&given.audience);
    }
    if let Some(bound) = given.dpop_bound {
        application.dpop_bound_access_tokens = bound;
    }
    if let Some(forward) = given.forward {
        application.forward = forward;
    }
    if let Some(accept) = given.accept_provider_audience {
        application.accept_provider_audience = accept;
    }
    if let Some(accept) = given.accept_token_endpoint_audience {
        application.accept_token_endpoint_audience = accept;
    }
    if given.assertion_lifetime_max.is_some() {
        application.assertion_lifetime_max_s = given.assertion_lifetime_max;
    }
}
