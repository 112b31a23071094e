//! Which words say how to sign in?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// The server's issuer identifier, for example https://platform.example
    pub(crate) server: String,
    /// The id of the application that signs in
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Asks for a platform token (type 2) by a platform certificate
    #[arg(long, conflicts_with_all = ["app_id", "principal", "provider", "parameters"])]
    pub(crate) as_platform: bool,
    /// What the server speaks, where it is not what this project does: tachyon
    #[arg(long, value_name = "DIALECT", hide_possible_values = true)]
    pub(crate) dialect: Option<Dialect>,
    /// Which program this is, as it is registered with a server of the dialect [default: countersign]
    #[arg(long, value_name = "NAME")]
    pub(crate) consumer: Option<String>,
    #[command(flatten)]
    pub(crate) browser: BrowserOptions,
    #[command(flatten)]
    pub(crate) certificate: CertificateOptions,
    #[command(flatten)]
    pub(crate) assertion: AssertionOptions,
    #[command(flatten)]
    pub(crate) provider: ProviderOptions,
}

impl LoginArgs {
    /// Which way of signing in the words ask for. Without any word about a certificate or an
    /// application it is the browser.
    pub(crate) fn way(&self) -> Result<Way, Failure> {
        match self.dialect {
            Some(Dialect::Tachyon) => self.fit_tachyon()?,
            None if self.consumer.is_some() => {
                return Err(Failure::usage("--consumer belongs to the dialect tachyon")
                    .hint("add --dialect tachyon, or leave it out"));
            }
            None => {}
        }
        let names_certificate = self.certificate.name_one();
        if !names_certificate && self.app_id.is_none() && !self.as_platform {
            let useless = self.certificate.given();
            let useless = useless.or(self.assertion.given_for_certificates_only());
            return match useless.or(self.provider.given()) {
                None => Ok(Way::Browser),
                Some(option) => Err(Failure::usage(format!(
                    "{option} belongs to a sign-in with a certificate, and none is named"
                ))
                .hint("name one with --cert FILE and --app-id ID, or leave that option out to sign in with a browser")),
            };
        }
        if let Some(option) = self.browser.given() {
            return Err(Failure::usage(format!(
                "{option} belongs to a sign-in with a browser, and a certificate login needs none"
            ))
            .hint("leave it out, or leave out what is about certificates and applications"));
        }
        if !names_certificate {
            return Err(Failure::usage("no certificate is named")
                .hint("say which with --cert-subject, --cert-thumbprint, --cert or --cert-store"));
        }
        if self.app_id.is_none() && !self.as_platform {
            return Err(Failure::usage("no application is named")
                .hint("say which with --app-id, or ask for a platform token with --as-platform"));
        }
        Ok(Way::Certificate)
    }
}

impl LoginArgs {
    /// An error for what the dialect has no words for, or none that are public.
    fn fit_tachyon(&self) -> Result<(), Failure> {
        let assertion = &self.assertion;
        let alg = assertion.alg.as_deref().filter(|alg| *alg != "RS256");
        let useless = first_given([
            (self.as_platform, "--as-platform"),
            (assertion.principal.is_some(), "--principal"),
            (assertion.scope.is_some(), "--scope"),
            (assertion.kid.is_some(), "--kid"),
            (alg.is_some(), "--alg"),
            (assertion.x5c, "--x5c"),
            (assertion.dpop, "--dpop"),
            (self.browser.expected.is_some(), "--as"),
            (self.browser.loopback_port.is_some(), "--loopback-port"),
            (self.provider.provider.is_some(), "--provider"),
            (!self.provider.parameters.is_empty(), "--parameter"),
        ]);
        if let Some(option) = useless {
            return Err(Failure::usage(format!(
                "{option} cannot be said in the Tachyon dialect, as far as it is public"
            ))
            .hint("leave it out; docs/tachyon.md has what is spoken"));
        }
        let audience = assertion.audience.as_deref();
        match audience {
            Some(named) if !named.starts_with("https://") && !named.starts_with("http://") => {
                Err(Failure::usage(format!(
                    "--audience {named}: in the Tachyon dialect it is the identity provider's token endpoint"
                ))
                .hint("give that address, or leave it out to let the server say it"))
            }
            _ => Ok(()),
        }
    }
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    /// That of the 1E/Tachyon platform
    Tachyon,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A person, by a browser.
    Browser,
    /// Whoever holds a certificate.
    Certificate,
}

/// How a person is sent to a browser, and who is expected to come back.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Browser")]
pub(crate) struct BrowserOptions {
    /// Accepts this principal without a question; needed without a terminal, where others are refused
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) expected: Option<String>,
    /// Shows the address and opens no browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Shows the address as a QR code too
    #[arg(long)]
    pub(crate) qr: bool,
    /// Where this command listens for the browser, for example behind ssh -L [default: any free port]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    pub(crate) loopback_port: Option<u16>,
}

impl BrowserOptions {
    /// The first of them that was typed.
    fn given(&self) -> Option<&'static str> {
        first_given([
            (self.expected.is_some(), "--as"),
            (self.no_browser, "--no-browser"),
            (self.qr, "--qr"),
            (self.loopback_port.is_some(), "--loopback-port"),
        ])
    }
}

