//! What is remembered about a server, so that nobody has to say it again?

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use countersign::tachyon::DEFAULT_CONSUMER;
use serde::{Deserialize, Serialize};

use crate::{
    args::{AssertionOptions, CertificateOptions, Dialect, Environment},
    certificate_choice::token,
    failure::Failure,
    private_file::{self, Existing},
    provider::Described,
    sealing::CacheSettings,
};

/// The settings file, `config.toml`. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The name of the profile that is used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// What is said of the token cache.
    #[serde(default, skip_serializing_if = "CacheSettings::is_default")]
    pub(crate) cache: CacheSettings,
    /// All of them.
    #[serde(
        default,
        rename = "profile",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(crate) all: BTreeMap<String, Profile>,
    /// Servers of other makes, as somebody described them.
    #[serde(
        default,
        rename = "provider",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(crate) providers: BTreeMap<String, Described>,
}

/// How to sign in at one server: what was said at `login`, with absolute paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    pub(crate) server: String,
    /// What the server speaks, where it is not what this project does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dialect: Option<Dialect>,
    /// Which program this is, to a server of the dialect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consumer: Option<String>,
    /// A person signs in, with a browser.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) browser: bool,
    /// Who signed in with the browser last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) as_platform: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_thumbprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert_store: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) ask_password: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) x5c: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) dpop: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// The make of the server: a name, or a file that describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    /// Sent along with each request for a token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Profile {
    /// A profile from what was typed.
    pub(crate) fn typed(
        server: &str,
        certificate: &CertificateOptions,
        assertion: &AssertionOptions,
        environment: &Environment,
    ) -> Result<Profile, Failure> {
        let file = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
        let place = |place: &Option<PathBuf>| {
            let place = place.as_deref();
            place
                .map(|place| remembered(place, environment))
                .transpose()
        };
        let cert_store = match &certificate.cert_store {
            Some(place) => Some(store_path(place)?),
            None if certificate.cert.is_some() => None,
            None => environment.cert_store.clone(),
        };
        Ok(Profile {
            server: server_url(server),
            dialect: None,
            consumer: None,
            browser: false,
            last_principal: None,
            app_id: None,
            as_platform: false,
            cert_subject: certificate.cert_subject.clone(),
            cert_thumbprint: certificate.cert_thumbprint.clone(),
            cert_issuer: certificate.cert_issuer.clone(),
            cert_serial: certificate.cert_serial.clone(),
            cert: place(&certificate.cert)?,
            key: file(&certificate.key)?,
            cert_store: place(&cert_store)?,
            password_file: file(&certificate.password_file)?,
            ask_password: certificate.ask_password,
            strict: certificate.strict,
            principal: assertion.principal.clone(),
            scope: assertion.scope.clone(),
            kid: assertion.kid.clone(),
            alg: assertion.alg.clone(),
            audience: assertion.audience.clone(),
            x5c: assertion.x5c,
            dpop: assertion.dpop,
            ca_bundle: file(&assertion.ca_bundle)?,
            provider: None,
            parameters: BTreeMap::new(),
        })
    }

    /// Which program this is, to a server of the dialect.
    pub(crate) fn consumer(&self) -> &str {
        self.consumer.as_deref().unwrap_or(DEFAULT_CONSUMER)
    }

    /// Everything that makes a token of this profile another token than that of a different one.
    pub(crate) fn identity_parts(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Option<PathBuf>| {
            let path = path.as_deref().unwrap_or(Path::new(""));
            path.to_string_lossy().into_owned()
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut parts = vec![
            ("server", self.server.clone()),
            ("app_id", text(&self.app_id)),
            ("as_platform", self.as_platform.to_string()),
            ("cert_subject", text(&self.cert_subject)),
            ("cert_thumbprint", text(&self.cert_thumbprint)),
            ("cert_issuer", text(&self.cert_issuer)),
            ("cert_serial", text(&self.cert_serial)),
            ("cert", path(&self.cert)),
            ("key", path(&self.key)),
            ("cert_store", path(&self.cert_store)),
            ("principal", text(&self.principal)),
            ("scope", text(&self.scope)),
            ("audience", text(&self.audience)),
        ];
        if let Some(provider) = &self.provider {
            parts.push(("provider", provider.clone()));
        }
        if !self.parameters.is_empty() {
            // As one: each part counts once.
            parts.push(("parameters", format!("{:?}", self.parameters)));
        }
        if self.dialect.is_some() {
            parts.push(("dialect", "tachyon".to_owned()));
            parts.push(("consumer", self.consumer().to_owned()));
        }
        parts
    }
}

