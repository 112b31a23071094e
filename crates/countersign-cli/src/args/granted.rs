//! Which words are about tokens that people grant?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign::proto::management::GrantedState;

use super::{PageOptions, TokenSource};

#[derive(Debug, Subcommand)]
pub(crate) enum GrantedCommand {
    /// Makes a token, and prints it this once
    #[command(after_help = AFTER_CREATE)]
    Create(Box<GrantedCreate>),
    /// Lists the tokens, newest first
    List(GrantedList),
    /// Shows what is known of a token; never the token itself
    Show {
        /// Its id, as the list shows it
        id: String,
    },
    /// Changes the name or the description of a token
    Rename {
        /// Its id, as the list shows it
        id: String,
        /// Its name from now on
        #[arg(long, value_name = "TEXT", required_unless_present = "description")]
        name: Option<String>,
        /// Its description from now on
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Gives a token a successor, and prints that this once; or ends a rotation
    #[command(after_help = AFTER_ROTATE)]
    Rotate(GrantedRotate),
    /// Revokes a token, and every token that was made with it
    Revoke {
        /// Its id, as the list shows it
        id: String,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lets a token of another platform go on working here, or a whole table of them
    #[command(after_help = AFTER_IMPORT)]
    Import(Box<GrantedImport>),
}

impl GrantedCommand {
    /// Whether a token goes to stdout.
    pub(crate) fn prints_a_token(&self) -> bool {
        match self {
            GrantedCommand::Create(args) => args.output.output_file.is_none(),
            GrantedCommand::Rotate(args) => args.id.is_some() && args.output.output_file.is_none(),
            _ => false,
        }
    }
}

/// What a token is to be.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantedTerms {
    /// For people, 1 to 255 characters
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// A role that it carries; may be given again [default: all that its owner has]
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// What of the permissions of its roles it carries; may be given again [default: all of them]
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// The API that it is for [default: the platform]
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: Option<String>,
    /// The principal that it stands for [default: who makes it]
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    #[command(flatten)]
    pub(crate) end: GrantedEnd,
}

/// When a token ends.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantedEnd {
    /// Its end: 2027-11-22, 2027-11-22T08:30:00Z, or seconds since 1970 [default: by the platform]
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<String>,
    /// How long it lives: 12h, 30d
    #[arg(long, value_name = "DURATION", conflicts_with = "expires")]
    pub(crate) lifetime: Option<String>,
    /// It has no end, where the platform permits that
    #[arg(long, conflicts_with_all = ["expires", "lifetime"])]
    pub(crate) never: bool,
}

/// Where a new token goes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantedOutput {
    /// Puts NAME-CREATED-ENDS-- in front of the token, so that people know it again; it works with that
    #[arg(long)]
    pub(crate) label: bool,
    /// Writes the token into this file, for its owner alone, in place of stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct GrantedCreate {
    #[command(flatten)]
    pub(crate) terms: GrantedTerms,
    /// Makes it a signed JWT, which APIs can read by themselves; app tokens only
    #[arg(long, conflicts_with = "label")]
    pub(crate) jwt: bool,
    #[command(flatten)]
    pub(crate) output: GrantedOutput,
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantedList {
    #[command(flatten)]
    pub(crate) filter: GrantedFilter,
    #[command(flatten)]
    pub(crate) page: PageOptions,
}

/// Which tokens are listed.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantedFilter {
    /// Of this principal only
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// In this state only
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<State>,
    /// Whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Made by tokens of this application only
    #[arg(long, value_name = "ID")]
    pub(crate) application: Option<String>,
    /// Made by tokens of the certificate with this SHA-256 thumbprint only
    #[arg(long, value_name = "SHA256")]
    pub(crate) certificate: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// Good
    Active,
    /// Good, and its end is near
    Expiring,
    /// Good, and its successor is there
    Rotated,
    /// Over by itself
    Expired,
    /// Ended by somebody
    Revoked,
}

