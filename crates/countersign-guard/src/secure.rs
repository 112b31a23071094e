//! Did a request come over TLS, and from where?

use std::net::SocketAddr;

use http::{Extensions, HeaderMap, header};

/// Says, as an extension of a request, that it came over TLS.
///
/// Whoever accepts the connections puts it there, because nobody else knows: for axum it is
/// `router.layer(Extension(Secure))` on a router that is served over TLS and nowhere else. The
/// request itself is not asked. Its scheme (`:scheme` of HTTP/2, or a whole URI as the target) and
/// `X-Forwarded-Proto` are what somebody wrote there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secure;

/// Says, as an extension of a request, which address the connection comes from.
///
/// Where plain http from loopback is permitted, it says who may use it. A platform that is asked about a
/// token hears it too, and shows it as the place of the token's last use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// What becomes of secrets that come over plain http.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// They are not looked at.
    #[default]
    Refused,
    /// They are taken from a program on this machine.
    FromLoopback,
}

/// Whether a request came over TLS.
pub(crate) fn over_tls(extensions: &Extensions) -> bool {
    extensions.get::<Secure>().is_some()
}

impl PlainHttp {
    /// Whether secrets of a request may be looked at.
    pub(crate) fn permits(self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        over_tls(extensions)
            || (self == PlainHttp::FromLoopback && is_from_here(headers, extensions))
    }
}

/// Whether a program on this machine speaks, and for itself: a proxy on this machine that says whom
/// it speaks for has loopback as its address too.
fn is_from_here(headers: &HeaderMap, extensions: &Extensions) -> bool {
    let relayed = [
        header::FORWARDED.as_str(),
        header::VIA.as_str(),
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    let peer = extensions.get::<PeerAddress>();
    peer.is_some_and(|PeerAddress(peer)| peer.ip().to_canonical().is_loopback())
        && !relayed.iter().any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

    use super::*;

    fn permits(plain: PlainHttp, request: &Request<()>) -> bool {
        plain.permits(request.headers(), request.extensions())
    }

    fn from(peer: &str) -> http::request::Builder {
        Request::builder().extension(PeerAddress(peer.parse().unwrap()))
    }

    // security.md 109
    #[test]
    fn only_whoever_accepted_the_connection_says_that_it_was_tls() {
        let secure = Request::builder().extension(Secure).body(()).unwrap();
        assert!(permits(PlainHttp::Refused, &secure));
        let claims = Request::builder()
            .version(Version::HTTP_2)
            .uri("https://api.example/token/new")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "proto=https");
        assert!(!permits(PlainHttp::Refused, &claims.body(()).unwrap()));
    }

    #[test]
    fn plain_http_from_loopback_is_taken_where_that_was_asked_for() {
        for here in [
            "127.0.0.1:4711",
            "127.8.9.10:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            let request = || from(here).body(()).unwrap();
            assert!(permits(PlainHttp::FromLoopback, &request()), "{here}");
            assert!(!permits(PlainHttp::Refused, &request()), "{here}");
        }
    }

    #[test]
    fn plain_http_from_elsewhere_is_never_taken() {
        for there in [
            "192.0.2.7:4711",
            "0.0.0.0:1",
            "[2001:db8::1]:1",
            "[::ffff:192.0.2.7]:1",
        ] {
            let request = from(there).body(()).unwrap();
            assert!(!permits(PlainHttp::FromLoopback, &request), "{there}");
        }
        let of_nobody = Request::new(());
        assert!(!permits(PlainHttp::FromLoopback, &of_nobody));
    }

    // security.md 109
    #[test]
    fn a_proxy_on_this_machine_does_not_make_its_clients_local() {
        for name in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-real-ip",
        ] {
            let relayed = from("127.0.0.1:4711").header(name, "192.0.2.7");
            let relayed = relayed.body(()).unwrap();
            assert!(!permits(PlainHttp::FromLoopback, &relayed), "{name}");
        }
    }
}
