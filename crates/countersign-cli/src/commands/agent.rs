//! How does an agent start, from what was typed?

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc};

use rustix::process::geteuid;

use crate::{
    agent::{self, Loopback, Reach, Settings},
    args::{AgentArgs, Environment, Global},
    aws::Exchange,
    failure::Failure,
    output::Output,
};

pub(crate) fn run(
    args: &AgentArgs,
    global: &Global,
    environment: &Arc<Environment>,
    output: &Output,
) -> Result<(), Failure> {
    let socket = match (&args.socket, &environment.runtime) {
        (Some(path), _) => absolute(path)?,
        (None, Some(folder)) => folder.join("agent.sock"),
        (None, None) => {
            return Err(Failure::usage("no place for the socket: HOME is not set")
                .hint("name one with --socket, or set XDG_RUNTIME_DIR"));
        }
    };
    let loopback = match args.http {
        Some(address) => Some(Loopback {
            address: check_loopback(address)?,
            secret_file: match &args.http_secret_file {
                Some(file) => absolute(file)?,
                None => socket.with_file_name("agent.secret"),
            },
        }),
        None => None,
    };
    let mut users: BTreeSet<u32> = args.allowed.iter().copied().collect();
    users.insert(geteuid().as_raw());
    let settings = Settings {
        socket,
        reach: match args.allowed.is_empty() {
            true => Reach::Owner,
            false => Reach::Everybody,
        },
        users,
        served: args.served.clone(),
        default: global.profile.clone(),
        loopback,
        aws: match args.aws.role_arn {
            Some(_) => Some(Exchange::read(&args.aws)?),
            None => None,
        },
    };
    agent::run(settings, Arc::clone(environment), *output)
}

fn check_loopback(address: SocketAddr) -> Result<SocketAddr, Failure> {
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(
            Failure::usage(format!("--http {address} is not a loopback address"))
                .hint("tokens are served to this machine alone, for example at 127.0.0.1:9911"),
        ),
    }
}

fn absolute(path: &std::path::Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("cannot find {}: {error}", path.display())))
}