fn first_given<const N: usize>(options: [(bool, &'static str); N]) -> Option<&'static str> {
    let mut given = options.into_iter().filter(|(given, _)| *given);
    given.next().map(|(_, option)| option)
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

/// Whose the server is, where it is no platform of ours.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server of another make")]
pub(crate) struct ProviderOptions {
    /// entra-id, okta, keycloak, hydra, one of your settings, a file that describes one, or none
    /// [default: by the host of the server, where that is certain]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) provider: Option<String>,
    /// Sends this along with each request for a token, for example audience=https://api.example
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) parameters: Vec<(String, String)>,
}

impl ProviderOptions {
    /// The first of them that was typed.
    fn given(&self) -> Option<&'static str> {
        first_given([
            (self.provider.is_some(), "--provider"),
            (!self.parameters.is_empty(), "--parameter"),
        ])
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a name and a value with = between them")?;
    Ok((name.to_owned(), value.to_owned()))
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
    /// The certificate in this file, PEM or PKCS#12, or in a hardware token by its pkcs11: URI
    #[arg(long, value_name = "FILE|URI", conflicts_with_all = ["cert_store", "cert_subject", "cert_thumbprint"])]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key, when that is in a file of its own
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The folder or file to look in, or the pkcs11: URI of a hardware token [default: $COUNTERSIGN_CERT_STORE, then $XDG_DATA_HOME/countersign/certificates]
    #[arg(long, value_name = "DIR|FILE|URI")]
    pub(crate) cert_store: Option<String>,
    /// The password of the key, or the PIN of the token, is in this file ($COUNTERSIGN_KEY_PASSWORD serves too)
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Asks for the password of the key, or the PIN of the token, at the terminal
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

    /// The first of those that only say how one is taken or opened.
    fn given(&self) -> Option<&'static str> {
        first_given([
            (self.key.is_some(), "--key"),
            (self.password_file.is_some(), "--password-file"),
            (self.ask_password, "--ask-password"),
            (self.strict, "--strict"),
        ])
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
    /// sha1-hex (default), sha256-hex, sha1-base64url, sha256-base64url, jwk-thumbprint,
    /// spki-sha256-base64url, none, literal:VALUE
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

impl AssertionOptions {
    /// The first that a sign-in without an assertion has no use for.
    fn given_for_certificates_only(&self) -> Option<&'static str> {
        first_given([
            (self.principal.is_some(), "--principal"),
            (self.kid.is_some(), "--kid"),
            (self.alg.is_some(), "--alg"),
            (self.audience.is_some(), "--audience"),
            (self.x5c, "--x5c"),
            (self.dpop, "--dpop"),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Parsed, Verb, parse};

    fn way(options: &str) -> Result<Way, Failure> {
        let line = format!("countersign login https://p.example {options}");
        match parse(line.split_whitespace().map(Into::into)) {
            Parsed::Command(typed) => match typed.verb {
                Verb::Login(login) => login.way(),
                _ => panic!("not a login"),
            },
            Parsed::Wrong(failure) => Err(failure),
            Parsed::Help(_) => panic!("help"),
        }
    }

    #[test]
    fn without_a_word_about_certificates_a_login_is_one_with_a_browser() {
        for options in [
            "",
            "--as vader",
            "--no-browser --qr --loopback-port 1024",
            "--scope roles:read --ca-bundle ca.pem",
            "--dialect tachyon --consumer Explorer --no-browser --qr",
        ] {
            assert_eq!(way(options), Ok(Way::Browser), "{options}");
        }
        for options in [
            "--app-id a --cert c.pem",
            "--as-platform --cert-store folder",
            "--dialect tachyon --app-id a --cert c.pem --alg RS256 --audience https://login.example/token",
        ] {
            assert_eq!(way(options), Ok(Way::Certificate), "{options}");
        }
    }

    #[test]
    fn words_of_both_ways_are_refused_and_named() {
        for (options, said) in [
            (
                "--principal vader",
                "--principal belongs to a sign-in with a certificate, and none is named",
            ),
            (
                "--strict --as vader",
                "--strict belongs to a sign-in with a certificate, and none is named",
            ),
            (
                "--app-id a --cert c.pem --as vader",
                "--as belongs to a sign-in with a browser, and a certificate login needs none",
            ),
            ("--app-id a", "no certificate is named"),
            ("--cert c.pem", "no application is named"),
            ("--consumer x", "--consumer belongs to the dialect tachyon"),
            (
                "--dialect tachyon --cert c.pem --as-platform",
                "--as-platform cannot be said in the Tachyon dialect, as far as it is public",
            ),
            (
                "--dialect tachyon --as vader",
                "--as cannot be said in the Tachyon dialect, as far as it is public",
            ),
            (
                "--dialect tachyon --app-id a --cert c.pem --alg PS256",
                "--alg cannot be said in the Tachyon dialect, as far as it is public",
            ),
            (
                "--dialect tachyon --app-id a --cert c.pem --audience issuer",
                "--audience issuer: in the Tachyon dialect it is the identity provider's token endpoint",
            ),
        ] {
            let failure = way(options).expect_err(options);
            assert_eq!((failure.message(), failure.code()), (said, 2), "{options}");
        }
    }

    #[test]
    fn a_port_that_no_listener_of_a_person_may_have_is_refused() {
        for port in ["80", "1023", "65536", "x"] {
            assert_eq!(
                way(&format!("--loopback-port {port}")).unwrap_err().code(),
                2
            );
        }
    }
}
