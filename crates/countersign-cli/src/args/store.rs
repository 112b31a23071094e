//! Which words are about what a platform remembers in?

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Moves all that a stopped platform remembers from its file into an empty PostgreSQL
    Migrate {
        /// The file
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The database: postgres://USER@HOST/DATABASE, without a password
        /// [default: $COUNTERSIGN_STORE_URL, where one may stand]
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// Holds the password of the database in one line
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}
