//! How does a connection become a WebSocket?
//!
//! By the HTTP/1.1 upgrade of the transport (RFC 6455), so that proxy, certificate authorities and TLS
//! are those of every other request.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use url::Url;

use crate::{Error, HttpTransport, random};

/// What is wanted of a WebSocket.
pub(crate) struct Wanted {
    /// What is spoken over it (RFC 6455 §1.9), where that has a name.
    pub(crate) subprotocol: Option<&'static str>,
    /// A message may have at most so many bytes, in however many frames.
    pub(crate) max_message_bytes: usize,
    /// The error of whoever wants it.
    pub(crate) not_usable: fn(&str) -> Error,
}

impl Wanted {
    /// Opens one. No `Origin` is sent: a program has none.
    pub(crate) async fn open(
        &self,
        transport: &HttpTransport,
        endpoint: &Url,
    ) -> Result<WebSocketStream<reqwest::Upgraded>, Error> {
        let key = STANDARD.encode(random::bytes::<16>()?);
        let mut request = http::Request::get(self.http_address(endpoint)?.as_str())
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key);
        if let Some(subprotocol) = self.subprotocol {
            request = request.header(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        let request = request
            .body(Vec::new())
            .map_err(|_| (self.not_usable)("its address is not usable"))?;
        let mut answer = transport.upgrade(request).await?;
        let status = answer.status();
        let Some(connection) = answer.body_mut().take() else {
            return Err(Error::status(endpoint.as_str(), status.as_u16()));
        };
        self.check_handshake(status, answer.headers(), &key)?;
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = self.max_message_bytes.min(8 * 1024);
        config.write_buffer_size = 0;
        config.max_message_size = Some(self.max_message_bytes);
        config.max_frame_size = Some(self.max_message_bytes);
        Ok(WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await)
    }

    /// RFC 6455 §3: `ws` is `http`, `wss` is `https`.
    fn http_address(&self, endpoint: &Url) -> Result<Url, Error> {
        let scheme = match endpoint.scheme() {
            "wss" => "https",
            "ws" => "http",
            _ => return Err((self.not_usable)("its address is that of no WebSocket")),
        };
        let mut address = endpoint.clone();
        match address.set_scheme(scheme) {
            Ok(()) => Ok(address),
            Err(()) => Err((self.not_usable)("its address is that of no WebSocket")),
        }
    }

    /// RFC 6455 §4.1: what the server's answer must have.
    fn check_handshake(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        key: &str,
    ) -> Result<(), Error> {
        let is = |name, value: &str| {
            let mut found = headers.get_all(name).iter();
            let first = found.next().and_then(|found| found.to_str().ok());
            found.next().is_none() && first.is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let exact = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
        if status != StatusCode::SWITCHING_PROTOCOLS
            || !is(header::UPGRADE, "websocket")
            || !is(header::CONNECTION, "upgrade")
            || !exact(
                header::SEC_WEBSOCKET_ACCEPT,
                &derive_accept_key(key.as_bytes()),
            )
        {
            return Err((self.not_usable)("it did not open a WebSocket"));
        }
        match self.subprotocol {
            Some(name) if !exact(header::SEC_WEBSOCKET_PROTOCOL, name) => {
                return Err((self.not_usable)(&format!("it does not speak {name}")));
            }
            None if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) => {
                return Err((self.not_usable)(
                    "it speaks something that nobody asked for",
                ));
            }
            _ => {}
        }
        if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            return Err((self.not_usable)(
                "it wants an extension that nobody asked for",
            ));
        }
        Ok(())
    }
}
