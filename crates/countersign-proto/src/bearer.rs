//! How is a token presented with a request, and how is its absence answered (RFC 6750, RFC 9449 §7)?

use std::fmt;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{
    key::Algorithm,
    token::{AccessToken, TokenType},
};

/// The `Authorization` value for a token, marked sensitive.
pub fn authorization(token: &AccessToken, token_type: TokenType) -> HeaderValue {
    let text = format!("{} {}", token_type.name(), token.expose());
    // Cannot fail: a token holds only characters that a header may hold.
    let mut value =
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

/// What a request presented.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    /// The token.
    pub token: AccessToken,
    /// How it was presented.
    pub token_type: TokenType,
}

/// Why nothing usable was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BearerError {
    /// No credentials at all: challenge without an error code.
    Missing,
    /// Two headers, or two methods: 400.
    Several,
    /// Not a scheme and one token.
    Malformed,
    /// Another scheme, such as Basic.
    Scheme,
}

/// Reads the `Authorization` header; one header, one scheme.
///
/// # Errors
///
/// [`BearerError`] says how to answer.
pub fn read(headers: &HeaderMap) -> Result<PresentedToken, BearerError> {
    let (text, token_type) = read_text(headers)?;
    let token = AccessToken::new(text).map_err(|_| BearerError::Malformed)?;
    Ok(PresentedToken { token, token_type })
}

/// As [`read`], without a copy of the token: for whoever looks at it once.
///
/// # Errors
///
/// As [`read`].
pub fn read_text(headers: &HeaderMap) -> Result<(&str, TokenType), BearerError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(BearerError::Missing)?;
    if values.next().is_some() {
        return Err(BearerError::Several);
    }
    let text = value.to_str().map_err(|_| BearerError::Malformed)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token_type = if scheme.eq_ignore_ascii_case("Bearer") {
        TokenType::Bearer
    } else if scheme.eq_ignore_ascii_case("DPoP") {
        TokenType::DPoP
    } else {
        return Err(BearerError::Scheme);
    };
    let token = token.trim_start_matches(' ');
    if !AccessToken::is_token(token) {
        return Err(BearerError::Malformed);
    }
    Ok((token, token_type))
}

/// A `WWW-Authenticate` challenge (RFC 6750 §3, RFC 9449 §7.1); characters outside the permitted
/// set are dropped.
pub fn challenge(
    scheme: TokenType,
    error: Option<&str>,
    description: Option<&str>,
    scope: Option<&str>,
) -> HeaderValue {
    let mut text = format!("{} realm=\"countersign\"", scheme.name());
    for (name, value) in [
        ("error", error),
        ("error_description", description),
        ("scope", scope),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(", {name}=\""));
            text.extend(value.chars().filter(|c| is_quotable(*c)));
            text.push('"');
        }
    }
    if scheme == TokenType::DPoP {
        let names = Algorithm::PROTOCOL.map(Algorithm::name);
        text.push_str(&format!(", algs=\"{}\"", names.join(" ")));
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(scheme.name()))
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BearerError::Missing => "the request carries no token",
            BearerError::Several => "the request carries more than one Authorization header",
            BearerError::Malformed => "the Authorization header holds no token",
            BearerError::Scheme => "the Authorization header is neither Bearer nor DPoP",
        })
    }
}

impl std::error::Error for BearerError {}

/// RFC 6750 §3: `%x20-21 / %x23-5B / %x5D-7E`.
fn is_quotable(c: char) -> bool {
    matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers
    }

    // security.md 82
    #[test]
    fn a_token_is_presented_in_a_sensitive_header_and_read_back() {
        let token = AccessToken::new("mF_9.B5f-4.1JqM").unwrap();
        for token_type in [TokenType::Bearer, TokenType::DPoP] {
            let value = authorization(&token, token_type);
            assert!(value.is_sensitive());
            assert!(!format!("{value:?}").contains("mF_9"));
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value);
            let presented = read(&headers).unwrap();
            assert_eq!(presented.token, token);
            assert_eq!(presented.token_type, token_type);
        }
    }

    #[test]
    fn the_example_of_rfc_6750_is_read() {
        let presented = read(&headers(&["Bearer mF_9.B5f-4.1JqM"])).unwrap();
        assert_eq!(presented.token.expose(), "mF_9.B5f-4.1JqM");
        let presented = read(&headers(&["bEARER   abc=="])).unwrap();
        assert_eq!(presented.token.expose(), "abc==");
        let presented = read(&headers(&["dpop abc"])).unwrap();
        assert_eq!(presented.token_type, TokenType::DPoP);
    }

    // security.md 83
    #[test]
    fn each_way_of_not_presenting_a_token_has_its_answer() {
        let error = |values: &[&'static str]| read(&headers(values)).unwrap_err();
        assert_eq!(error(&[]), BearerError::Missing);
        assert_eq!(error(&["Bearer a", "Bearer a"]), BearerError::Several);
        assert_eq!(error(&["Bearer a", "Basic a"]), BearerError::Several);
        assert_eq!(error(&["Basic QWxhZGRpbjpvcGVu"]), BearerError::Scheme);
        assert_eq!(error(&["Bearerabc"]), BearerError::Scheme);
        assert_eq!(error(&[""]), BearerError::Scheme);
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer a,b",
            "Bearer \"a\"",
            "Bearer a=b",
            "Bearer ==",
            "Bearer a\tb",
            "Bearer token=abc",
        ] {
            assert_eq!(error(&[value]), BearerError::Malformed, "{value:?}");
        }
    }

    // security.md 84
    #[test]
    fn a_challenge_cannot_be_broken_out_of() {
        let value = challenge(
            TokenType::Bearer,
            Some("invalid_token"),
            Some("a\"\r\nSet-Cookie: x\\é\0"),
            Some("read \"write"),
        );
        assert_eq!(
            value,
            "Bearer realm=\"countersign\", error=\"invalid_token\", \
             error_description=\"aSet-Cookie: x\", scope=\"read write\""
        );
        assert_eq!(
            challenge(TokenType::Bearer, None, None, None),
            "Bearer realm=\"countersign\""
        );
    }

    #[test]
    fn a_dpop_challenge_names_the_algorithms() {
        let value = challenge(TokenType::DPoP, Some("use_dpop_nonce"), None, None);
        let text = value.to_str().unwrap();
        assert!(text.starts_with("DPoP "), "{text}");
        assert!(text.contains("algs=\"ES256 "), "{text}");
        assert!(!text.contains("none") && !text.contains("HS"), "{text}");
    }
}
