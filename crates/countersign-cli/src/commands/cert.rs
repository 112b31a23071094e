//! What is done with certificates on this machine?

mod explain;
mod export;
mod import;
mod list;
mod new;
mod renew_needed;
mod request;
mod show;
mod verify;

use crate::{
    args::{CertCommand, Environment, Global},
    failure::Failure,
    output::Output,
};

pub(crate) fn run(
    command: &CertCommand,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        CertCommand::List(options) => list::run(options, environment, output),
        CertCommand::Show { selector, store } => show::run(selector, store, environment, output),
        CertCommand::Explain {
            selector,
            strict,
            store,
        } => {
            let several = match strict {
                true => explain::Several::AreAnError,
                false => explain::Several::TakeTheNewest,
            };
            explain::run(selector, several, store, environment, output)
        }
        CertCommand::Verify(wanted) => verify::run(wanted, environment, output),
        CertCommand::RenewNeeded(asked) => renew_needed::run(asked, global, environment, output),
        CertCommand::New(wanted) => new::run(wanted, environment, output),
        CertCommand::Request(wanted) => request::run(wanted, environment, output),
        CertCommand::Export(wanted) => export::run(wanted, environment, output),
        CertCommand::Import { file, name, store } => {
            import::run(file, name.as_deref(), store, environment, output)
        }
    }
}
