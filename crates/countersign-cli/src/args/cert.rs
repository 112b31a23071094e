//! Which words are about certificates on this machine?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum CertCommand {
    /// Lists the certificates of the store
    List(StoreOptions),
    /// Shows one certificate
    Show {
        /// A subject (CN=…), a thumbprint, a file, or the pkcs11: URI of a token
        selector: String,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// Says which certificate is taken, and why each other is not
    Explain {
        /// A subject (CN=…), a thumbprint, a file, or the pkcs11: URI of a token
        selector: String,
        /// Several certificates that fit are an error
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// Says whether a certificate is good, or why not
    Verify(CertVerify),
    /// Says by its exit code whether a certificate has to be renewed
    RenewNeeded(CertRenewNeeded),
    /// Makes a key and a certificate
    New(CertNew),
    /// Makes a key and a request for a certificate, to be signed by an authority elsewhere
    Request(CertRequest),
    /// Writes a certificate and its key in another form
    Export(CertExport),
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
    /// The folder or file to look in, or the pkcs11: URI of a hardware token [default: $COUNTERSIGN_CERT_STORE, then $XDG_DATA_HOME/countersign/certificates]
    #[arg(long, value_name = "DIR|FILE|URI")]
    pub(crate) cert_store: Option<String>,
    /// The password of encrypted keys, or the PIN of the token, is in this file ($COUNTERSIGN_KEY_PASSWORD serves too)
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Asks for the password or the PIN at the terminal
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) ask_password: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CertRenewNeeded {
    /// A subject (CN=…), a thumbprint, a file or a folder [default: what the profile signs with]
    pub(crate) selector: Option<String>,
    /// Needed when it ends within this time [default: a third of its life, 30d at most]
    #[arg(long, value_name = "DURATION")]
    pub(crate) within: Option<String>,
    /// Judges what the platform knows, not what is on this machine
    #[arg(long)]
    pub(crate) registered: bool,
    /// Of what the platform knows only the certificates of this application
    #[arg(long, value_name = "ID", requires = "registered")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
}

#[derive(Args, Debug)]
pub(crate) struct CertVerify {
    /// The file with the certificate, and with the issuers between it and an authority
    pub(crate) file: PathBuf,
    /// Authorities that are believed; the certificate itself, if it is signed by its own key. May be given again
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) trust: Vec<PathBuf>,
    /// What it is to be used for
    #[arg(long, value_name = "PURPOSE", default_value = "client-auth")]
    pub(crate) purpose: CertPurpose,
    /// A certificate that names no purpose at all is refused too
    #[arg(long)]
    pub(crate) strict_purpose: bool,
    /// A list of what its issuer has revoked (PEM or DER). May be given again; without one nothing is known of it
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
}

/// A purpose of RFC 5280 §4.2.1.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertPurpose {
    ClientAuth,
    ServerAuth,
    CodeSigning,
    EmailProtection,
    TimeStamping,
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

#[derive(Args, Debug)]
pub(crate) struct CertRequest {
    /// The subject that is asked for (RFC 4514), for example CN=inventory,O=Example
    pub(crate) subject: String,
    /// The file for the request [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The file for the new key, which must not be there yet
    #[arg(long, value_name = "FILE", required_unless_present = "key")]
    pub(crate) key_out: Option<PathBuf>,
    /// Takes this key instead of a new one; one in a hardware token signs there
    #[arg(long, value_name = "FILE|URI", conflicts_with_all = ["key_out", "key_type"])]
    pub(crate) key: Option<PathBuf>,
    /// The password of the key, or the PIN of its token, is in this file ($COUNTERSIGN_KEY_PASSWORD serves too)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) password_file: Option<PathBuf>,
    /// Asks for the password or the PIN at the terminal
    #[arg(long, requires = "key", conflicts_with = "password_file")]
    pub(crate) ask_password: bool,
    /// The kind of key
    #[arg(long, value_name = "TYPE", default_value = "p256")]
    pub(crate) key_type: KeyChoice,
}

#[derive(Args, Debug)]
pub(crate) struct CertExport {
    /// The file with the certificate, and with its key unless --key says otherwise
    pub(crate) file: PathBuf,
    /// The file to write, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The key, when that is in a file of its own
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// How it is written
    #[arg(long, value_name = "FORM", default_value = "pem")]
    pub(crate) form: CertForm,
    /// The password of the new PKCS#12 file is in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Asks for the password of the new PKCS#12 file
    #[arg(long, conflicts_with = "new_password_file")]
    pub(crate) ask_new_password: bool,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
}

/// How a certificate is written with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertForm {
    /// PEM, the key unencrypted
    Pem,
    /// PKCS#12, under a password
    Pkcs12,
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