impl From<State> for GrantedState {
    fn from(state: State) -> GrantedState {
        match state {
            State::Active => GrantedState::Active,
            State::Expiring => GrantedState::Expiring,
            State::Rotated => GrantedState::Rotated,
            State::Expired => GrantedState::Expired,
            State::Revoked => GrantedState::Revoked,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Of a person, for programs
    Personal,
    /// Of an identity, for an API
    App,
    /// Of no identity
    System,
}

#[derive(Args, Debug)]
pub(crate) struct GrantedRotate {
    /// Its id, as the list shows it
    #[arg(required_unless_present_any = ["confirm", "abort"])]
    pub(crate) id: Option<String>,
    /// The successor works: ends the old one now; takes the id of either
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "abort"])]
    pub(crate) confirm: Option<String>,
    /// Ends the successor now, and the old one is as it was; takes the id of either
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    pub(crate) abort: Option<String>,
    /// How long the old one lives beside the new one: 1h, 7d [default: by the platform]
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["confirm", "abort"])]
    pub(crate) grace: Option<String>,
    /// Keeps the old one until its grace ends, though the new one is used
    #[arg(long, conflicts_with_all = ["confirm", "abort"])]
    pub(crate) keep_until_grace_ends: bool,
    /// How long the new one lives: 12h, 30d [default: as long as the old one was given]
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["confirm", "abort"])]
    pub(crate) lifetime: Option<String>,
    #[command(flatten)]
    pub(crate) output: GrantedOutput,
}

#[derive(Args, Debug)]
pub(crate) struct GrantedImport {
    #[command(flatten)]
    pub(crate) token: TokenSource,
    #[command(flatten)]
    pub(crate) terms: GrantedTerms,
    /// Imports every line of this table: CSV with a line of headings, or a JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "file", "token_env", "name", "description", "roles", "scopes", "audience", "owner",
        "expires", "lifetime", "never",
    ])]
    pub(crate) table: Option<PathBuf>,
    /// Begins at this line of the table
    #[arg(long, value_name = "N", requires = "table", default_value_t = 1)]
    pub(crate) from_line: usize,
    /// Lists what is imported as revoked: nobody gets in by it any more
    #[arg(long)]
    pub(crate) invalidate_all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminTokenCommand {
    /// Lists the tokens of everybody, newest first
    List {
        /// Of this kind only
        #[arg(long, value_name = "KIND")]
        kind: Option<Kind>,
        #[command(flatten)]
        list: GrantedList,
    },
    /// Revokes all tokens of a principal, or all that somebody or something granted
    Revoke {
        #[command(flatten)]
        which: Together,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Which tokens are revoked together.
#[derive(Args, Clone, Debug, Default)]
#[group(required = true, multiple = false)]
pub(crate) struct Together {
    /// All of this principal
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// All that were made by tokens of this application
    #[arg(long, value_name = "ID")]
    pub(crate) application: Option<String>,
    /// All that were made by tokens of the certificate with this SHA-256 thumbprint
    #[arg(long, value_name = "SHA256")]
    pub(crate) certificate: Option<String>,
    /// All that were made with the token or in the session that has this id, and with those
    #[arg(long, allow_hyphen_values = true, value_name = "ID")]
    pub(crate) created_through: Option<String>,
    /// All that this principal made, for whomever
    #[arg(long, value_name = "NAME")]
    pub(crate) created_by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenStringCommand {
    /// Says offline of which kind a token is, and whether it was copied whole
    Check {
        #[command(flatten)]
        token: TokenSource,
        #[command(flatten)]
        prefix: PrefixOptions,
    },
    /// Prints the regular expression by which a secret scanner finds tokens
    Pattern {
        #[command(flatten)]
        prefix: PrefixOptions,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PrefixOptions {
    /// What the tokens of the platform begin with: its tokens.prefix
    #[arg(long, value_name = "PREFIX", default_value = "csn")]
    pub(crate) prefix: String,
}

// No line is longer than help is wide: a line that is broken in two is no command.
const AFTER_CREATE: &str = "\
Examples:
  countersign pat create --name laptop --lifetime 30d --output-file token
  countersign app-token create --name shop --owner shop --role Seller --audience https://api.example
  countersign system-token create --name backup --role Reader --expires 2027-11-22";

const AFTER_ROTATE: &str = "\
The old token ends when the new one is first used, or when its grace ends.

Examples:
  countersign pat rotate ID --output-file token
  countersign pat rotate ID --grace 7d --keep-until-grace-ends
  countersign pat rotate --confirm ID";

const AFTER_IMPORT: &str = "\
A table has the columns name and token, and may have description, owner, roles, scopes (in CSV with ;
between them), audience and expires_at. The platform keeps a digest of each token and nothing else.

Examples:
  countersign app-token import --name shop --owner shop --lifetime 30d < token
  countersign app-token import --table tokens.csv --invalidate-all";
