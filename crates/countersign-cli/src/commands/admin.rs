//! How is what is registered on the platform managed?

mod app;
mod audit;
mod certificate;
mod key;
mod mapping;
mod principal;
mod role;
mod session;
mod token;
pub(crate) mod view;
mod which_certificate;

use std::future::Future;

use countersign::{
    admin::{Admin, PageRequest},
    proto::management::NewPassword,
};
use serde_json::json;

use crate::{
    args::{AdminCommand, Environment, Global, PageOptions},
    failure::Failure,
    output::{Output, Shown},
    session::{Caller, block_on},
};

pub(crate) fn run(
    command: &AdminCommand,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let password = match command {
        AdminCommand::Principal(command) => principal::new_password(command)?,
        _ => None,
    };
    let caller = Caller::of(global, environment, output)?;
    let shown = block_on(async {
        let admin = caller.management().await?;
        answer(command, password.as_ref(), &admin, output).await
    })?;
    output.show(&shown)
}

fn answer<'a>(
    command: &'a AdminCommand,
    password: Option<&'a NewPassword>,
    admin: &'a Admin,
    output: &'a Output,
) -> std::pin::Pin<Box<dyn Future<Output = Result<Shown, Failure>> + 'a>> {
    match command {
        AdminCommand::Principal(command) => {
            Box::pin(principal::run(command, password, admin, output))
        }
        AdminCommand::Role(command) => Box::pin(role::run(command, admin, output)),
        AdminCommand::App(command) => Box::pin(app::run(command, admin, output)),
        AdminCommand::Certificate(command) => Box::pin(certificate::run(command, admin, output)),
        AdminCommand::Mapping(command) => Box::pin(mapping::run(command, admin, output)),
        AdminCommand::Session(command) => Box::pin(session::run(command, admin, output)),
        AdminCommand::Key(command) => Box::pin(key::run(command, admin, output)),
        AdminCommand::Token(command) => Box::pin(token::run(command, admin, output)),
        AdminCommand::Audit(options) => Box::pin(audit::run(options, admin, output)),
    }
}

pub(crate) fn page(options: &PageOptions) -> PageRequest {
    let mut page = PageRequest::default();
    page.limit = options.limit;
    page.after.clone_from(&options.after);
    page
}

fn deleted(what: &str, name: &str) -> Shown {
    view::record(&json!({"deleted": what, "name": name}), &[])
}

/// A list that was given replaces; one that was not leaves what is there.
fn replace_if_given(old: &mut Vec<String>, given: &[String]) {
    if !given.is_empty() {
        *old = given.to_vec();
    }
}
