//! How are settings read from TOML?

use std::{net::SocketAddr, path::Path, time::Duration};

use countersign_proto::metadata::check_issuer;
use url::Url;

use super::{
    Bootstrap, Limits, Log, LogFormat, Settings, SettingsError, StoreUrl, Tls, TokenLifetimes,
};

mod given;
use given::Given;

mod identity_provider;

mod session;

mod tokens;

mod store;

mod login;

mod console;

mod proxy;

mod webhook;

mod signing;

mod trusted_issuer;

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
            (None, StoreUrl::Sqlite(_) | StoreUrl::Postgres(_)) => {
                Some(given.beside("countersign.secrets"))
            }
        };
        let mut settings = Settings::in_memory(issuer);
        settings.listen = listen;
        settings.behind_proxy = behind_proxy;
        settings.trusted_proxies = given.trusted_proxies()?;
        if let Some(leave) = given.seconds("listen.leave_s")? {
            settings.leave = leave;
        }
        settings.exempt = given.networks("limits.exempt")?;
        settings.webhook = given.webhook()?;
        settings.tls = tls;
        settings.store = store;
        settings.secrets_file = secrets_file;
        settings.session = given.session(settings.session)?;
        settings.console = given.console(settings.console)?;
        settings.token = given.token(settings.token)?;
        settings.tokens = given.tokens(settings.tokens)?;
        settings.bootstrap = given.bootstrap()?;
        settings.limits = given.limits(settings.limits)?;
        settings.identity_provider = given.identity_provider()?;
        settings.trusted_issuers = given.trusted_issuers(&settings.issuer)?;
        settings.forwarding = given.forwarding(&settings.identity_provider)?;
        settings.outbound_ca_bundle = given.path("outbound.ca_bundle")?;
        settings.login = given.login(settings.login)?;
        settings.log = given.log(settings.log)?;
        if let Some(longest) = given.seconds("assertion.lifetime_max_s")? {
            settings.assertion_lifetime_max = longest;
        }
        if let Some(shared) = given.flag("lab.shared_certificate")? {
            settings.lab_shared_certificate = shared;
        }
        let longest = longest_life(&settings);
        settings.signing = given.signing(&settings.signing, longest)?;
        Ok(settings)
    }
}

/// How long a token lives at most: one that was granted as a JWT is the longest.
fn longest_life(settings: &Settings) -> Duration {
    let token = settings.token;
    [token.interactive, token.non_interactive, token.platform]
        .into_iter()
        .fold(settings.tokens.app.max, Duration::max)
}

