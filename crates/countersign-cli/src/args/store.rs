//! Which words are about what a platform remembers in?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copies the store of a platform, while it serves, into a new file
    Backup(StoreBackup),
    /// Brings a backup back to where a stopped platform has its store
    Restore(StoreRestore),
    /// Moves all that a stopped platform remembers from its file into an empty PostgreSQL
    Migrate(StoreMigrate),
}

#[derive(Args, Debug)]
pub(crate) struct StoreBackup {
    /// The settings of the platform, which say where its store is
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    pub(crate) config: Option<PathBuf>,
    /// The file of the store, instead
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) from: Option<PathBuf>,
    /// The backup: a file that is not there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct StoreRestore {
    /// The settings of the platform, which say where its store and its secrets file are
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// What becomes of tokens that people granted: of those that were revoked after the backup,
    /// the backup knows nothing
    #[arg(long, value_name = "WHAT")]
    pub(crate) granted_tokens: Option<GrantedTokensChoice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GrantedTokensChoice {
    /// They go on, as they were
    Keep,
    /// Each is revoked
    Revoke,
}

#[derive(Args, Debug)]
pub(crate) struct StoreMigrate {
    /// The file
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// The database: postgres://USER@HOST/DATABASE, without a password
    /// [default: $COUNTERSIGN_STORE_URL, where one may stand]
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// Holds the password of the database in one line
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}
