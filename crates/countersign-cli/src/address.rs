//! Which address may a secret be sent to?

use countersign::proto::metadata::is_loopback;
use url::Url;

use crate::{failure::Failure, profile::shown_address};

/// An address over https, or over http on loopback, with neither a user nor a query in it.
pub(crate) fn confidential(option: &str, typed: &str) -> Result<Url, Failure> {
    let wrong = |problem: &str| {
        Failure::usage(format!("{option} {:?}: {problem}", shown_address(typed)))
            .hint("https://HOST, or http:// on loopback only")
    };
    let url = Url::parse(typed).map_err(|_| wrong("it is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a user must not stand in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(wrong("a secret is not sent there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_to_https_and_to_loopback() {
        for good in [
            "https://sts.eu-central-1.amazonaws.com",
            "https://h:8443/path",
            "http://127.0.0.1:9",
            "http://127.9.9.9",
            "http://[::1]:9",
            "http://localhost",
        ] {
            assert!(confidential("--x", good).is_ok(), "{good}");
        }
    }

    // security.md 85, 112
    #[test]
    fn a_secret_goes_nowhere_else_and_what_may_be_one_is_not_repeated() {
        for wrong in [
            "",
            "h",
            "http://h",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "https://canary@h",
            "https://u:canary@h",
            "https://h?a=b",
            "https://h#a",
        ] {
            let failure = confidential("--x", wrong).unwrap_err();
            assert_eq!(failure.code(), 2, "{wrong}");
            assert!(!failure.message().contains("canary"), "{failure:?}");
        }
    }
}
