//! Where does a terminal wait for the browser of its own machine?

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;

use super::ConfirmValue;

/// Ports from 1024 on that a browser does not open (WHATWG Fetch, "port blocking").
const BLOCKED_BY_BROWSERS: &[u16] = &[
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
    6679, 6697, 10080,
];
/// Ports of services that read lines and would take a request for commands: Redis, memcached.
const LINE_SERVICES: &[u16] = &[6379, 11211];

/// The listener of a terminal: a port of 127.0.0.1 and a path of 128 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct LoopbackTarget {
    port: u16,
    path: String,
    url: Url,
}

/// Why no browser is sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoopbackError {
    /// The port is below 1024, blocked by browsers, or that of a well-known service.
    Port(u16),
    /// The path is not 22 characters of canonical base64url.
    Path,
}

impl LoopbackTarget {
    /// Takes a port and a path of 22 base64url characters, without a slash.
    ///
    /// # Errors
    ///
    /// [`LoopbackError`] says which of the two no browser is sent to.
    pub fn new(port: u16, path: &str) -> Result<LoopbackTarget, LoopbackError> {
        LoopbackTarget::check_port(port)?;
        let mut bits = [0; 16];
        let canonical = path.len() == 22
            && URL_SAFE_NO_PAD
                .decode_slice(path, &mut bits)
                .is_ok_and(|length| length == bits.len());
        if !canonical {
            return Err(LoopbackError::Path);
        }
        let url = Url::parse(&format!("http://127.0.0.1:{port}/{path}"))
            .map_err(|_| LoopbackError::Path)?;
        Ok(LoopbackTarget {
            port,
            path: path.to_owned(),
            url,
        })
    }

    /// Whether a browser may be sent to this port of loopback.
    ///
    /// # Errors
    ///
    /// [`LoopbackError::Port`]
    pub fn check_port(port: u16) -> Result<(), LoopbackError> {
        if port < 1024 || BLOCKED_BY_BROWSERS.contains(&port) || LINE_SERVICES.contains(&port) {
            return Err(LoopbackError::Port(port));
        }
        Ok(())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, without a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `http://127.0.0.1:PORT`, for the platform's `Content-Security-Policy`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT/PATH?value=…`: where the browser carries the value to.
    pub fn url(&self, value: &ConfirmValue) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("value", value.expose());
        url
    }
}

/// Hides the path, which guards the listener.
impl fmt::Debug for LoopbackTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackTarget")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for LoopbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoopbackError::Port(port) => write!(
                f,
                "port {port} is one that no browser is sent to: choose another from 1024 on"
            ),
            LoopbackError::Path => {
                f.write_str("the loopback path is not 22 characters of base64url")
            }
        }
    }
}

impl std::error::Error for LoopbackError {}
