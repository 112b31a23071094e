//! How are principals managed?

use countersign::{
    admin::Admin,
    proto::management::{NewPassword, Principal, PrincipalFilter},
};
use serde_json::json;

use super::{deleted, page, replace_if_given, view};
use crate::{
    args::PrincipalCommand,
    failure::Failure,
    output::{Output, Shown},
    typed_secret,
};

pub(crate) async fn run(
    command: &PrincipalCommand,
    password: Option<&NewPassword>,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let principal = match command {
        PrincipalCommand::List {
            has_password,
            page: options,
        } => {
            let filter = PrincipalFilter {
                has_password: *has_password,
                ..PrincipalFilter::default()
            };
            let principals = admin.principals_matching(&filter, &page(options)).await?;
            let columns = [
                "name",
                "display_name",
                "roles",
                "enabled",
                "password_set_at",
            ];
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
            ..
        } => {
            let principal = Principal {
                name: name.clone(),
                display_name: display_name.clone().unwrap_or_default(),
                roles: roles.clone(),
                enabled: true,
                password_set_at: None,
            };
            let principal = admin.create_principal(&principal).await?;
            if let Some(password) = password {
                admin.set_password(name, password).await.map_err(|error| {
                    Failure::from(error)
                        .about(&format!("{name:?} was made, and has no password yet"))
                })?;
            }
            principal
        }
        PrincipalCommand::SetPassword { name, .. } => {
            if let Some(password) = password {
                admin.set_password(name, password).await?;
            }
            return Ok(view::record(
                &json!({"password_of": name, "set": true}),
                &[],
            ));
        }
        PrincipalCommand::DeletePassword { name } => {
            admin.delete_password(name).await?;
            return Ok(deleted("password", name));
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

/// The password that a command sets, if any. Asked for before anything is sent: nobody should be
/// made whose password was mistyped.
pub(crate) fn new_password(command: &PrincipalCommand) -> Result<Option<NewPassword>, Failure> {
    let (PrincipalCommand::Create { password, .. }
    | PrincipalCommand::SetPassword { password, .. }) = command
    else {
        return Ok(None);
    };
    let text = match &password.password_file {
        Some(file) => typed_secret::from_file(file)?,
        None if password.ask_password => typed_secret::ask_twice("new password: ")?,
        None => match command {
            PrincipalCommand::SetPassword { .. } => {
                return Err(Failure::usage("no password is given")
                    .hint("say where it comes from with --password-file or --ask-password"));
            }
            _ => return Ok(None),
        },
    };
    let new = NewPassword::new(&text);
    Ok(Some(match command {
        PrincipalCommand::SetPassword {
            with_tokens: true, ..
        } => new.with_tokens(),
        _ => new,
    }))
}
