//! Which requests are refused before anything is looked for?
//!
//! A web page can make a browser send requests to loopback, and can have its own name lead there. It
//! can neither set a header of ours without asking first, nor hide that it is a browser that sends,
//! nor choose the name under which it asks. Each of these alone would be enough, and all are demanded.

use http::{HeaderMap, HeaderName, Method, Version, header, request::Parts};
use zeroize::Zeroizing;

use super::secret::is_same;

/// The header with the secret of the file.
pub(super) const SECRET: &str = "countersign-agent-secret";

/// Where a request came in, and what is demanded there.
pub(super) enum Gate {
    /// The system has said whose program asks.
    Socket,
    Loopback {
        hosts: [String; 3],
        secret: Zeroizing<String>,
    },
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    Method,
    Form,
    Browser,
    Forwarded,
    Host,
    Secret,
}

impl Gate {
    pub(super) fn on_loopback(port: u16, secret: Zeroizing<String>) -> Gate {
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
        Gate::Loopback { hosts, secret }
    }

    /// Whether a request may be looked at.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Barred> {
        let headers = &request.headers;
        let demands = [
            (request.method == Method::GET, Barred::Method),
            (is_plain(request), Barred::Form),
            (!is_of_a_browser(headers), Barred::Browser),
            (!is_forwarded(headers), Barred::Forwarded),
            (self.is_meant(headers), Barred::Host),
            (self.is_opened(headers), Barred::Secret),
        ];
        demands
            .into_iter()
            .try_for_each(|(holds, barred)| match holds {
                true => Ok(()),
                false => Err(barred),
            })
    }

    /// Whether it was asked for under a name of this machine. Over the socket any name will do.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        let host = only(headers, &header::HOST);
        match self {
            Gate::Socket => host.is_some(),
            Gate::Loopback { hosts, .. } => host.is_some_and(|host| {
                hosts
                    .iter()
                    .any(|known| host.eq_ignore_ascii_case(known.as_bytes()))
            }),
        }
    }

    /// By the header of ours, or by that which the SDKs of AWS send. Either makes a browser ask first.
    fn is_opened(&self, headers: &HeaderMap) -> bool {
        let Gate::Loopback { secret, .. } = self else {
            return true;
        };
        let ours = HeaderName::from_static(SECRET);
        let name = match headers.contains_key(&ours) {
            true => &ours,
            false => &header::AUTHORIZATION,
        };
        only(headers, name).is_some_and(|shown| is_same(shown, secret.as_bytes()))
    }
}

impl Barred {
    /// What whoever sent it is told. A page of a browser is told nothing: it cannot read it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Barred::Method => "only GET is answered",
            Barred::Form => "a request has a path, HTTP/1.1 and no body",
            Barred::Browser => "browsers are not served",
            Barred::Forwarded => "requests that were passed on are not served",
            Barred::Host => "the host is not the address of this agent",
            Barred::Secret => {
                "the header countersign-agent-secret with what the secret file holds is missing"
            }
        }
    }
}

/// A path of ours, in the form that is meant for servers and not for proxies, with nothing behind it.
fn is_plain(request: &Parts) -> bool {
    let headers = &request.headers;
    let length = headers.get(header::CONTENT_LENGTH);
    request.version == Version::HTTP_11
        && request.uri.scheme().is_none()
        && request.uri.authority().is_none()
        && length.is_none_or(|length| length == "0")
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && !headers.contains_key(header::UPGRADE)
}

/// What browsers add to requests, and scripts cannot take away from all of them.
fn is_of_a_browser(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        matches!(name, "origin" | "referer" | "cookie")
            || name.starts_with("sec-")
            || name.starts_with("access-control-request-")
    })
}

