//! Which words say how to sign in?

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// The server's issuer identifier, for example https://platform.example
    pub(crate) server: String,
    /// The id of the application that signs in
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Asks for a platform token (type 2) by a platform certificate
    #[arg(long, conflicts_with_all = ["app_id", "principal"])]
    pub(crate) as_platform: bool,
    #[command(flatten)]
    pub(crate) certificate: CertificateOptions,
    #[command(flatten)]
    pub(crate) assertion: AssertionOptions,
}

#[derive(Args, Debug)]
pub(crate) struct PlatformTokenArgs {
    /// The server's issuer identifier
    pub(crate) server: String,
    /// Shows what is in the token instead
    #[arg(long)]
    pub(crate) decode: bool,
    #[command(flatten)]
    pub(crate) certificate: CertificateOptions,
    #[command(flatten)]
    pub(crate) assertion: AssertionOptions,
}

/// Which certificate.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Certificate")]
pub(crate) struct CertificateOptions {
    /// The certificate with this subject (RFC 4514), for example CN=Corellian
    #[arg(long, value_name = "DN")]
    pub(crate) cert_subject: Option<String>,
    /// The certificate with this SHA-1 or SHA-256 thumbprint; wins over the subject
    #[arg(long, value_name = "HEX")]
    pub(crate) cert_thumbprint: Option<String>,
    /// Only of this issuer (RFC 4514)
    #[arg(long, value_name = "DN")]
    pub(crate) cert_issuer: Option<String>,
    /// Only with this serial number
    #[arg(long, value_name = "HEX")]
    pub(crate) cert_serial: Option<String>,
    /// The certificate in this file: PEM or PKCS#12
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert_store", "cert_subject", "cert_thumbprint"])]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key, when that is in a file of its own
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The folder or file to look in [default: $COUNTERSIGN_CERT_STORE, then $XDG_DATA_HOME/countersign/certificates]
    #[arg(long, value_name = "DIR|FILE|URI")]
    pub(crate) cert_store: Option<String>,
    /// The password of the key is in this file ($COUNTERSIGN_KEY_PASSWORD serves too)
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Asks for the password of the key at the terminal
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) ask_password: bool,
    /// Several certificates that fit are an error
    #[arg(long)]
    pub(crate) strict: bool,
}

impl CertificateOptions {
    /// Whether any of them says which certificate.
    pub(crate) fn name_one(&self) -> bool {
        self.cert_subject.is_some()
            || self.cert_thumbprint.is_some()
            || self.cert_issuer.is_some()
            || self.cert_serial.is_some()
            || self.cert.is_some()
            || self.cert_store.is_some()
    }
}

/// What the assertion says, and what is asked for with it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Assertion")]
pub(crate) struct AssertionOptions {
    /// Which of several mapped principals
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// Scopes to ask for, separated by spaces
    #[arg(long, value_name = "SCOPES")]
    pub(crate) scope: Option<String>,
    /// sha1-hex (default), sha256-hex, sha1-base64url, sha256-base64url, none, literal:VALUE
    #[arg(long, value_name = "FORM")]
    pub(crate) kid: Option<String>,
    /// RS256, PS256, ES256, ES384, ES512, EdDSA [default: by the key and the server]
    #[arg(long, value_name = "ALG")]
    pub(crate) alg: Option<String>,
    /// issuer (default), token-endpoint, or a URI
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,
    /// Sends the certificate chain along
    #[arg(long)]
    pub(crate) x5c: bool,
    /// Asks for a token that is bound to a key of this process (RFC 9449); it is not stored
    #[arg(long)]
    pub(crate) dpop: bool,
    /// Trusts the certificate authorities of this PEM file besides the system's
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) ca_bundle: Option<PathBuf>,
}