impl Profiles {
    /// Reads the settings; there are none when there is no file.
    pub(crate) fn read(environment: &Environment) -> Result<Profiles, Failure> {
        let Some(file) = file(environment) else {
            return Ok(Profiles::default());
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(Profiles::default());
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(
                    Failure::usage(format!("{}: it is not UTF-8", file.display()))
                        .hint("correct the file, or remove it and sign in again"),
                );
            }
            Err(error) => return Err(private_file::failed("cannot read", &file, &error)),
        };
        Profiles::parse(&text, &file)
    }

    fn parse(text: &str, file: &Path) -> Result<Profiles, Failure> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or_default();
                before.matches('\n').count() + 1
            });
            let line = line.map_or_else(String::new, |line| format!(":{line}"));
            let problem = error
                .message()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            Failure::usage(format!("{}{line}: {problem}", file.display()))
                .hint("correct the file, or remove it and sign in again")
        })
    }

    /// Changes the settings as they are now, whatever was read before: of two runs at once neither
    /// takes away what the other wrote.
    pub(crate) fn change<T>(
        environment: &Environment,
        change: impl FnOnce(&mut Profiles) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _lock = match &environment.config {
            Some(folder) => Some(lock(folder)?),
            None => None,
        };
        let mut profiles = Profiles::read(environment)?;
        let outcome = change(&mut profiles)?;
        profiles.write(environment)?;
        Ok(outcome)
    }

    /// Writes the settings.
    fn write(&self, environment: &Environment) -> Result<(), Failure> {
        let file = file(environment).ok_or_else(|| {
            Failure::other("no place for the settings: HOME is not set")
                .hint("set HOME or XDG_CONFIG_HOME")
        })?;
        let text = toml::to_string(self)
            .map_err(|error| Failure::other(format!("cannot write {}: {error}", file.display())))?;
        private_file::write(&file, text.as_bytes(), Existing::Replace)
    }

    /// The profile of this name, or the current one.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<(&str, &Profile), Failure> {
        let no_server =
            || Failure::usage("no server is set").hint("sign in first: countersign login SERVER");
        let name = name.or(self.current.as_deref()).ok_or_else(no_server)?;
        let found = self.all.get_key_value(name);
        found
            .map(|(name, profile)| (name.as_str(), profile))
            .ok_or_else(|| match self.all.is_empty() {
                true => no_server(),
                false => {
                    let names = self.all.keys().map(String::as_str).collect::<Vec<_>>();
                    Failure::usage(format!("there is no profile {name:?}"))
                        .hint(format!("there are: {}", names.join(", ")))
                }
            })
    }
}

/// Checks the name of a profile, which becomes a key of a TOML table and a word on a command line.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(
        Failure::usage(format!("{name:?} cannot be the name of a profile"))
            .hint("1 to 64 letters, digits, dots, dashes and underscores"),
    )
}

/// A folder or a file, as a path or as a `file:` URI; or a token, as it was typed.
pub(crate) fn store_path(place: &str) -> Result<PathBuf, Failure> {
    if token::is_token(Path::new(place)) {
        return Ok(PathBuf::from(place));
    }
    let unknown = || {
        Failure::usage(format!(
            "certificate store {place:?} is of a kind that is not known here"
        ))
        .hint("give a folder, a file, a file: URI, or the pkcs11: URI of a token")
    };
    match place.split_once(':') {
        Some((scheme, _)) if is_scheme(scheme) => {
            let url = url::Url::parse(place).map_err(|_| unknown())?;
            if url.scheme() != "file" {
                return Err(unknown());
            }
            url.to_file_path().map_err(|()| unknown())
        }
        _ => Ok(PathBuf::from(place)),
    }
}