impl Given<'_> {
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

    fn token(&self, default: TokenLifetimes) -> Result<TokenLifetimes, SettingsError> {
        Ok(TokenLifetimes {
            interactive: self
                .seconds("token.interactive_s")?
                .unwrap_or(default.interactive),
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
            api_per_source_per_minute: rate(
                "limits.api_per_source_per_minute",
                default.api_per_source_per_minute,
            )?,
            per_client_per_minute: rate(
                "limits.per_client_per_minute",
                default.per_client_per_minute,
            )?,
            connections: size("limits.connections", default.connections)?,
            connections_per_source: size(
                "limits.connections_per_source",
                default.connections_per_source,
            )?,
            header: self.seconds("limits.header_s")?.unwrap_or(default.header),
            body: self.seconds("limits.body_s")?.unwrap_or(default.body),
            idle: self.seconds("limits.idle_s")?.unwrap_or(default.idle),
            drain: self.seconds("limits.drain_s")?.unwrap_or(default.drain),
            body_bytes: size("limits.body_bytes", default.body_bytes)?,
            logins_per_source: self
                .number("limits.logins_per_source")?
                .unwrap_or(default.logins_per_source),
            logins_per_minute: rate("limits.logins_per_minute", default.logins_per_minute)?,
            logins_per_source_per_minute: rate(
                "limits.logins_per_source_per_minute",
                default.logins_per_source_per_minute,
            )?,
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
}

#[cfg(test)]
mod tests {
    use countersign_proto::key::Algorithm;

    use super::*;
    use crate::config::{BindingPolicy, Permitted, SessionRules, keys};

    const ISSUER: &str = "issuer = \"http://127.0.0.1:8085\"\n";

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, Path::new("/etc/countersign/countersign.toml"))
    }

    fn refusal(text: &str) -> SettingsError {
        parse(text).expect_err(text)
    }

    #[test]
    fn an_issuer_alone_gives_every_default() {
        let settings = parse(ISSUER).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:8085".parse().unwrap());
        assert_eq!(
            settings.store,
            StoreUrl::Sqlite("/etc/countersign/countersign.db".into())
        );
        assert_eq!(
            settings.secrets_file,
            Some("/etc/countersign/countersign.secrets".into())
        );
        assert_eq!(settings.token.non_interactive, Duration::from_secs(900));
        assert_eq!(settings.token.platform, Duration::from_secs(300));
        assert_eq!(settings.assertion_lifetime_max, Duration::from_secs(300));
        assert_eq!(settings.signing.algorithm, Algorithm::ES256);
        assert_eq!(settings.limits.body_bytes, 65_536);
        assert_eq!(
            settings.log,
            Log {
                format: LogFormat::Text,
                filter: "info".to_owned()
            }
        );
        assert!(!settings.lab_shared_certificate && !settings.behind_proxy);
        assert_eq!((settings.tls, settings.bootstrap), (None, None));
    }

    /// The defaults that `docs/settings.md` and [`keys::KEYS`] promise are those of the code.
    #[test]
    fn writing_every_default_out_changes_nothing() {
        let mut text = ISSUER.to_owned();
        for key in keys::KEYS {
            let (table, name) = match key.name.split_once('.') {
                Some(split) => split,
                None => continue,
            };
            // Those of a table that needs more than defaults are tested in their own files.
            let apart = [
                "bootstrap",
                "secrets",
                "identity_provider",
                "trusted_issuer",
            ];
            if key.default.starts_with("none") || apart.contains(&table) {
                continue;
            }
            let value = match key.permitted {
                Permitted::Number { .. } | Permitted::Flag | Permitted::List(_) => {
                    key.default.to_owned()
                }
                _ => format!("\"{}\"", key.default),
            };
            text.push_str(&format!("{table}.{name} = {value}\n"));
        }
        let shown = |settings: Settings| format!("{settings:?}");
        assert_eq!(shown(parse(&text).unwrap()), shown(parse(ISSUER).unwrap()));
    }

    #[test]
    fn every_key_is_read() {
        let settings = parse(
            r#"
            issuer = "https://id.example.com/realm"
            [listen]
            address = "0.0.0.0:443"
            [tls]
            certificate = "tls/chain.pem"
            key = "/etc/ssl/key.pem"
            [store]
            url = "sqlite:data/my.db"
            [secrets]
            file = "../secrets"
            [session]
            refresh_limit = 0
            absolute_s = 7200
            idle_s = 1800
            binding = "code"
            [token]
            interactive_s = 1200
            non_interactive_s = 600
            platform_s = 120
            [assertion]
            lifetime_max_s = 60
            [limits]
            per_source_per_minute = 1_000_000
            failures_per_source_per_minute = 5
            api_per_source_per_minute = 11
            per_client_per_minute = 12
            connections = 100
            connections_per_source = 50
            header_s = 1
            body_s = 2
            idle_s = 3
            drain_s = 0
            body_bytes = 0x8000
            logins_per_source = 7
            logins_per_source_per_minute = 8
            logins_per_minute = 9
            [bootstrap]
            certificate = "admin.pem"
            client_id = "ops"
            [signing]
            algorithm = "EdDSA"
            [log]
            format = "json"
            filter = "debug"
            [lab]
            shared_certificate = true
            "#,
        )
        .unwrap();
        assert_eq!(settings.issuer.as_str(), "https://id.example.com/realm");
        assert_eq!(settings.listen, "0.0.0.0:443".parse().unwrap());
        let tls = settings.tls.unwrap();
        assert_eq!(tls.certificate, Path::new("/etc/countersign/tls/chain.pem"));
        assert_eq!(tls.key, Path::new("/etc/ssl/key.pem"));
        assert_eq!(
            settings.store,
            StoreUrl::Sqlite("/etc/countersign/data/my.db".into())
        );
        assert_eq!(
            settings.secrets_file,
            Some("/etc/countersign/../secrets".into())
        );
        assert_eq!(
            settings.session,
            SessionRules {
                refresh_limit: 0,
                absolute: Duration::from_secs(7_200),
                idle: Duration::from_secs(1_800),
                binding: BindingPolicy::Code,
            }
        );
        assert_eq!(settings.token.interactive, Duration::from_secs(1_200));
        assert_eq!(settings.token.non_interactive, Duration::from_secs(600));
        assert_eq!(settings.token.platform, Duration::from_secs(120));
        assert_eq!(settings.assertion_lifetime_max, Duration::from_secs(60));
        assert_eq!(
            settings.limits,
            Limits {
                per_source_per_minute: 1_000_000,
                failures_per_source_per_minute: 5,
                api_per_source_per_minute: 11,
                per_client_per_minute: 12,
                connections: 100,
                connections_per_source: 50,
                header: Duration::from_secs(1),
                body: Duration::from_secs(2),
                idle: Duration::from_secs(3),
                drain: Duration::ZERO,
                body_bytes: 32_768,
                logins_per_source: 7,
                logins_per_minute: 9,
                logins_per_source_per_minute: 8,
            }
        );
        assert_eq!(
            settings.bootstrap,
            Some(Bootstrap {
                certificate: "/etc/countersign/admin.pem".into(),
                client_id: "ops".to_owned()
            })
        );
        assert_eq!(settings.signing.algorithm, Algorithm::EdDSA);
        assert_eq!(
            settings.log,
            Log {
                format: LogFormat::Json,
                filter: "debug".to_owned()
            }
        );
        assert!(settings.lab_shared_certificate);
    }

    #[test]
    fn an_error_names_file_line_key_value_and_what_is_permitted() {
        let error = refusal(&format!("{ISSUER}\n[token]\nplatform_s = 7\n"));
        assert_eq!(
            error.to_string(),
            "/etc/countersign/countersign.toml:4: token.platform_s: \
             `7` is out of range; permitted: 30 to 3600 seconds"
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
        for (text, line, key, hint) in [
            ("isuer = \"x\"\n", 1, "isuer", "did you mean `issuer`?"),
            (
                "[listen]\nadress = \"x\"\n",
                2,
                "listen.adress",
                "did you mean `listen.address`?",
            ),
            (
                "[tls]\nkey_file = \"x\"\n",
                2,
                "tls.key_file",
                "docs/settings.md",
            ),
            (
                "[lissen]\naddress = \"x\"\n",
                1,
                "lissen",
                "docs/settings.md",
            ),
            ("colour = 1\n", 1, "colour", "docs/settings.md"),
        ] {
            let error = refusal(text);
            assert_eq!(error.key, key, "{error}");
            assert_eq!(error.line, Some(line), "{error}");
            assert!(error.hint.as_deref().unwrap().contains(hint), "{error}");
        }
    }

    #[test]
    fn wrong_kinds_and_values_are_refused() {
        for (text, key, problem) in [
            ("issuer = 7", "issuer", "is a whole number"),
            ("issuer = \"\"", "issuer", "is empty"),
            ("", "issuer", "is missing"),
            (
                "listen = \"127.0.0.1:1\"",
                "listen",
                "is a table, not a string",
            ),
            (
                "issuer = \"http://example.com\"",
                "issuer",
                "http://example.com",
            ),
            (
                "issuer = \"https://e.com/?x=1\"",
                "issuer",
                "https://e.com/?x=1",
            ),
            ("issuer = \"https://u@e.com\"", "issuer", "https://u@e.com"),
        ] {
            let error = refusal(text);
            assert_eq!(error.key, key, "{error}");
            assert!(error.problem.contains(problem), "{error}");
        }
        for (text, key, problem) in [
            (
                "listen.address = \"localhost:80\"",
                "listen.address",
                "127.0.0.1:8085",
            ),
            (
                "listen.address = \"127.0.0.1\"",
                "listen.address",
                "is no IP address and port",
            ),
            (
                "listen.behind_proxy = \"yes\"",
                "listen.behind_proxy",
                "`true` or `false`",
            ),
            (
                "token.platform_s = 1.5",
                "token.platform_s",
                "with a fraction",
            ),
            (
                "token.platform_s = -30",
                "token.platform_s",
                "`-30` is out of range",
            ),
            (
                "token.platform_s = 3601",
                "token.platform_s",
                "30 to 3600 seconds",
            ),
            (
                "limits.connections = 0",
                "limits.connections",
                "1 to 1000000",
            ),
            (
                "signing.algorithm = \"HS256\"",
                "signing.algorithm",
                "`ES256`",
            ),
            (
                "signing.algorithm = \"es256\"",
                "signing.algorithm",
                "`es256` is not permitted",
            ),
            ("log.format = \"xml\"", "log.format", "`text`, `json`"),
            ("log.filter = \"a\\nb\"", "log.filter", "control character"),
            ("store.url = \"mysql://x\"", "store.url", "neither"),
            ("store.url = \"sqlite:\"", "store.url", "neither"),
            ("store.url = \"sqlite::memory:\"", "store.url", "`memory:`"),
            ("store.url = \"sqlite://db/x\"", "store.url", "no host"),
            (
                "tls.certificate = \"x\"",
                "tls.key",
                "tls.certificate is given",
            ),
            ("tls.key = \"x\"", "tls.certificate", "tls.key is given"),
            (
                "bootstrap.client_id = \"x\"",
                "bootstrap.certificate",
                "bootstrap.client_id is given",
            ),
            (
                "bootstrap.client_id = \"platform\"",
                "bootstrap.client_id",
                "reserved",
            ),
        ] {
            let error = refusal(&format!("{ISSUER}{text}"));
            assert_eq!(error.key, key, "{error}");
            assert!(error.problem.contains(problem), "{error}");
            assert_eq!(error.line, Some(2), "{error}");
        }
    }

    #[test]
    fn text_that_is_no_toml_is_refused_with_its_line() {
        let error = refusal(&format!("{ISSUER}[token\n"));
        assert_eq!(error.line, Some(2), "{error}");
        assert!(error.problem.contains("is no TOML"), "{error}");
        let error = refusal(&format!("{ISSUER}{ISSUER}"));
        assert_eq!(error.line, Some(2), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    // security.md 108
    #[test]
    fn a_platform_is_not_reached_from_outside_without_tls() {
        let tls = "tls.certificate = \"c\"\ntls.key = \"k\"\n";
        let https = "issuer = \"https://id.example.com\"\n";
        let outside = "listen.address = \"0.0.0.0:80\"\n";
        let proxy = "listen.behind_proxy = true\n";
        for good in [
            ISSUER.to_owned(),
            format!("{ISSUER}listen.address = \"[::1]:1\"\n"),
            format!("{https}{outside}{tls}"),
            format!("{https}{outside}{proxy}"),
            format!("{https}{proxy}"),
        ] {
            assert!(parse(&good).is_ok(), "{good}");
        }
        for (bad, key) in [
            (format!("{https}{outside}"), "listen.address"),
            (format!("{ISSUER}{outside}"), "listen.address"),
            (
                format!("{ISSUER}listen.address = \"[::]:80\"\n"),
                "listen.address",
            ),
            (
                format!("{ISSUER}listen.address = \"192.168.1.5:80\"\n"),
                "listen.address",
            ),
            (https.to_owned(), "issuer"),
            (format!("{ISSUER}{tls}"), "issuer"),
            (format!("{https}{tls}{proxy}"), "listen.behind_proxy"),
        ] {
            assert_eq!(refusal(&bad).key, key, "{bad}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = Settings::read(Path::new("/nowhere/countersign.toml")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/countersign.toml: cannot be read"),
            "{error}"
        );
    }

    #[test]
    fn a_platform_in_memory_has_no_files() {
        let settings = parse(&format!("{ISSUER}store.url = \"memory:\"\n")).unwrap();
        assert_eq!(
            (settings.store, settings.secrets_file),
            (StoreUrl::Memory, None)
        );
        let settings = Settings::in_memory("http://127.0.0.1:9000".parse().unwrap());
        assert_eq!(settings.listen, "127.0.0.1:9000".parse().unwrap());
        let settings = Settings::in_memory("https://id.example.com".parse().unwrap());
        assert_eq!(settings.listen, "127.0.0.1:0".parse().unwrap());
    }
}
