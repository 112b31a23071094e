//! How are settings read from TOML?

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use countersign_proto::{key::Algorithm, metadata::check_issuer};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use url::Url;

use super::{
    Bootstrap, Limits, Log, LogFormat, Permitted, Settings, SettingsError, StoreUrl, Tls,
    TokenLifetimes, keys,
};

/// Longest file, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

impl Settings {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// [`SettingsError`] names the file, the line, the key, the value and what is permitted.
    pub fn read(file: &Path) -> Result<Settings, SettingsError> {
        let refused = |problem: String, hint: Option<&str>| SettingsError {
            file: file.to_owned(),
            line: None,
            key: String::new(),
            problem,
            hint: hint.map(str::to_owned),
        };
        let length = std::fs::metadata(file)
            .map_err(|error| {
                refused(
                    format!("cannot be read: {error}"),
                    Some("give the path of a countersign.toml"),
                )
            })?
            .len();
        if length > FILE_MAX {
            return Err(refused(format!("is longer than {FILE_MAX} bytes"), None));
        }
        let text = std::fs::read_to_string(file)
            .map_err(|error| refused(format!("cannot be read: {error}"), None))?;
        Settings::parse(&text, file)
    }

    /// Parses TOML text; `file` names it in messages and is the base of relative paths.
    ///
    /// # Errors
    /// [`SettingsError`] names the line, the key, the value and what is permitted.
    pub fn parse(text: &str, file: &Path) -> Result<Settings, SettingsError> {
        let given = Given::read(text, file)?;
        let issuer = given.issuer()?;
        let tls = given.tls()?;
        let behind_proxy = given.flag("listen.behind_proxy")?.unwrap_or(false);
        let listen = given.listen()?;
        given.check_transport(&issuer, listen, tls.is_some(), behind_proxy)?;
        let store = given.store()?;
        let secrets_file = match (given.path("secrets.file")?, &store) {
            (Some(path), _) => Some(path),
            (None, StoreUrl::Memory) => None,
            (None, StoreUrl::Sqlite(_)) => Some(given.beside("countersign.secrets")),
        };
        let mut settings = Settings::in_memory(issuer);
        settings.listen = listen;
        settings.behind_proxy = behind_proxy;
        settings.tls = tls;
        settings.store = store;
        settings.secrets_file = secrets_file;
        settings.token = given.token(settings.token)?;
        settings.bootstrap = given.bootstrap()?;
        settings.limits = given.limits(settings.limits)?;
        settings.log = given.log(settings.log)?;
        if let Some(longest) = given.seconds("assertion.lifetime_max_s")? {
            settings.assertion_lifetime_max = longest;
        }
        if let Some(shared) = given.flag("lab.shared_certificate")? {
            settings.lab_shared_certificate = shared;
        }
        if let Some(name) = given.text("signing.algorithm")? {
            settings.signing_algorithm = Algorithm::ALL
                .into_iter()
                .find(|algorithm| algorithm.name() == name)
                .unwrap_or(settings.signing_algorithm);
        }
        Ok(settings)
    }
}

/// What stands in the file: every key is known, and its value has not been looked at.
struct Given<'t> {
    text: &'t str,
    file: &'t Path,
    values: BTreeMap<&'static str, Spanned<DeValue<'t>>>,
}