/// A server without a scheme is one over https.
pub(crate) fn server_url(typed: &str) -> String {
    if typed.contains("://") {
        typed.to_owned()
    } else {
        format!("https://{typed}")
    }
}

/// An address as it may be shown: what stands before an `@` may be a password.
pub(crate) fn shown_address(typed: &str) -> String {
    match (typed.find("://"), typed.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            let (scheme, host) = (&typed[..scheme], &typed[at + 1..]);
            format!("{scheme}://...@{host}")
        }
        (None, Some(at)) => format!("...@{}", &typed[at + 1..]),
        _ => typed.to_owned(),
    }
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn remembered(place: &Path, environment: &Environment) -> Result<PathBuf, Failure> {
    match token::is_token(place) {
        true => token::remembered(place, environment),
        false => absolute(place),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("cannot find {}: {error}", path.display())))
}

/// Held until it is dropped.
fn lock(folder: &Path) -> Result<File, Failure> {
    private_file::make_folder(folder)?;
    let path = folder.join("config.lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
        .open(&path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| private_file::failed("cannot write", &path, &error))
}

fn file(environment: &Environment) -> Option<PathBuf> {
    Some(environment.config.as_ref()?.join("config.toml"))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for this form
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use countersign::cache_file::CacheIdentity;

    use super::*;

    fn environment(home: &Path) -> Environment {
        Environment {
            config: Some(home.join("config")),
            ..Environment::default()
        }
    }

    fn lab() -> Profile {
        Profile {
            server: "https://platform.example".to_owned(),
            app_id: Some("app".to_owned()),
            cert_subject: Some("CN=Corellian".to_owned()),
            ..Profile::default()
        }
    }

    #[test]
    fn profiles_are_read_back_as_they_were_written() {
        let home = tempfile::tempdir().unwrap();
        let environment = environment(home.path());
        let mut profiles = Profiles::read(&environment).unwrap();
        assert_eq!(profiles, Profiles::default());
        profiles.current = Some("lab".to_owned());
        profiles.all.insert("lab".to_owned(), lab());
        profiles.write(&environment).unwrap();
        assert_eq!(Profiles::read(&environment).unwrap(), profiles);
        let text = std::fs::read_to_string(home.path().join("config/config.toml")).unwrap();
        assert!(text.contains("[profile.lab]"), "{text}");
    }

    // checklist T14
    #[test]
    fn without_a_server_every_verb_says_to_sign_in_first() {
        let failure = Profiles::default().find(None).unwrap_err();
        assert_eq!(failure.message(), "no server is set");
        assert!(failure.hint_text().unwrap().contains("countersign login"));
        assert_eq!(failure.code(), 2);
    }

    #[test]
    fn an_unknown_profile_is_refused_with_those_that_there_are() {
        let mut profiles = Profiles::default();
        profiles.all.insert("lab".to_owned(), lab());
        let failure = profiles.find(Some("prod")).unwrap_err();
        assert_eq!(failure.message(), "there is no profile \"prod\"");
        assert_eq!(failure.hint_text(), Some("there are: lab"));
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_line() {
        let text = "current = \"lab\"\n[profile.lab]\nserver = \"https://x\"\nappid = \"y\"\n";
        let failure = Profiles::parse(text, Path::new("config.toml")).unwrap_err();
        assert!(
            failure
                .message()
                .starts_with("config.toml:4: unknown field `appid`"),
            "{failure:?}"
        );
        assert_eq!(failure.code(), 2);
    }

    #[test]
    fn a_token_of_another_provider_or_for_another_parameter_is_another_token() {
        let plain = lab();
        let mut provider = lab();
        provider.provider = Some("okta".to_owned());
        let parameter = |value: &str| Profile {
            parameters: BTreeMap::from([("audience".to_owned(), value.to_owned())]),
            ..lab()
        };
        let two = |audience: &str| Profile {
            parameters: BTreeMap::from([
                ("audience".to_owned(), audience.to_owned()),
                ("resource".to_owned(), "same".to_owned()),
            ]),
            ..lab()
        };
        let all = [
            plain,
            provider,
            parameter("a"),
            parameter("b"),
            two("a"),
            two("b"),
        ];
        let identities: Vec<_> = all
            .iter()
            .map(|profile| {
                let parts = profile.identity_parts();
                let parts: Vec<_> = parts
                    .iter()
                    .map(|(name, value)| (*name, &**value))
                    .collect();
                CacheIdentity::new(&parts)
            })
            .collect();
        for (at, identity) in identities.iter().enumerate() {
            assert!(!identities[at + 1..].contains(identity), "{identity:?}");
        }
        // Written and read back, whichever come with them.
        let profiles = Profiles {
            current: None,
            all: BTreeMap::from([("lab".to_owned(), parameter("a"))]),
            cache: CacheSettings::default(),
            providers: BTreeMap::from([("acme".to_owned(), Described::default())]),
        };
        let text = toml::to_string(&profiles).unwrap();
        let read = Profiles::parse(&text, Path::new("config.toml")).unwrap();
        assert_eq!(read, profiles);
    }

    #[test]
    fn a_server_without_a_scheme_is_one_over_https() {
        assert_eq!(
            server_url("urth-dev.urth.local"),
            "https://urth-dev.urth.local"
        );
        assert_eq!(server_url("http://127.0.0.1:8085"), "http://127.0.0.1:8085");
    }

    // security.md 112
    #[test]
    fn an_address_is_shown_without_the_user_that_stands_in_it() {
        for (typed, shown) in [
            ("https://u:sekrit@h/p", "https://...@h/p"),
            ("https://u:s@krit@h", "https://...@h"),
            ("u:sekrit@h", "...@h"),
            ("https://h/p", "https://h/p"),
            ("", ""),
        ] {
            assert_eq!(shown_address(typed), shown);
        }
    }

    #[test]
    fn a_store_is_a_path_a_file_uri_or_a_token_and_nothing_else() {
        assert_eq!(store_path("a/b").unwrap(), PathBuf::from("a/b"));
        assert_eq!(store_path("file:///a/b").unwrap(), PathBuf::from("/a/b"));
        assert_eq!(
            store_path("pkcs11:token=x").unwrap(),
            PathBuf::from("pkcs11:token=x")
        );
        assert_eq!(store_path("https://a/b").unwrap_err().code(), 2);
    }

    #[cfg(feature = "pkcs11")]
    #[test]
    fn a_token_is_remembered_with_the_module_that_the_environment_named() {
        let environment = Environment {
            pkcs11_module: Some(PathBuf::from("/lib/p.so")),
            ..Environment::default()
        };
        let typed = |store: &str| {
            let certificate = CertificateOptions {
                cert_store: Some(store.to_owned()),
                ..CertificateOptions::default()
            };
            let assertion = AssertionOptions::default();
            Profile::typed("p.example", &certificate, &assertion, &environment)
        };
        for (store, remembered) in [
            ("pkcs11:token=x", "pkcs11:token=x?module-path=/lib/p.so"),
            (
                "pkcs11:token=x?module-name=q",
                "pkcs11:token=x?module-name=q",
            ),
        ] {
            let profile = typed(store).unwrap();
            assert_eq!(profile.cert_store, Some(PathBuf::from(remembered)));
        }
        // security.md 112
        let failure = typed("pkcs11:token=x?pin-value=4711").unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(!format!("{failure:?}").contains("4711"), "{failure:?}");
    }

    #[test]
    fn a_relative_path_is_remembered_as_an_absolute_one() {
        let certificate = CertificateOptions {
            cert: Some(PathBuf::from("client.pem")),
            ..CertificateOptions::default()
        };
        let profile = Profile::typed(
            "p.example",
            &certificate,
            &AssertionOptions::default(),
            &Environment::default(),
        )
        .unwrap();
        assert!(profile.cert.unwrap().is_absolute());
    }
}
