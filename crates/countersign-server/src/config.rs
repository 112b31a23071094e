//! What was the platform told to be?

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use url::Url;

use crate::networks::Networks;

mod parse;

mod trusted_issuer;
pub use trusted_issuer::TrustedIssuer;

mod identity_provider;
pub use identity_provider::{
    ClientAuthentication, Forwarding, IdentityProviderSettings, Newcomers, OpenIdConnect,
    PrincipalClaim,
};

mod tokens;
pub use tokens::{GrantedLifetime, TokenRules};

mod session;
pub use session::{BindingPolicy, SessionRules};

mod login;
pub use login::LoginTimes;

mod console;
pub use console::ConsoleRules;

mod proxy;
pub use proxy::{ProxyHeader, TrustedProxies};

mod webhook;
pub use webhook::Webhook;

mod signing;
pub use signing::SigningRules;

mod postgres;
pub use postgres::PostgresUrl;
pub(crate) use postgres::{DatabaseTls, Server};

mod keys;
pub use keys::{KEYS, Key, Permitted};

mod error;
pub use error::SettingsError;

/// The settings of a platform (`countersign.toml`), checked as a whole.
///
/// [`KEYS`] lists every key with its default and what it permits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// `issuer`: https, or http on loopback.
    pub issuer: Url,
    /// `listen.address`
    pub listen: SocketAddr,
    /// `listen.behind_proxy`: a proxy in front speaks TLS.
    pub behind_proxy: bool,
    /// `listen.trusted_proxies`, `listen.proxy_header`
    pub trusted_proxies: TrustedProxies,
    /// `listen.leave_s`: between saying that it leaves, and accepting nobody any more.
    pub leave: Duration,
    /// `[tls]`
    pub tls: Option<Tls>,
    /// `store.url`
    pub store: StoreUrl,
    /// `secrets.file`, made at the first start. `None`: secrets that end with the process, for the
    /// memory store only.
    pub secrets_file: Option<PathBuf>,
    /// `[session]`
    pub session: SessionRules,
    /// `[token]`
    pub token: TokenLifetimes,
    /// `[tokens]`
    pub tokens: TokenRules,
    /// `[bootstrap]`
    pub bootstrap: Option<Bootstrap>,
    /// `[limits]`
    pub limits: Limits,
    /// `limits.exempt`: from here nothing is limited.
    pub exempt: Networks,
    /// `[events]`
    pub webhook: Option<Webhook>,
    /// `[[trusted_issuer]]`
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// `[identity_provider]`
    pub identity_provider: IdentityProviderSettings,
    /// `[forwarding]`
    pub forwarding: Forwarding,
    /// `outbound.ca_bundle`: certificate authorities besides those of the system, for requests of
    /// the platform's own.
    pub outbound_ca_bundle: Option<PathBuf>,
    /// `[login]`
    pub login: LoginTimes,
    /// `[console]`
    pub console: ConsoleRules,
    /// `[log]`
    pub log: Log,
    /// `assertion.lifetime_max_s`
    pub assertion_lifetime_max: Duration,
    /// `lab.shared_certificate`: one certificate for both usages; logged at each start.
    pub lab_shared_certificate: bool,
    /// `[signing]`
    pub signing: SigningRules,
}

/// Where the certificate chain and the key of the listener are: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
    /// `postgres://USER@HOST/DATABASE`
    Postgres(PostgresUrl),
    /// `memory:`
    Memory,
}

/// How long tokens live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// Kind 0; never beyond the end of its session.
    pub interactive: Duration,
    /// Kind 1.
    pub non_interactive: Duration,
    /// Kind 2.
    pub platform: Duration,
}

/// In an empty store this certificate maps to the principal `admin` with role Administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// A PEM file.
    pub certificate: PathBuf,
    /// The application that it signs in as.
    pub client_id: String,
}

/// How much one peer may ask for, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests per minute at credential endpoints from one source (IPv4 /32, IPv6 /64).
    pub per_source_per_minute: u32,
    /// Refused credentials per minute from one source, after which it waits.
    pub failures_per_source_per_minute: u32,
    /// Requests per minute at the management API from one source.
    pub api_per_source_per_minute: u32,
    /// Requests per minute of one client, or of one principal, from all sources together.
    pub per_client_per_minute: u32,
    /// Connections at one time.
    pub connections: usize,
    /// Connections of one source at one time; not counted behind a proxy.
    pub connections_per_source: usize,
    /// Time to send the header of a request.
    pub header: Duration,
    /// Time to send the body of a request.
    pub body: Duration,
    /// Time without a request before a connection is closed.
    pub idle: Duration,
    /// Time for running requests to end when the platform stops.
    pub drain: Duration,
    /// Longest body of a request, in bytes.
    pub body_bytes: usize,
    /// Sign-ins through a browser that one source may have under way; not counted behind a proxy.
    pub logins_per_source: u64,
    /// Sign-ins through a browser that one source may begin per minute; not counted behind a proxy.
    pub logins_per_source_per_minute: u32,
    /// Sign-ins through a browser that may begin each minute, from all sources together.
    pub logins_per_minute: u32,
}

/// How the platform writes its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `log.format`
    pub format: LogFormat,
    /// `log.filter`: directives as in `info,countersign_server=debug`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// A platform in memory at `issuer`, with every default: for tests and for `dev`.
    ///
    /// It listens where `issuer` says when that is an address of loopback with a port, else on a
    /// free port of 127.0.0.1.
    pub fn in_memory(issuer: Url) -> Settings {
        let free_port = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let address = match issuer.host() {
            Some(url::Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(url::Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        let listen = match (address, issuer.port()) {
            (Some(ip), Some(port)) if ip.is_loopback() => SocketAddr::new(ip, port),
            _ => free_port,
        };
        Settings {
            issuer,
            listen,
            behind_proxy: false,
            trusted_proxies: TrustedProxies::default(),
            leave: Duration::ZERO,
            tls: None,
            store: StoreUrl::Memory,
            secrets_file: None,
            session: SessionRules::default(),
            token: TokenLifetimes::default(),
            tokens: TokenRules::default(),
            bootstrap: None,
            limits: Limits::default(),
            exempt: Networks::default(),
            webhook: None,
            trusted_issuers: Vec::new(),
            identity_provider: IdentityProviderSettings::default(),
            forwarding: Forwarding::default(),
            outbound_ca_bundle: None,
            login: LoginTimes::default(),
            console: ConsoleRules::default(),
            log: Log::default(),
            assertion_lifetime_max: Duration::from_secs(300),
            lab_shared_certificate: false,
            signing: SigningRules::default(),
        }
    }

    /// Whether it shows where a request comes from. Behind a proxy that nobody trusts to say it,
    /// every request comes from the proxy.
    pub fn tells_sources_apart(&self) -> bool {
        !self.behind_proxy || !self.trusted_proxies.networks.are_none()
    }
}

impl Default for TokenLifetimes {
    fn default() -> TokenLifetimes {
        TokenLifetimes {
            interactive: Duration::from_secs(3_600),
            non_interactive: Duration::from_secs(900),
            platform: Duration::from_secs(300),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_source_per_minute: 600,
            failures_per_source_per_minute: 60,
            api_per_source_per_minute: 6_000,
            per_client_per_minute: 6_000,
            connections: 4096,
            connections_per_source: 1024,
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            body_bytes: 64 * 1024,
            logins_per_source: 20,
            logins_per_source_per_minute: 30,
            logins_per_minute: 6000,
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}
