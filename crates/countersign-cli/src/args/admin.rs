//! Which words are about what is registered on the platform?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::AdminTokenCommand;

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Who a token stands for
    #[command(subcommand)]
    Principal(PrincipalCommand),
    /// Named sets of permissions
    #[command(subcommand)]
    Role(RoleCommand),
    /// Applications that sign in
    #[command(subcommand)]
    App(AppCommand),
    /// Certificates that are believed
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Which certificate stands for which principal
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// What people are signed in with
    #[command(subcommand)]
    Session(SessionCommand),
    /// Keys that sign tokens
    #[command(subcommand)]
    Key(KeyCommand),
    /// Tokens that people granted
    #[command(subcommand)]
    Token(AdminTokenCommand),
    /// What happened, newest first
    Audit(Box<AuditOptions>),
}

/// Which page of a list.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PageOptions {
    /// So many at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: Option<u32>,
    /// Those after this one, as the page before said
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    /// Lists the principals
    List {
        /// Those who have a password of the platform, or those who have none
        #[arg(long, value_name = "true|false")]
        has_password: Option<bool>,
        #[command(flatten)]
        page: PageOptions,
    },
    /// Shows one principal
    Show {
        /// Its name
        name: String,
    },
    /// Makes a principal
    Create {
        /// Its name
        name: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// A role that it has; may be given again
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        #[command(flatten)]
        password: NewPasswordOptions,
    },
    /// Gives a person a password of the platform, or another one
    SetPassword {
        /// Its name
        name: String,
        /// Also revokes all tokens that this person has or granted
        #[arg(long)]
        with_tokens: bool,
        #[command(flatten)]
        password: NewPasswordOptions,
    },
    /// Takes the password of the platform away
    DeletePassword {
        /// Its name
        name: String,
    },
    /// Changes what is given and leaves the rest
    Update {
        /// Its name
        name: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// The roles that it has from now on; may be given again
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Takes all roles away
        #[arg(long, conflicts_with = "roles")]
        no_roles: bool,
        /// Whether it gets tokens
        #[arg(long, value_name = "true|false")]
        enabled: Option<bool>,
    },
    /// Deletes a principal
    Delete {
        /// Its name
        name: String,
    },
}

