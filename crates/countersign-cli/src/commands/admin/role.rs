//! How are roles managed?

use countersign::{
    admin::{Admin, PageRequest},
    proto::management::Role,
};
use serde_json::json;

use super::{deleted, page, replace_if_given, view};
use crate::{
    args::RoleCommand,
    failure::Failure,
    output::{Output, Shown},
    times::duration,
};

pub(crate) async fn run(
    command: &RoleCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let role = match command {
        RoleCommand::List(options) => {
            let roles = admin.roles(&page(options)).await?;
            let columns = ["name", "description", "permissions", "built_in"];
            return Ok(view::list(&roles, &columns, output));
        }
        RoleCommand::Delete { name } => {
            admin.delete_role(name).await?;
            return Ok(deleted("role", name));
        }
        RoleCommand::Show { name } => find(admin, name).await?,
        RoleCommand::Create {
            name,
            description,
            permissions,
            require_loopback,
            token_lifetime_max,
        } => {
            let role = Role {
                name: name.clone(),
                description: description.clone().unwrap_or_default(),
                permissions: permissions.clone(),
                require_loopback: require_loopback.unwrap_or_default(),
                token_lifetime_max_s: lifetime(token_lifetime_max.as_deref())?,
                built_in: false,
            };
            admin.create_role(&role).await?
        }
        RoleCommand::Update {
            name,
            description,
            permissions,
            require_loopback,
            token_lifetime_max,
            no_token_lifetime_max,
        } => {
            let longest = lifetime(token_lifetime_max.as_deref())?;
            let mut role = find(admin, name).await?;
            if let Some(description) = description {
                role.description.clone_from(description);
            }
            replace_if_given(&mut role.permissions, permissions);
            role.require_loopback = require_loopback.unwrap_or(role.require_loopback);
            role.token_lifetime_max_s = match no_token_lifetime_max {
                true => None,
                false => longest.or(role.token_lifetime_max_s),
            };
            admin.update_role(&role).await?
        }
    };
    Ok(view::record(&json!(role), &["name"]))
}

/// In seconds.
fn lifetime(text: Option<&str>) -> Result<Option<u64>, Failure> {
    let longest = text.map(|text| duration("--token-lifetime-max", text));
    Ok(longest.transpose()?.map(|longest| longest.as_secs()))
}

async fn find(admin: &Admin, name: &str) -> Result<Role, Failure> {
    let mut request = PageRequest::default();
    request.limit = Some(500);
    loop {
        let roles = admin.roles(&request).await?;
        if let Some(role) = roles.items.into_iter().find(|role| role.name == name) {
            return Ok(role);
        }
        match roles.next {
            Some(next) => request.after = Some(next),
            None => {
                return Err(Failure::other(format!("there is no role {name:?}"))
                    .hint("see all with: countersign admin role list"));
            }
        }
    }
}
