//! Which words are about certificates on this machine?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum CertCommand {
    /// Lists the certificates of the store
    List(StoreOptions),
    /// Shows one certificate
    Show {
        /// A subject (CN=…), a thumbprint, or a file
        selector: String,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// Says which certificate is taken, and why each other is not
    Explain {
        /// A subject (CN=…), a thumbprint, or a file
        selector: String,
        /// Several certificates that fit are an error
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// Makes a key and a certificate
    New(CertNew),
    /// Copies a PEM or PKCS#12 file into the store
    Import {
        /// The file
        file: PathBuf,
        /// Its name in the store [default: as it is]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        store: StoreOptions,
    },
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StoreOptions {
    /// The folder or file to look in [default: $COUNTERSIGN_CERT_STORE, then $XDG_DATA_HOME/countersign/certificates]
    #[arg(long, value_name = "DIR|FILE|URI")]
    pub(crate) cert_store: Option<String>,
    /// The password of encrypted keys is in this file ($COUNTERSIGN_KEY_PASSWORD serves too)
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Asks for the password at the terminal
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) ask_password: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CertNew {
    /// Its subject (RFC 4514), for example CN=inventory,O=Example
    pub(crate) subject: String,
    /// The file for certificate and key [default: named after the subject, in the store]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The kind of key
    #[arg(long, value_name = "TYPE", default_value = "p256")]
    pub(crate) key_type: KeyChoice,
    /// How long it is valid, in days
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
    /// Signs it with this certificate authority instead of its own key
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The authority's key, when that is in a file of its own
    #[arg(long, value_name = "FILE", requires = "ca")]
    pub(crate) ca_key: Option<PathBuf>,
    /// Makes a certificate authority
    #[arg(long, conflicts_with = "ca")]
    pub(crate) authority: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyChoice {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}
