//! What must hold of what a server says about itself (RFC 8414)?

use countersign::proto::metadata::{Metadata, check_issuer, well_known};
use url::Url;

use super::rereading::{has_repeated_members, is_shown_safely, lenient};

/// Of a document as it is, and of a text that somebody calls an issuer.
pub fn hold(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        of_an_issuer(text);
    }
    for issuer in ["https://id.example", "http://127.0.0.1:8085"] {
        let metadata = match Metadata::parse(input, issuer) {
            Ok(metadata) => metadata,
            Err(why) => {
                is_shown_safely(&why);
                continue;
            }
        };
        assert_eq!(metadata.issuer, issuer);
        assert_eq!(lenient(input).expect("a JSON object")["issuer"], issuer);
        assert!(!has_repeated_members(input));
        let endpoints = [
            Some(&metadata.token_endpoint),
            metadata.jwks_uri.as_ref(),
            metadata.introspection_endpoint.as_ref(),
            metadata.revocation_endpoint.as_ref(),
            metadata.countersign_api.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            is_protected(endpoint, issuer, ["https", "http"]);
        }
        if let Some(endpoint) = &metadata.countersign_login_endpoint {
            is_protected(endpoint, issuer, ["wss", "ws"]);
        }
        assert_eq!(Metadata::parse(&metadata.to_json(), issuer), Ok(metadata));
    }
}

/// Nobody who began with TLS is sent elsewhere without.
fn is_protected(endpoint: &Url, issuer: &str, [encrypted, plain]: [&str; 2]) {
    assert_eq!(endpoint.fragment(), None);
    if endpoint.scheme() != encrypted {
        assert_eq!(endpoint.scheme(), plain);
        assert!(issuer.starts_with("http:"), "{endpoint}");
        let host = endpoint.host_str().expect("a host");
        let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        assert!(is_loopback, "{endpoint}");
    }
}

fn of_an_issuer(text: &str) {
    let Ok(url) = check_issuer(text) else { return };
    assert!(
        text.is_ascii() && !text.contains(char::is_whitespace),
        "{text:?}"
    );
    assert_eq!(
        (url.query(), url.fragment(), url.username()),
        (None, None, "")
    );
    assert!(
        url.scheme() == "https"
            || url.host_str().is_some_and(|host| {
                host == "localhost" || host == "[::1]" || host.starts_with("127.")
            })
    );
    for address in well_known(&url) {
        assert_eq!(
            (address.scheme(), address.host()),
            (url.scheme(), url.host())
        );
        assert_eq!(address.port(), url.port());
    }
    assert_eq!(check_issuer(url.as_str()).as_ref(), Ok(&url));
    let platform = Metadata::for_platform(&url);
    let body = platform.to_json();
    assert_eq!(Metadata::parse(&body, &platform.issuer), Ok(platform));
}
