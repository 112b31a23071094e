//! What does the environment say? Read once, at the start.

#[cfg(feature = "platform")]
use std::ffi::OsStr;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use countersign::{
    certificate_store::Password,
    login::{ClientInfo, browser::Surroundings},
};
#[cfg(feature = "platform")]
use countersign_server::config::PostgresUrl;
#[cfg(feature = "platform")]
use zeroize::Zeroizing;

use crate::sealing;

/// What the environment says. Nothing in it can choose a server to sign in at, or a profile.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Settings: `$XDG_CONFIG_HOME/countersign`; absent when there is no home.
    pub(crate) config: Option<PathBuf>,
    /// Tokens: `$XDG_STATE_HOME/countersign`.
    pub(crate) state: Option<PathBuf>,
    /// Certificates and development platforms: `$XDG_DATA_HOME/countersign`.
    pub(crate) data: Option<PathBuf>,
    /// `$COUNTERSIGN_CERT_STORE`.
    pub(crate) cert_store: Option<PathBuf>,
    /// `$COUNTERSIGN_PKCS11_MODULE`.
    #[cfg(feature = "pkcs11")]
    pub(crate) pkcs11_module: Option<PathBuf>,
    /// `$COUNTERSIGN_CACHE_SEAL`; what is wrong with it is said where it is needed.
    pub(crate) cache_seal: Option<String>,
    /// The session bus: `$DBUS_SESSION_BUS_ADDRESS`, else the socket in `$XDG_RUNTIME_DIR`.
    pub(crate) bus: Option<String>,
    /// `$COUNTERSIGN_KEY_PASSWORD`.
    pub(crate) key_password: Option<Password>,
    /// `$KUBERNETES_EXEC_INFO`: what kubectl says about its question.
    pub(crate) exec_info: Option<OsString>,
    /// For sockets: `$XDG_RUNTIME_DIR/countersign`, or `agent` under `state` where that is not set.
    pub(crate) runtime: Option<PathBuf>,
    /// `$NOTIFY_SOCKET`: whom a service tells that it is ready, and that it stops.
    pub(crate) notify_socket: Option<OsString>,
    /// Names of proxy variables that are set.
    pub(crate) proxies: Vec<&'static str>,
    /// `$COUNTERSIGN_STORE_URL`, read; what is wrong with it is said where it is needed.
    #[cfg(feature = "platform")]
    pub(crate) store_url: Option<Result<PostgresUrl, String>>,
    /// How this program was called, for commands to be pasted.
    #[cfg(feature = "platform")]
    pub(crate) program: String,
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Environment {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let folder = |variable: &str, under_home: &str| {
            path(variable)
                .filter(|path| path.is_absolute()) // as the XDG specification demands
                .or_else(|| home.as_ref().map(|home| home.join(under_home)))
                .map(|base| base.join("countersign"))
        };
        let state = folder("XDG_STATE_HOME", ".local/state");
        let runtime = path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute());
        Environment {
            config: folder("XDG_CONFIG_HOME", ".config"),
            exec_info: std::env::var_os("KUBERNETES_EXEC_INFO"),
            runtime: runtime
                .map(|base| base.join("countersign"))
                .or_else(|| state.as_ref().map(|state| state.join("agent"))),
            notify_socket: std::env::var_os("NOTIFY_SOCKET").filter(|value| !value.is_empty()),
            state,
            data: folder("XDG_DATA_HOME", ".local/share"),
            cert_store: path("COUNTERSIGN_CERT_STORE"),
            #[cfg(feature = "pkcs11")]
            pkcs11_module: path("COUNTERSIGN_PKCS11_MODULE"),
            cache_seal: text(sealing::VARIABLE),
            bus: text("DBUS_SESSION_BUS_ADDRESS").or_else(runtime_bus),
            key_password: std::env::var_os("COUNTERSIGN_KEY_PASSWORD")
                .and_then(|password| password.into_string().ok())
                .map(Password::new),
            proxies: PROXIES
                .into_iter()
                .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
                .collect(),
            #[cfg(feature = "platform")]
            store_url: std::env::var_os("COUNTERSIGN_STORE_URL").map(|url| {
                let url = Zeroizing::new(url.into_string().unwrap_or_default());
                PostgresUrl::parse(&url, Path::new(""))
            }),
            #[cfg(feature = "platform")]
            program: program(std::env::args_os().next().as_deref()),
        }
    }
}

/// The bus of a session that has no variable for it, where its socket is there.
fn runtime_bus() -> Option<String> {
    let socket = path("XDG_RUNTIME_DIR")?.join("bus");
    (socket.is_absolute() && socket.exists()).then(|| bus_address(&socket))
}

/// The address of a socket: each byte that is not allowed there as it is, by its number.
fn bus_address(socket: &Path) -> String {
    let mut address = "unix:path=".to_owned();
    for byte in socket.as_os_str().as_encoded_bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'/' | b'.' => {
                address.push(char::from(*byte));
            }
            _ => address.push_str(&format!("%{byte:02x}")),
        }
    }
    address
}

/// What is around this process, as far as it matters to a browser.
pub(crate) fn surroundings() -> Surroundings {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_there = |file: &str| Path::new(file).exists();
    let kernel = rustix::system::uname();
    let kernel = kernel.release().to_string_lossy().to_ascii_lowercase();
    Surroundings {
        ssh: is_set("SSH_CONNECTION") || is_set("SSH_TTY"),
        container: is_set("container") || is_there("/.dockerenv") || is_there("/run/.containerenv"),
        wsl: kernel.contains("microsoft"),
        display: is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || cfg!(target_os = "macos"),
        browser_chosen: is_set("BROWSER"),
    }
}

/// What this program, its machine and its user call themselves. Nobody vouches for any of it.
pub(crate) fn client() -> ClientInfo {
    let user = ["USER", "LOGNAME"].into_iter().find_map(std::env::var_os);
    let system = rustix::system::uname();
    ClientInfo {
        name: "countersign".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        host: system.nodename().to_string_lossy().into_owned(),
        user: user.map_or_else(String::new, |user| user.to_string_lossy().into_owned()),
    }
}

const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// A variable that is set to something. What is no UTF-8 is no value that is known here.
fn text(variable: &str) -> Option<String> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

fn path(variable: &str) -> Option<PathBuf> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(PathBuf::from(value))
}

/// The first word as it was typed, quoted for a shell where it needs that.
#[cfg(feature = "platform")]
fn program(first_word: Option<&OsStr>) -> String {
    let word = first_word.and_then(OsStr::to_str).unwrap_or("countersign");
    shell_word(word)
}

/// A word that a shell reads back as it is.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, feature = "platform"))]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_bus_has_no_byte_that_ends_it_early() {
        assert_eq!(
            bus_address(Path::new("/run/user/1000/bus")),
            "unix:path=/run/user/1000/bus"
        );
        assert_eq!(
            bus_address(Path::new("/tmp/a;b,c=d%/bus")),
            "unix:path=/tmp/a%3bb%2cc%3dd%25/bus"
        );
    }

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_change_it() {
        assert_eq!(
            shell_word("target/debug/countersign"),
            "target/debug/countersign"
        );
        assert_eq!(shell_word("/home/my name/x"), "'/home/my name/x'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
