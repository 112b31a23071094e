//! Which PostgreSQL does a URL name, and how is it reached?

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use url::{Host, Url};
use zeroize::Zeroizing;

/// A database of a PostgreSQL server: `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`.
///
/// Never shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    pub(crate) server: Server,
    pub(crate) user: String,
    pub(crate) database: String,
    /// From the URL.
    pub(crate) password: Option<Zeroizing<String>>,
    /// `store.password_file`
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) tls: DatabaseTls,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Host { host: String, port: u16 },
    Socket { folder: PathBuf, port: u16 },
}

/// How the way to the server is kept private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseTls {
    /// On this machine only.
    Off,
    /// Its certificate is verified, with the name that it was reached by.
    Verified {
        /// Authorities that are trusted besides the public ones.
        authorities: Option<PathBuf>,
        /// Certificate and key that this side shows.
        client: Option<(PathBuf, PathBuf)>,
    },
}

/// The port of a server that names none.
const PORT: u16 = 5432;

/// What may stand behind the question mark.
const PARAMETERS: &str = "sslmode, sslrootcert, sslcert, sslkey";

impl PostgresUrl {
    /// Reads a URL. Paths in it are beside `folder` unless they are absolute.
    ///
    /// A host `%2FRUN%2FFOLDER` is the folder of a socket. Beyond this machine the server's
    /// certificate is verified, whether `sslmode=verify-full` says so or nothing does;
    /// `sslmode=disable` is for this machine only.
    ///
    /// # Errors
    /// What is wrong and what to do; nothing of the URL is repeated, for it may hold a password.
    pub fn parse(text: &str, folder: &Path) -> Result<PostgresUrl, String> {
        let url = Url::parse(text).map_err(|error| {
            format!(
                "is no URL of the form postgres://USER@HOST/DATABASE: {error} (characters such as \
                 `/` and `@` in a password are written as %2F and %40)"
            )
        })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err("does not begin with postgres://".to_owned());
        }
        let user = part(url.username())?;
        if user.is_empty() {
            return Err("names no user: write postgres://USER@HOST/DATABASE".to_owned());
        }
        let database = part(url.path().trim_start_matches('/'))?;
        if database.is_empty() || url.path().trim_start_matches('/').contains('/') {
            return Err("names no database: write postgres://USER@HOST/DATABASE".to_owned());
        }
        if url.fragment().is_some() {
            return Err("has a `#`; in a password it is written as %23".to_owned());
        }
        let password = url.password().map(part).transpose()?.map(Zeroizing::new);
        let parameters = Parameters::read(&url, folder)?;
        let server = server(&url)?;
        let tls = match (parameters.mode.as_deref(), server.is_here()) {
            (Some("disable"), true) | (None, true) => DatabaseTls::Off,
            (Some("disable"), false) => {
                return Err(
                    "has sslmode=disable, which is for this machine only; beyond it write \
                     sslmode=verify-full"
                        .to_owned(),
                );
            }
            (Some("verify-full") | None, _) => DatabaseTls::Verified {
                authorities: parameters.authorities,
                client: parameters.client,
            },
            (Some(_), _) => {
                return Err(
                    "has an sslmode that is not permitted: `verify-full`, or `disable` on this \
                     machine"
                        .to_owned(),
                );
            }
        };
        if matches!(
            (&server, &tls),
            (Server::Socket { .. }, DatabaseTls::Verified { .. })
        ) {
            return Err("has sslmode=verify-full with a socket, which speaks no TLS".to_owned());
        }
        Ok(PostgresUrl {
            server,
            user,
            database,
            password,
            password_file: None,
            tls,
        })
    }

    /// Whether the password stands in the URL.
    pub fn holds_password(&self) -> bool {
        self.password.is_some()
    }

    /// With a file that holds the password, read when the store is opened.
    #[must_use]
    pub fn with_password_file(mut self, file: PathBuf) -> PostgresUrl {
        self.password_file = Some(file);
        self
    }
}

