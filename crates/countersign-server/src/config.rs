//! What was the platform told to be?

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

/// The settings of a platform (`countersign.toml`), checked as a whole. Each default is documented.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    pub issuer: Url,
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
    pub store: StoreUrl,
    /** made at first start */
    pub secrets_file: Option<PathBuf>,
    pub token: TokenLifetimes,
    pub bootstrap: Option<Bootstrap>,
    pub limits: Limits,
    pub log: Log,
    /** `[assertion] lifetime_max_s`, default 300 */
    pub assertion_lifetime_max: Duration,
    /** lab switch: one certificate for both usages; logged at each start */
    pub lab_shared_certificate: bool,
    /** `[signing] algorithm`, default ES256 */
    pub signing_algorithm: countersign_proto::key::Algorithm,
}

#[derive(Clone, Debug)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    Sqlite(PathBuf),
    Memory,
}
/// Kind 1: 900 s; kind 2: 300 s.
#[derive(Clone, Debug)]
pub struct TokenLifetimes {
    pub non_interactive: Duration,
    pub platform: Duration,
}
/// In an empty store this certificate maps to the principal `admin` with role Administrator.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    pub certificate: PathBuf,
    /** default `countersign-admin` */
    pub client_id: String,
}
/// Requests per minute at credential endpoints, per source (IPv4 /32, IPv6 /64) and per client; bodies, connections, times.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    pub per_source_per_minute: u32,
    pub failures_per_source_per_minute: u32,
    pub connections: usize,
    pub header: Duration,
    pub body: Duration,
    pub idle: Duration,
    pub drain: Duration,
    pub body_bytes: usize,
}
#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Why the settings are refused. Names key, value and line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingsError {
    pub file: PathBuf,
    pub line: Option<usize>,
    pub key: String,
    pub problem: String,
    pub hint: Option<String>,
}

impl Settings {
    /// Parses TOML text; `file` names it in messages and is the base of relative paths.
    pub fn parse(_text: &str, _file: &Path) -> Result<Settings, SettingsError> {
        todo!()
    }
    /// Reads and parses a file.
    pub fn read(_file: &Path) -> Result<Settings, SettingsError> {
        todo!()
    }
    /// A platform in memory at `issuer`, with every default: for tests and for `dev`.
    pub fn in_memory(_issuer: Url) -> Settings {
        todo!()
    }
}
