//! From which address did a request set out that came by a proxy?
//!
//! A proxy that is trusted appends the address that it was asked from. Read from its end, the list
//! can be believed as long as whoever wrote the entry is trusted: the first address that is not is
//! where the request came from, and all before it was written by who knows whom (security.md 109).

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::config::{ProxyHeader, TrustedProxies};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The last address that is no proxy, beginning with `peer`. When a trusted proxy does
/// not say by whom it was asked, the proxy itself.
pub(super) fn origin(peer: IpAddr, proxies: &TrustedProxies, headers: &HeaderMap) -> IpAddr {
    let TrustedProxies {
        networks: trusted,
        header: by,
    } = proxies;
    if !trusted.contain(peer) {
        return peer;
    }
    let mut origin = peer;
    let told = match by {
        ProxyHeader::XForwardedFor => entries(headers, &X_FORWARDED_FOR),
        ProxyHeader::Forwarded => entries(headers, &header::FORWARDED),
    };
    for entry in told.iter().rev() {
        let address = match by {
            ProxyHeader::XForwardedFor => node(entry),
            ProxyHeader::Forwarded => for_parameter(entry).and_then(node),
        };
        // An entry that hides its address, or is none, ends what is known.
        let Some(address) = address else { break };
        origin = address;
        if !trusted.contain(address) {
            break;
        }
    }
    origin
}

/// The elements of a list header, in the order of its lines (RFC 9110 §5.3).
fn entries<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    headers
        .get_all(name)
        .iter()
        // A line that is no text is an entry that nobody can read.
        .flat_map(|line| line.to_str().unwrap_or("unreadable").split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .collect()
}

/// `for` of one element (RFC 7239 §4). A quoted comma or semicolon is in no address.
fn for_parameter(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, and without
/// brackets as some write it.
fn node(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| {
            let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            bare.unwrap_or(text).parse::<IpAddr>()
        });
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::Networks;

    const PROXY: &str = "10.0.0.1";

    fn from(peer: &str, by: ProxyHeader, lines: &[(&str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let proxies = TrustedProxies {
            networks: Networks::parse(["10.0.0.0/8", "2001:db8:1::/48"]).unwrap(),
            header: by,
        };
        origin(peer.parse().unwrap(), &proxies, &headers).to_string()
    }

    fn x(peer: &str, value: &str) -> String {
        from(
            peer,
            ProxyHeader::XForwardedFor,
            &[("x-forwarded-for", value)],
        )
    }

    // security.md 104, 109
    #[test]
    fn who_is_no_proxy_cannot_say_where_it_comes_from() {
        for peer in ["192.0.2.7", "11.0.0.1", "2001:db8:2::1"] {
            assert_eq!(x(peer, "198.51.100.1"), peer);
        }
    }

    // security.md 109
    #[test]
    fn the_last_address_that_is_no_proxy_counts_and_what_stands_before_it_does_not() {
        assert_eq!(x(PROXY, "198.51.100.1"), "198.51.100.1");
        assert_eq!(x(PROXY, "127.0.0.1, 198.51.100.1"), "198.51.100.1");
        assert_eq!(
            x(PROXY, "203.0.113.9, 198.51.100.1, 10.3.0.1"),
            "198.51.100.1"
        );
        assert_eq!(x("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "198.51.100.1"),
        ];
        assert_eq!(
            from(PROXY, ProxyHeader::XForwardedFor, &lines),
            "198.51.100.1"
        );
    }

    #[test]
    fn what_is_not_told_or_cannot_be_read_leaves_the_nearest_proxy() {
        let none: &[(&str, &str)] = &[];
        assert_eq!(from(PROXY, ProxyHeader::XForwardedFor, none), PROXY);
        for entry in ["unknown", "_hidden", "", ",,", "198.51.100.1, evil"] {
            assert_eq!(x(PROXY, entry), PROXY, "{entry}");
        }
        assert_eq!(x(PROXY, "198.51.100.1, unknown, 10.3.0.1"), "10.3.0.1");
        assert_eq!(x(PROXY, "10.9.9.9"), "10.9.9.9");
    }

    // security.md 109
    #[test]
    fn the_other_header_is_not_read_whoever_wrote_it() {
        let forged = [("forwarded", "for=203.0.113.9")];
        assert_eq!(from(PROXY, ProxyHeader::XForwardedFor, &forged), PROXY);
        let forged = [("x-forwarded-for", "203.0.113.9")];
        assert_eq!(from(PROXY, ProxyHeader::Forwarded, &forged), PROXY);
    }

    #[test]
    fn addresses_are_read_with_ports_and_brackets_as_rfc_7239_writes_them() {
        // RFC 7239 §4 and §6.3.
        let forwarded = |value| from(PROXY, ProxyHeader::Forwarded, &[("forwarded", value)]);
        assert_eq!(
            forwarded("For=\"[2001:db8:cafe::17]:4711\""),
            "2001:db8:cafe::17"
        );
        assert_eq!(
            forwarded("for=192.0.2.60;proto=http;by=203.0.113.43"),
            "192.0.2.60"
        );
        assert_eq!(
            forwarded("for=192.0.2.43, for=198.51.100.17"),
            "198.51.100.17"
        );
        assert_eq!(forwarded("by=203.0.113.43"), PROXY);
        assert_eq!(x(PROXY, "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(x(PROXY, "2001:db8:cafe::17"), "2001:db8:cafe::17");
    }
}