impl Server {
    /// Whether nothing leaves this machine.
    fn is_here(&self) -> bool {
        match self {
            Server::Socket { .. } => true,
            Server::Host { host, .. } => {
                host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
        }
    }
}

/// `postgres://USER@HOST:PORT/DATABASE`, whatever the password is.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PostgresUrl { user, database, .. } = self;
        let user = user.escape_debug();
        let database = database.escape_debug();
        match &self.server {
            Server::Host { host, port } if host.contains(':') => {
                write!(f, "postgres://{user}@[{host}]:{port}/{database}")
            }
            Server::Host { host, port } => {
                write!(f, "postgres://{user}@{host}:{port}/{database}")
            }
            Server::Socket { folder, port } => {
                let folder = folder.to_string_lossy().replace('/', "%2F");
                write!(f, "postgres://{user}@{folder}:{port}/{database}")
            }
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresUrl")
            .field("url", &format_args!("{self}"))
            .field("password_file", &self.password_file)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Parameters {
    mode: Option<String>,
    authorities: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

impl Parameters {
    fn read(url: &Url, folder: &Path) -> Result<Parameters, String> {
        let mut read = Parameters::default();
        let (mut certificate, mut key) = (None, None);
        for (name, value) in url.query_pairs() {
            let path = || Some(folder.join(&*value));
            match &*name {
                "sslmode" => read.mode = Some(value.into_owned()),
                "sslrootcert" => read.authorities = path(),
                "sslcert" => certificate = path(),
                "sslkey" => key = path(),
                _ => {
                    return Err(format!(
                        "has a parameter that is not permitted; permitted are {PARAMETERS} \
                         (a `?` in a password is written as %3F)"
                    ));
                }
            }
        }
        read.client = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("has only one of sslcert and sslkey".to_owned()),
        };
        Ok(read)
    }
}

fn server(url: &Url) -> Result<Server, String> {
    let port = url.port().unwrap_or(PORT);
    let host = match url.host() {
        Some(Host::Domain(host)) => part(host)?,
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        None => String::new(),
    };
    if host.is_empty() {
        return Err("names no host: write postgres://USER@HOST/DATABASE".to_owned());
    }
    Ok(match host.starts_with('/') {
        true => Server::Socket {
            folder: host.into(),
            port,
        },
        false => Server::Host {
            host: host.to_ascii_lowercase(),
            port,
        },
    })
}

/// A part of the URL, with its `%XX` decoded.
fn part(text: &str) -> Result<String, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.ok_or_else(|| "has a `%` without two hexadecimal digits".to_owned())?);
        rest = rest.get(2..).unwrap_or_default();
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err("has a part that is no text or holds a control character".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PostgresUrl, String> {
        PostgresUrl::parse(text, Path::new("/etc/countersign"))
    }

    #[test]
    fn a_url_says_where_who_and_what() {
        let url = parse("postgresql://carol:p%40ss%2Fw%C3%B6rd+@DB.example:6000/my%20db").unwrap();
        assert_eq!(
            url.server,
            Server::Host {
                host: "db.example".to_owned(),
                port: 6000
            }
        );
        assert_eq!(
            (url.user.as_str(), url.database.as_str()),
            ("carol", "my db")
        );
        assert_eq!(
            url.password.as_ref().map(|it| it.as_str()),
            Some("p@ss/wörd+")
        );
        assert!(url.holds_password());
        let url = parse("postgres://c@[::1]/d").unwrap();
        assert_eq!(
            url.server,
            Server::Host {
                host: "::1".to_owned(),
                port: 5432
            }
        );
        assert_eq!(url.password, None);
    }

    #[test]
    fn a_socket_is_named_by_its_folder() {
        let url = parse("postgres://c@%2Frun%2Fpostgresql/d").unwrap();
        let folder = "/run/postgresql".into();
        assert_eq!(url.server, Server::Socket { folder, port: 5432 });
        assert_eq!(url.tls, DatabaseTls::Off);
    }

    // security.md B28
    #[test]
    fn beyond_this_machine_the_server_is_verified() {
        let verified = DatabaseTls::Verified {
            authorities: None,
            client: None,
        };
        for (text, expected) in [
            ("postgres://c@db/d", &verified),
            ("postgres://c@10.0.0.1/d?sslmode=verify-full", &verified),
            ("postgres://c@127.0.0.1/d?sslmode=verify-full", &verified),
            ("postgres://c@127.0.0.1/d", &DatabaseTls::Off),
            (
                "postgres://c@127.1.2.3/d?sslmode=disable",
                &DatabaseTls::Off,
            ),
            ("postgres://c@localhost/d", &DatabaseTls::Off),
            ("postgres://c@[::1]/d", &DatabaseTls::Off),
        ] {
            assert_eq!(&parse(text).unwrap().tls, expected, "{text}");
        }
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", ""] {
            let refusal = parse(&format!("postgres://c@db/d?sslmode={mode}")).unwrap_err();
            assert!(refusal.contains("verify-full"), "{mode}: {refusal}");
        }
        for here in ["127.0.0.1", "localhost"] {
            assert!(parse(&format!("postgres://c@{here}/d?sslmode=prefer")).is_err());
        }
        // A name that only looks like this machine.
        for elsewhere in ["localhost.example", "127.0.0.1.example", "128.0.0.1"] {
            assert!(parse(&format!("postgres://c@{elsewhere}/d?sslmode=disable")).is_err());
        }
    }