/// What proxies add. Behind one stands somebody whom nobody has looked at.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded")
    })
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn loopback() -> Gate {
        Gate::on_loopback(9911, Zeroizing::new("5ecret".to_owned()))
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:9911");
    const KEY: (&str, &str) = (SECRET, "5ecret");

    // security.md 134, 135
    #[test]
    fn over_loopback_a_request_names_this_machine_and_shows_the_secret_once() {
        let gate = loopback();
        for host in [
            "127.0.0.1:9911",
            "localhost:9911",
            "LOCALHOST:9911",
            "[::1]:9911",
        ] {
            assert_eq!(
                gate.check(&request("GET", "/token", &[("host", host), KEY])),
                Ok(()),
                "{host}"
            );
        }
        for (headers, barred) in [
            (&[KEY][..], Barred::Host),
            (&[("host", "127.0.0.1"), KEY], Barred::Host),
            (&[("host", "127.0.0.1:80"), KEY], Barred::Host),
            (&[("host", "evil.example:9911"), KEY], Barred::Host),
            (
                &[("host", "127.0.0.1:9911.evil.example"), KEY],
                Barred::Host,
            ),
            (&[("host", "localhost.:9911"), KEY], Barred::Host),
            (&[("host", "u@127.0.0.1:9911"), KEY], Barred::Host),
            (&[("host", "0.0.0.0:9911"), KEY], Barred::Host),
            (&[HOST, HOST, KEY], Barred::Host),
            (&[HOST, ("host", "evil.example:9911"), KEY], Barred::Host),
            (&[HOST], Barred::Secret),
            (&[HOST, (SECRET, "")], Barred::Secret),
            (&[HOST, (SECRET, "5ecreT")], Barred::Secret),
            (&[HOST, (SECRET, "5ecret0")], Barred::Secret),
            (&[HOST, KEY, KEY], Barred::Secret),
            (&[HOST, ("authorization", "Bearer 5ecret")], Barred::Secret),
            (
                &[HOST, (SECRET, "wrong"), ("authorization", "5ecret")],
                Barred::Secret,
            ),
        ] {
            assert_eq!(
                gate.check(&request("GET", "/token", headers)),
                Err(barred),
                "{headers:?}"
            );
        }
    }

    // security.md 134
    #[test]
    fn what_a_browser_or_a_proxy_sends_is_refused_at_either_door_even_with_the_secret() {
        for gate in [Gate::Socket, loopback()] {
            for (name, barred) in [
                ("origin", Barred::Browser),
                ("referer", Barred::Browser),
                ("cookie", Barred::Browser),
                ("sec-fetch-site", Barred::Browser),
                ("sec-fetch-mode", Barred::Browser),
                ("sec-websocket-key", Barred::Browser),
                ("access-control-request-headers", Barred::Browser),
                ("access-control-request-private-network", Barred::Browser),
                ("x-forwarded-for", Barred::Forwarded),
                ("x-forwarded-host", Barred::Forwarded),
                ("forwarded", Barred::Forwarded),
                ("via", Barred::Forwarded),
                ("x-real-ip", Barred::Forwarded),
                ("upgrade", Barred::Form),
                ("transfer-encoding", Barred::Form),
                ("content-length", Barred::Form),
            ] {
                let asked = request("GET", "/token", &[HOST, KEY, (name, "null")]);
                assert_eq!(gate.check(&asked), Err(barred), "{name}");
            }
            assert_eq!(gate.check(&request("GET", "/token", &[HOST, KEY])), Ok(()));
            let as_aws = [HOST, ("authorization", "5ecret")];
            assert_eq!(gate.check(&request("GET", "/token", &as_aws)), Ok(()));
        }
    }

    // security.md 134
    #[test]
    fn only_a_plain_get_is_answered() {
        for gate in [Gate::Socket, loopback()] {
            for method in [
                "POST", "PUT", "OPTIONS", "HEAD", "DELETE", "CONNECT", "BREW",
            ] {
                let asked = request(method, "/token", &[HOST, KEY]);
                assert_eq!(gate.check(&asked), Err(Barred::Method), "{method}");
            }
            let asked = request("GET", "http://127.0.0.1:9911/token", &[HOST, KEY]);
            assert_eq!(gate.check(&asked), Err(Barred::Form));
            let mut old = request("GET", "/token", &[HOST, KEY]);
            old.version = Version::HTTP_10;
            assert_eq!(gate.check(&old), Err(Barred::Form));
        }
    }
}