impl<'t> Given<'t> {
    fn read(text: &'t str, file: &'t Path) -> Result<Given<'t>, SettingsError> {
        let mut given = Given {
            text,
            file,
            values: BTreeMap::new(),
        };
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            given.error(line, "", one_line(error.message()), None)
        })?;
        given.collect("", table.into_inner())?;
        Ok(given)
    }

    fn collect(&mut self, prefix: &str, table: DeTable<'t>) -> Result<(), SettingsError> {
        for (key, value) in table {
            let line = line_of(self.text, key.span().start);
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            if let Some((_, why)) = keys::NOT_SUPPORTED.iter().find(|(other, _)| *other == name) {
                return Err(self.error(
                    Some(line),
                    &name,
                    "is not yet supported".to_owned(),
                    Some((*why).to_owned()),
                ));
            }
            if let Some(known) = keys::find(&name) {
                self.values.insert(known.name, value);
                continue;
            }
            let is_section = keys::KEYS.iter().any(|known| {
                known
                    .name
                    .strip_prefix(&name)
                    .is_some_and(|rest| rest.starts_with('.'))
            });
            match value.into_inner() {
                DeValue::Table(inner) if is_section => self.collect(&name, inner)?,
                other if is_section => {
                    return Err(self.error(
                        Some(line),
                        &name,
                        format!("is a table, not {}", kind(&other)),
                        Some(format!("write [{name}] and its keys below")),
                    ));
                }
                _ => {
                    let hint = match keys::nearest(&name) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "docs/settings.md lists every key".to_owned(),
                    };
                    return Err(self.error(
                        Some(line),
                        &name,
                        "there is no such setting".to_owned(),
                        Some(hint),
                    ));
                }
            }
        }
        Ok(())
    }

    fn issuer(&self) -> Result<Url, SettingsError> {
        let Some(text) = self.text("issuer")? else {
            return Err(self.error(
                None,
                "issuer",
                "is missing".to_owned(),
                Some(
                    "write issuer = \"https://…\", the URL under which clients reach the platform"
                        .to_owned(),
                ),
            ));
        };
        check_issuer(text).map_err(|error| self.wrong("issuer", text, &error.to_string()))
    }

    fn listen(&self) -> Result<SocketAddr, SettingsError> {
        const KEY: &str = "listen.address";
        let default = SocketAddr::from(([127, 0, 0, 1], 8085));
        let Some(text) = self.text(KEY)? else {
            return Ok(default);
        };
        text.parse().map_err(|_| {
            self.wrong(
                KEY,
                text,
                "is no IP address and port, as in 127.0.0.1:8085 or [::1]:8085",
            )
        })
    }

    fn tls(&self) -> Result<Option<Tls>, SettingsError> {
        let missing = |given: &str, missing: &str| {
            self.error(
                self.line(given),
                missing,
                format!("is missing, and {given} is given"),
                Some("TLS needs both".to_owned()),
            )
        };
        match (self.path("tls.certificate")?, self.path("tls.key")?) {
            (Some(certificate), Some(key)) => Ok(Some(Tls { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(missing("tls.certificate", "tls.key")),
            (None, Some(_)) => Err(missing("tls.key", "tls.certificate")),
        }
    }

    /// Tokens never cross a network in the clear because somebody forgot a line.
    fn check_transport(
        &self,
        issuer: &Url,
        listen: SocketAddr,
        tls: bool,
        behind_proxy: bool,
    ) -> Result<(), SettingsError> {
        if tls && behind_proxy {
            return Err(self.wrong(
                "listen.behind_proxy",
                "true",
                "does not go with [tls]: either the proxy speaks TLS or the platform does",
            ));
        }
        if tls && issuer.scheme() == "http" {
            return Err(self.wrong(
                "issuer",
                issuer.as_str(),
                "is http, but with [tls] the platform speaks https only",
            ));
        }
        if tls || behind_proxy {
            return Ok(());
        }
        let hint = Some(
            "give [tls] certificate and key, or listen.behind_proxy = true when a proxy in front speaks TLS"
                .to_owned(),
        );
        if !listen.ip().is_loopback() {
            let problem = format!("{listen} is reached from other machines, and there is no TLS");
            return Err(self.error(self.line("listen.address"), "listen.address", problem, hint));
        }
        if issuer.scheme() == "https" {
            let problem = format!("{issuer} is https, and nothing here speaks TLS");
            return Err(self.error(self.line("issuer"), "issuer", problem, hint));
        }
        Ok(())
    }

    fn store(&self) -> Result<StoreUrl, SettingsError> {
        const KEY: &str = "store.url";
        let text = self.text(KEY)?.unwrap_or("sqlite:countersign.db");
        if text == "memory:" {
            return Ok(StoreUrl::Memory);
        }
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            // Such a URL may hold a password, so it is not repeated.
            return Err(self.error(
                self.line(KEY),
                KEY,
                "PostgreSQL is not in this version".to_owned(),
                Some("use sqlite:FILE".to_owned()),
            ));
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Err(self.wrong(KEY, text, "is written `memory:` here")),
            Some(file) if file.starts_with("//") => Err(self.wrong(
                KEY,
                text,
                "has no host: write sqlite:FILE, as in sqlite:countersign.db or sqlite:/var/lib/countersign/countersign.db",
            )),
            Some(file) if !file.is_empty() => Ok(StoreUrl::Sqlite(self.beside(file))),
            _ => Err(self.error(
                self.line(KEY),
                KEY,
                "is neither `sqlite:FILE` nor `memory:`".to_owned(),
                None,
            )),
        }
    }

    fn token(&self, default: TokenLifetimes) -> Result<TokenLifetimes, SettingsError> {
        Ok(TokenLifetimes {
            non_interactive: self
                .seconds("token.non_interactive_s")?
                .unwrap_or(default.non_interactive),
            platform: self
                .seconds("token.platform_s")?
                .unwrap_or(default.platform),
        })
    }

    fn bootstrap(&self) -> Result<Option<Bootstrap>, SettingsError> {
        let client_id = self.text("bootstrap.client_id")?;
        if let Some(text) = client_id
            && let Err(error) = crate::registry::check_client_id(text)
        {
            return Err(self.wrong("bootstrap.client_id", text, &error.to_string()));
        }
        match self.path("bootstrap.certificate")? {
            Some(certificate) => Ok(Some(Bootstrap {
                certificate,
                client_id: client_id.unwrap_or("countersign-admin").to_owned(),
            })),
            None if client_id.is_some() => Err(self.error(
                self.line("bootstrap.client_id"),
                "bootstrap.certificate",
                "is missing, and bootstrap.client_id is given".to_owned(),
                None,
            )),
            None => Ok(None),
        }
    }

    fn limits(&self, default: Limits) -> Result<Limits, SettingsError> {
        let rate = |key, default: u32| -> Result<u32, SettingsError> {
            Ok(self
                .number(key)?
                .map_or(default, |n| u32::try_from(n).unwrap_or(u32::MAX)))
        };
        let size = |key, default: usize| -> Result<usize, SettingsError> {
            Ok(self
                .number(key)?
                .map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX)))
        };
        Ok(Limits {
            per_source_per_minute: rate(
                "limits.per_source_per_minute",
                default.per_source_per_minute,
            )?,
            failures_per_source_per_minute: rate(
                "limits.failures_per_source_per_minute",
                default.failures_per_source_per_minute,
            )?,
            connections: size("limits.connections", default.connections)?,
            header: self.seconds("limits.header_s")?.unwrap_or(default.header),
            body: self.seconds("limits.body_s")?.unwrap_or(default.body),
            idle: self.seconds("limits.idle_s")?.unwrap_or(default.idle),
            drain: self.seconds("limits.drain_s")?.unwrap_or(default.drain),
            body_bytes: size("limits.body_bytes", default.body_bytes)?,
        })
    }

    fn log(&self, default: Log) -> Result<Log, SettingsError> {
        Ok(Log {
            format: match self.text("log.format")? {
                Some("json") => LogFormat::Json,
                Some(_) => LogFormat::Text,
                None => default.format,
            },
            filter: self
                .text("log.filter")?
                .map_or(default.filter, str::to_owned),
        })
    }

    fn text(&self, key: &'static str) -> Result<Option<&str>, SettingsError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.wrong_kind(key, value.get_ref()));
        };
        let text = text.as_ref();
        if text.is_empty() {
            return Err(self.wrong(
                key,
                text,
                &format!("is empty; permitted: {}", permitted(key)),
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong(key, text, "holds a control character"));
        }
        if let Some(Permitted::OneOf(names)) = keys::find(key).map(|key| key.permitted)
            && !names.contains(&text)
        {
            return Err(self.wrong(
                key,
                text,
                &format!("is not permitted; use one of {}", permitted(key)),
            ));
        }
        Ok(Some(text))
    }

    fn path(&self, key: &'static str) -> Result<Option<PathBuf>, SettingsError> {
        Ok(self.text(key)?.map(|text| self.beside(text)))
    }

    fn flag(&self, key: &'static str) -> Result<Option<bool>, SettingsError> {
        match self.values.get(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong_kind(key, other)),
        }
    }

    fn seconds(&self, key: &'static str) -> Result<Option<Duration>, SettingsError> {
        Ok(self.number(key)?.map(Duration::from_secs))
    }

    fn number(&self, key: &'static str) -> Result<Option<u64>, SettingsError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let DeValue::Integer(digits) = value.get_ref() else {
            return Err(self.wrong_kind(key, value.get_ref()));
        };
        let (min, max) = match keys::find(key).map(|key| key.permitted) {
            Some(Permitted::Number { min, max, .. }) => (min, max),
            _ => (0, u64::MAX),
        };
        match u64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(
                key,
                digits.as_str(),
                &format!("is out of range; permitted: {}", permitted(key)),
            )),
        }
    }

    /// A path beside the settings file, unless it is absolute.
    fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    fn wrong_kind(&self, key: &'static str, value: &DeValue<'_>) -> SettingsError {
        let problem = format!("is {}; permitted: {}", kind(value), permitted(key));
        self.error(self.line(key), key, problem, None)
    }

    fn wrong(&self, key: &'static str, value: &str, problem: &str) -> SettingsError {
        let problem = format!("`{}` {problem}", value.escape_debug());
        self.error(self.line(key), key, problem, None)
    }

    fn line(&self, key: &str) -> Option<usize> {
        self.values
            .get(key)
            .map(|value| line_of(self.text, value.span().start))
    }

    fn error(
        &self,
        line: Option<usize>,
        key: &str,
        problem: String,
        hint: Option<String>,
    ) -> SettingsError {
        SettingsError {
            file: self.file.to_owned(),
            line,
            key: key.to_owned(),
            problem,
            hint,
        }
    }
}

fn permitted(key: &str) -> String {
    keys::find(key).map_or_else(String::new, |key| key.permitted.words())
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn one_line(message: &str) -> String {
    format!("is no TOML: {}", message.replace('\n', " "))
}