    #[test]
    fn files_stand_beside_the_settings() {
        let url =
            parse("postgres://c@db/d?sslrootcert=ca.pem&sslcert=/tls/c.pem&sslkey=tls%2Fc.key")
                .unwrap();
        let expected = DatabaseTls::Verified {
            authorities: Some("/etc/countersign/ca.pem".into()),
            client: Some(("/tls/c.pem".into(), "/etc/countersign/tls/c.key".into())),
        };
        assert_eq!(url.tls, expected);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, problem) in [
            ("postgres://c:hunter2@/d", "empty host"),
            ("postgres:///d", "names no user"),
            ("postgres:/c/d", "names no user"),
            ("postgres://:hunter2@h/d", "no user"),
            ("postgres://c:hunter2@h", "no database"),
            ("postgres://c:hunter2@h/", "no database"),
            ("postgres://c:hunter2@h/a/b", "no database"),
            ("postgres://c:hunter2@h/d?hunter2=hunter2", "not permitted"),
            ("postgres://c:hunter2@h/d?sslmode=hunter2", "not permitted"),
            ("postgres://c:hunter2@h/d?sslcert=hunter2", "only one of"),
            ("postgres://c:hunter2%@h/d", "hexadecimal"),
            ("postgres://c:hunter2%00@h/d", "control character"),
            ("postgres://c:hunter2%ff@h/d", "no text"),
            ("postgres://c:hunter2@h:99999/d", "no URL"),
            ("postgres://c:hunter2/3@h/d", "no URL"),
            ("postgres://c:hunter2@h/d#hunter2", "%23"),
            ("postgres:c:hunter2", "no user"),
            ("mysql://c:hunter2@h/d", "postgres://"),
            (
                "postgres://c:hunter2@%2Frun/d?sslmode=verify-full",
                "no TLS",
            ),
        ] {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.contains(problem), "{text}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (text, shown) in [
            ("postgres://c:hunter2@h/d", "postgres://c@h:5432/d"),
            ("postgres://c:hunter2@[::1]:1/d", "postgres://c@[::1]:1/d"),
            (
                "postgres://c:hunter2@%2Frun%2Fpg/d",
                "postgres://c@%2Frun%2Fpg:5432/d",
            ),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            let debug = format!("{url:?}");
            assert!(
                debug.contains(shown) && !debug.contains("hunter2"),
                "{debug}"
            );
        }
    }
}
