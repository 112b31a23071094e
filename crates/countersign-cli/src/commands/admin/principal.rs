//! How are principals managed?

use countersign::{admin::Admin, proto::management::Principal};
use serde_json::json;

use super::{deleted, page, replace_if_given, view};
use crate::{
    args::PrincipalCommand,
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    command: &PrincipalCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let principal = match command {
        PrincipalCommand::List(options) => {
            let principals = admin.principals(&page(options)).await?;
            let columns = ["name", "display_name", "roles", "enabled"];
            return Ok(view::list(&principals, &columns, output));
        }
        PrincipalCommand::Delete { name } => {
            admin.delete_principal(name).await?;
            return Ok(deleted("principal", name));
        }
        PrincipalCommand::Show { name } => admin.principal(name).await?,
        PrincipalCommand::Create {
            name,
            display_name,
            roles,
        } => {
            let principal = Principal {
                name: name.clone(),
                display_name: display_name.clone().unwrap_or_default(),
                roles: roles.clone(),
                enabled: true,
            };
            admin.create_principal(&principal).await?
        }
        PrincipalCommand::Update {
            name,
            display_name,
            roles,
            no_roles,
            enabled,
        } => {
            let mut principal = admin.principal(name).await?;
            if let Some(display_name) = display_name {
                principal.display_name.clone_from(display_name);
            }
            if *no_roles {
                principal.roles.clear();
            }
            replace_if_given(&mut principal.roles, roles);
            principal.enabled = enabled.unwrap_or(principal.enabled);
            admin.update_principal(&principal).await?
        }
    };
    Ok(view::record(&json!(principal), &["name"]))
}
