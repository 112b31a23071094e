//! Which words are about giving a token to another program?

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};

/// How the current token is printed.
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// Shows what is in it instead
    #[arg(long)]
    pub(crate) decode: bool,
    #[command(flatten)]
    pub(crate) aws: AwsOptions,
}

/// What AWS is asked for.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "For credentials of AWS")]
pub(crate) struct AwsOptions {
    /// The role whose credentials the token is exchanged for
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,
    /// How AWS names the session in its logs [default: the principal of the token]
    #[arg(long, value_name = "NAME", requires = "role_arn")]
    pub(crate) role_session_name: Option<String>,
    /// How long the credentials live: 15m to 12h [default: as long as AWS says, 1h]
    #[arg(long, value_name = "DURATION", requires = "role_arn")]
    pub(crate) role_duration: Option<String>,
    /// The security token service that is asked [default: https://sts.amazonaws.com]
    #[arg(long, value_name = "URL", requires = "role_arn")]
    pub(crate) sts_endpoint: Option<String>,
}

/// A helper of git.
#[derive(Args, Debug)]
pub(crate) struct GitCredentialArgs {
    /// Gives the token to git for this server and no other: https://HOST, or with a path for what
    /// is below it (may be given again)
    #[arg(long = "for", value_name = "URL", required = true)]
    pub(crate) servers: Vec<String>,
    /// The user name beside the token, where the server takes it as a password
    #[arg(long, value_name = "NAME", default_value = "oauth2")]
    pub(crate) username: String,
    /// How the token is presented
    #[arg(long, value_name = "SCHEME", default_value = "auto")]
    pub(crate) scheme: GitScheme,
    /// What git wants: get, store or erase; git says it
    pub(crate) operation: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GitScheme {
    /// As a bearer token where git can and the server does not ask for something else
    Auto,
    /// As a bearer token, or not at all
    Bearer,
    /// As the password of a user
    Basic,
}

/// An agent.
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    /// Where it listens [default: $XDG_RUNTIME_DIR/countersign/agent.sock]
    #[arg(long, value_name = "FILE")]
    pub(crate) socket: Option<PathBuf>,
    /// Serves the tokens of this profile (may be given again) [default: of every profile]
    #[arg(long = "serve", value_name = "PROFILE")]
    pub(crate) served: Vec<String>,
    /// Serves the programs of this user too (may be given again); needs --socket and --serve
    #[arg(long = "allow-uid", value_name = "UID", requires_all = ["socket", "served"])]
    pub(crate) allowed: Vec<u32>,
    /// Listens on this loopback address too, for programs that know a secret from a file; needs --serve
    #[arg(long, value_name = "ADDR", requires = "served")]
    pub(crate) http: Option<SocketAddr>,
    /// Where the secret for --http is written [default: agent.secret beside the socket]
    #[arg(long, value_name = "FILE", requires = "http")]
    pub(crate) http_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) aws: AwsOptions,
}