/// Where a new password comes from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NewPasswordOptions {
    /// The password is in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Asks for the password at the terminal, twice
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) ask_password: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Lists the sessions, newest first
    List {
        /// Of this principal only
        #[arg(long, value_name = "NAME")]
        principal: Option<String>,
        /// In this state only
        #[arg(long, value_name = "STATE")]
        state: Option<SessionStanding>,
        #[command(flatten)]
        page: PageOptions,
    },
    /// Shows one session
    Show {
        /// Its id, as the list shows it
        id: String,
    },
    /// Ends a session: its tokens are worth nothing from now on
    End {
        /// Its id, as the list shows it
        id: String,
        /// Also revokes what was granted in it
        #[arg(long)]
        with_tokens: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Lists the keys
    List(PageOptions),
    /// Makes a new key; it is announced first and signs later
    Rotate {
        /// An emergency: it signs at once, though nobody has seen it yet
        #[arg(long, requires = "reason")]
        at_once: bool,
        /// Takes the worth of everything that older keys have signed
        #[arg(long, requires = "at_once")]
        retire_old: bool,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Retires a key at once: what it signed is worth nothing from now on
    Retire {
        /// Its kid, as the list shows it
        #[arg(allow_hyphen_values = true)] // base64url begins so now and then
        kid: String,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Which rows of the audit; what is given together must hold together.
#[derive(Args, Debug)]
pub(crate) struct AuditOptions {
    /// Done by this one only
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Done to this one only
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<String>,
    /// This only, as token.issue
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// What was done, or what was refused
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<AuditVerdict>,
    /// Not before this moment: 2027-11-22, 2027-11-22T08:30:00Z, or seconds since 1970
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Not after this moment
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// With the token that has this id only
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) token_id: Option<String>,
    /// With the certificate that has this SHA-256 thumbprint only
    #[arg(long, value_name = "SHA256")]
    pub(crate) certificate: Option<String>,
    #[command(flatten)]
    pub(crate) page: PageOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditVerdict {
    /// It was done
    Ok,
    /// It was refused
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionStanding {
    /// Its token was not acknowledged yet
    Pending,
    /// It lives
    Active,
    /// It is over
    Ended,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Lists the roles
    List(PageOptions),
    /// Shows one role
    Show {
        /// Its name
        name: String,
    },
    /// Makes a role
    Create {
        /// Its name
        name: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// noun:read, noun:write or *; may be given again
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Whether whoever has it must sign in where the browser is
        #[arg(long, value_name = "true|false")]
        require_loopback: Option<bool>,
        /// How long a granted token with it lives at most: 12h, 30d [default: as its kind]
        #[arg(long, value_name = "DURATION")]
        token_lifetime_max: Option<String>,
    },
    /// Changes what is given and leaves the rest
    Update {
        /// Its name
        name: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// The permissions from now on; may be given again
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Whether whoever has it must sign in where the browser is
        #[arg(long, value_name = "true|false")]
        require_loopback: Option<bool>,
        /// How long a granted token with it lives at most: 12h, 30d
        #[arg(long, value_name = "DURATION")]
        token_lifetime_max: Option<String>,
        /// Lets a granted token with it live as long as its kind may
        #[arg(long, conflicts_with = "token_lifetime_max")]
        no_token_lifetime_max: bool,
    },
    /// Deletes a role
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Lists the applications
    List(PageOptions),
    /// Shows one application
    Show {
        /// Its id
        app_id: String,
    },
    /// Makes an application
    Create {
        /// Its id
        app_id: String,
        /// For people [default: the id]
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        settings: AppSettings,
    },
    /// Changes what is given and leaves the rest
    Update {
        /// Its id
        app_id: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        settings: AppSettings,
        /// Whether it may sign in
        #[arg(long, value_name = "true|false")]
        enabled: Option<bool>,
    },
    /// Deletes an application
    Delete {
        /// Its id
        app_id: String,
    },
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AppSettings {
    /// A scope that it may ask for; may be given again
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// The audience of its tokens [default: the issuer]
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// Whether its tokens are bound to a key (RFC 9449)
    #[arg(long, value_name = "true|false")]
    pub(crate) dpop_bound: Option<bool>,
    /// Whether its assertions are shown to the identity provider too, which must agree
    #[arg(long, value_name = "true|false")]
    pub(crate) forward: Option<bool>,
    /// Compatibility: whether that provider's issuer is admitted as audience
    #[arg(long, value_name = "true|false")]
    pub(crate) accept_provider_audience: Option<bool>,
    /// Compatibility: whether the token endpoint's URL is admitted as audience
    #[arg(long, value_name = "true|false")]
    pub(crate) accept_token_endpoint_audience: Option<bool>,
    /// Compatibility: longest life of its assertions, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) assertion_lifetime_max: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// Lists the certificates
    List(PageOptions),
    /// Shows one certificate
    Show {
        /// Its SHA-256 thumbprint, or its file: PEM
        certificate: String,
    },
    /// Registers the certificate of a PEM file; its key stays here
    #[command(visible_alias = "register")]
    Create {
        /// The file: PEM
        file: PathBuf,
        /// The application that signs with it
        #[arg(long, value_name = "ID", required_if_eq("usage", "client"))]
        app_id: Option<String>,
        /// What it may sign
        #[arg(long, default_value = "client")]
        usage: Usage,
        /// A kid besides the thumbprints
        #[arg(long, value_name = "KID")]
        kid_alias: Option<String>,
    },
    /// Ends a certificate, at once and for ever
    Revoke {
        /// Its SHA-256 thumbprint, or its file: PEM
        certificate: String,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Usage {
    Client,
    Platform,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MappingCommand {
    /// Lists the mappings
    List(PageOptions),
    /// Lets a certificate stand for a principal
    Create {
        /// The certificate: SHA-256, SHA-1, its file (PEM) or kid alias
        #[arg(long, value_name = "CERTIFICATE")]
        certificate: String,
        /// Its application
        #[arg(long, value_name = "ID")]
        app_id: String,
        /// Who it stands for
        #[arg(long, value_name = "NAME")]
        principal: String,
        /// Taken when several fit and none was asked for
        #[arg(long)]
        default: bool,
    },
    /// Deletes a mapping
    Delete {
        /// Its id, as the list shows it
        id: String,
    },
}
