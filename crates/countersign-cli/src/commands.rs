//! Which verb does what?

mod admin;
mod agent;
mod cert;
mod completions;
#[cfg(feature = "platform")]
mod dev;
mod doctor;
mod git_credential;
mod granted;
mod jwt;
mod login;
mod logout;
mod man;
mod platform_token;
mod profiles;
mod refresh;
#[cfg(feature = "platform")]
mod serve;
#[cfg(feature = "platform")]
mod store;
mod token;
pub(crate) use token::{is_bearer, presentable};

mod token_string;
mod whoami;

use std::sync::Arc;

use countersign::proto::management::GrantedKind;

use crate::{
    args::{Environment, Typed, Verb},
    failure::Failure,
    output::Output,
};

/// Does what was typed.
pub(crate) fn run(
    typed: &Typed,
    environment: &Arc<Environment>,
    output: &Output,
) -> Result<(), Failure> {
    let global = &typed.global;
    match &typed.verb {
        #[cfg(feature = "platform")]
        Verb::Dev { once, data, listen } => {
            let after = match once {
                true => dev::Then::End,
                false => dev::Then::Serve,
            };
            dev::run(after, data.as_deref(), *listen, environment, output)
        }
        #[cfg(feature = "platform")]
        Verb::Serve {
            config,
            check,
            probe,
        } => {
            let instead = match (check, probe) {
                (true, _) => serve::Instead::Check,
                (_, true) => serve::Instead::Probe,
                _ => serve::Instead::Nothing,
            };
            let notified = environment.notify_socket.as_deref();
            serve::run(config, instead, notified, output)
        }
        Verb::Login(args) => login::run(args, global, environment, output),
        Verb::Token(args) => token::run(args, global, environment, output),
        Verb::GitCredential(args) => git_credential::run(args, global, environment, output),
        Verb::Refresh => refresh::run(global, environment, output),
        Verb::PlatformToken(args) => platform_token::run(args, environment, output),
        Verb::Agent(args) => agent::run(args, global, environment, output),
        Verb::Whoami => whoami::run(global, environment, output),
        Verb::Logout => logout::run(global, environment, output),
        Verb::Profiles => profiles::list(environment, output),
        Verb::Use { name } => profiles::make_current(name, environment, output),
        Verb::Cert(command) => cert::run(command, global, environment, output),
        #[cfg(feature = "platform")]
        Verb::Store(command) => store::run(command, environment, output),
        Verb::Jwt(command) => jwt::run(command, environment, output),
        Verb::Pat(command) => {
            granted::run(GrantedKind::Personal, command, global, environment, output)
        }
        Verb::AppToken(command) => {
            granted::run(GrantedKind::App, command, global, environment, output)
        }
        Verb::SystemToken(command) => {
            granted::run(GrantedKind::System, command, global, environment, output)
        }
        Verb::TokenString(command) => token_string::run(command, output),
        Verb::Admin(command) => admin::run(command, global, environment, output),
        Verb::Doctor { server } => doctor::run(server.as_deref(), global, environment, output),
        Verb::Completions { shell } => completions::run(*shell, output),
        Verb::Man { dir } => man::run(dir, output),
    }
}
