//! How does a server say no (RFC 6749 §5.2)?

use std::fmt;

use serde::Serialize;

use crate::{
    json::{self, Limits, Map, Value},
    showable::showable,
    time::UnixTime,
};

/// An error answer. Text from a server may be shown: controls are stripped when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// `error`
    pub code: ErrorCode,
    /// `error_description`, for people; at most 512 characters when read.
    pub description: Option<String>,
    /// Our stable member for programs.
    pub reason: Option<Reason>,
    /// The names that may be chosen, with `principal_ambiguous` and `principal_not_mapped`.
    pub permitted: Vec<String>,
    /// The audience that is wanted, with `wrong_audience`.
    pub expected_audience: Option<String>,
    /// The server's time, with `clock_skew`.
    pub server_time: Option<UnixTime>,
    /// What the operator can find the case by.
    pub support_id: Option<String>,
}

/// `error` (RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 9449 §5, §8).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `invalid_request`
    InvalidRequest,
    /// `invalid_client`
    InvalidClient,
    /// `invalid_grant`
    InvalidGrant,
    /// `unauthorized_client`
    UnauthorizedClient,
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// `invalid_scope`
    InvalidScope,
    /// `unsupported_token_type`
    UnsupportedTokenType,
    /// `invalid_dpop_proof`
    InvalidDpopProof,
    /// `use_dpop_nonce`
    UseDpopNonce,
    /// `invalid_token`
    InvalidToken,
    /// `insufficient_scope`
    InsufficientScope,
    /// `access_denied`
    AccessDenied,
    /// `server_error`
    ServerError,
    /// `temporarily_unavailable`
    TemporarilyUnavailable,
    /// `slow_down`
    SlowDown,
    /// Another code of another server.
    Other(String),
}

/// `reason`: what a program can act on, where `error` is too coarse.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// `certificate_expired`
    CertificateExpired,
    /// `certificate_not_yet_valid`
    CertificateNotYetValid,
    /// `certificate_revoked`
    CertificateRevoked,
    /// `wrong_usage`: the certificate is registered for the other purpose.
    WrongUsage,
    /// `wrong_audience`
    WrongAudience,
    /// `clock_skew`
    ClockSkew,
    /// `lifetime_too_long`
    LifetimeTooLong,
    /// `assertion_replayed`
    AssertionReplayed,
    /// `principal_not_mapped`
    PrincipalNotMapped,
    /// `principal_ambiguous`
    PrincipalAmbiguous,
    /// `principal_disabled`
    PrincipalDisabled,
    /// `scope_not_permitted`
    ScopeNotPermitted,
    /// `not_refreshable`
    NotRefreshable,
    /// `refresh_limit_reached`: the session has used up its refreshes; a new login is needed.
    RefreshLimitReached,
    /// `session_ended`: a new login is needed.
    SessionEnded,
    /// `superseded`: a newer refresh token is in use, and this one changed nothing.
    Superseded,
    /// `provider_refused`: the identity provider does not vouch for the client.
    ProviderRefused,
    /// `provider_unavailable`: the identity provider did not answer.
    ProviderUnavailable,
    /// A reason that is not known here.
    Other(String),
}

impl OAuthError {
    /// An error with a code alone.
    pub fn new(code: ErrorCode) -> OAuthError {
        OAuthError {
            code,
            description: None,
            reason: None,
            permitted: Vec::new(),
            expected_audience: None,
            server_time: None,
            support_id: None,
        }
    }

    /// With a description for people.
    #[must_use]
    pub fn describe(self, description: impl Into<String>) -> OAuthError {
        OAuthError {
            description: Some(description.into()),
            ..self
        }
    }

    /// With a reason for programs.
    #[must_use]
    pub fn because(self, reason: Reason) -> OAuthError {
        OAuthError {
            reason: Some(reason),
            ..self
        }
    }

    /// The JSON body. Characters that RFC 6749 §5.2 does not allow in a description are replaced.
    pub fn to_json(&self) -> Vec<u8> {
        let body = Body {
            error: self.code.as_str(),
            error_description: self.description.as_deref().map(permitted_text),
            reason: self.reason.as_ref().map(Reason::as_str),
            permitted: &self.permitted,
            expected_audience: self.expected_audience.as_deref(),
            server_time: self.server_time,
            support_id: self.support_id.as_deref(),
        };
        serde_json::to_vec(&body).unwrap_or_else(|_| br#"{"error":"server_error"}"#.to_vec())
    }

    /// Reads an answer of any server. `None` when there is no `error` string in it.
    pub fn parse(body: &[u8]) -> Option<OAuthError> {
        let members = json::object(body, &Limits::DOCUMENT).ok()?;
        let code = text(&members, "error", 64)?;
        Some(OAuthError {
            code: ErrorCode::from_name(&code),
            description: text(&members, "error_description", 512),
            reason: text(&members, "reason", 64).map(|name| Reason::from_name(&name)),
            permitted: match members.get("permitted") {
                Some(Value::Array(names)) => names
                    .iter()
                    .take(64)
                    .filter_map(Value::as_str)
                    .map(|name| showable(name, 256))
                    .collect(),
                _ => Vec::new(),
            },
            expected_audience: text(&members, "expected_audience", 512),
            server_time: members
                .get("server_time")
                .and_then(Value::as_u64)
                .map(UnixTime::from_secs),
            support_id: text(&members, "support_id", 64),
        })
    }
}

/// The code, and the description where there is one.
impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

impl std::error::Error for OAuthError {}

const CODES: [(ErrorCode, &str); 15] = [
    (ErrorCode::InvalidRequest, "invalid_request"),
    (ErrorCode::InvalidClient, "invalid_client"),
    (ErrorCode::InvalidGrant, "invalid_grant"),
    (ErrorCode::UnauthorizedClient, "unauthorized_client"),
    (ErrorCode::UnsupportedGrantType, "unsupported_grant_type"),
    (ErrorCode::InvalidScope, "invalid_scope"),
    (ErrorCode::UnsupportedTokenType, "unsupported_token_type"),
    (ErrorCode::InvalidDpopProof, "invalid_dpop_proof"),
    (ErrorCode::UseDpopNonce, "use_dpop_nonce"),
    (ErrorCode::InvalidToken, "invalid_token"),
    (ErrorCode::InsufficientScope, "insufficient_scope"),
    (ErrorCode::AccessDenied, "access_denied"),
    (ErrorCode::ServerError, "server_error"),
    (ErrorCode::TemporarilyUnavailable, "temporarily_unavailable"),
    (ErrorCode::SlowDown, "slow_down"),
];

const REASONS: [(Reason, &str); 18] = [
    (Reason::CertificateExpired, "certificate_expired"),
    (Reason::CertificateNotYetValid, "certificate_not_yet_valid"),
    (Reason::CertificateRevoked, "certificate_revoked"),
    (Reason::WrongUsage, "wrong_usage"),
    (Reason::WrongAudience, "wrong_audience"),
    (Reason::ClockSkew, "clock_skew"),
    (Reason::LifetimeTooLong, "lifetime_too_long"),
    (Reason::AssertionReplayed, "assertion_replayed"),
    (Reason::PrincipalNotMapped, "principal_not_mapped"),
    (Reason::PrincipalAmbiguous, "principal_ambiguous"),
    (Reason::PrincipalDisabled, "principal_disabled"),
    (Reason::ScopeNotPermitted, "scope_not_permitted"),
    (Reason::NotRefreshable, "not_refreshable"),
    (Reason::RefreshLimitReached, "refresh_limit_reached"),
    (Reason::SessionEnded, "session_ended"),
    (Reason::Superseded, "superseded"),
    (Reason::ProviderRefused, "provider_refused"),
    (Reason::ProviderUnavailable, "provider_unavailable"),
];

impl ErrorCode {
    /// The value of `error`.
    pub fn as_str(&self) -> &str {
        match self {
            ErrorCode::Other(name) => name,
            known => name_in(&CODES, known),
        }
    }

    /// Reads the value of `error`.
    pub fn from_name(name: &str) -> ErrorCode {
        value_in(&CODES, name).unwrap_or_else(|| ErrorCode::Other(name.to_owned()))
    }
}

impl Reason {
    /// The value of `reason`.
    pub fn as_str(&self) -> &str {
        match self {
            Reason::Other(name) => name,
            known => name_in(&REASONS, known),
        }
    }

    /// Reads the value of `reason`.
    pub fn from_name(name: &str) -> Reason {
        value_in(&REASONS, name).unwrap_or_else(|| Reason::Other(name.to_owned()))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    permitted: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_audience: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_id: Option<&'a str>,
}

fn name_in<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table
        .iter()
        .find(|(known, _)| known == value)
        .map_or("", |(_, name)| name)
}

fn value_in<T: Clone>(table: &[(T, &str)], name: &str) -> Option<T> {
    table
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(value, _)| value.clone())
}

fn text(members: &Map<String, Value>, name: &str, characters: usize) -> Option<String> {
    members
        .get(name)?
        .as_str()
        .map(|text| showable(text, characters))
}

/// RFC 6749 §5.2: `%x20-21 / %x23-5B / %x5D-7E`.
fn permitted_text(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            '\x20'..='\x7e' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_reason_is_read_as_it_is_written() {
        for (code, name) in CODES {
            assert_eq!(code.as_str(), name);
            assert_eq!(ErrorCode::from_name(name), code);
        }
        for (reason, name) in REASONS {
            assert_eq!(reason.as_str(), name);
            assert_eq!(Reason::from_name(name), reason);
        }
        let other = ErrorCode::from_name("interaction_required");
        assert_eq!(other.as_str(), "interaction_required");
    }

    #[test]
    fn an_answer_is_written_and_read_back() {
        let mut error = OAuthError::new(ErrorCode::InvalidClient)
            .describe("the audience is wrong")
            .because(Reason::WrongAudience);
        error.permitted = vec!["robot".to_owned(), "admin".to_owned()];
        error.expected_audience = Some("https://id.example".to_owned());
        error.server_time = Some(UnixTime::from_secs(1_700_000_000));
        error.support_id = Some("7f3a".to_owned());
        assert_eq!(OAuthError::parse(&error.to_json()), Some(error.clone()));
        assert_eq!(error.to_string(), "invalid_client: the audience is wrong");
        assert_eq!(
            OAuthError::new(ErrorCode::InvalidGrant).to_json(),
            br#"{"error":"invalid_grant"}"#
        );
    }

    // security.md 41
    #[test]
    fn a_description_holds_only_what_rfc_6749_allows() {
        let json = OAuthError::new(ErrorCode::InvalidRequest)
            .describe("a\"b\\c\r\nd\u{e9}")
            .to_json();
        assert_eq!(
            json,
            br#"{"error":"invalid_request","error_description":"a'b/c??d?"}"#
        );
    }

    // attacks A23 and C8
    #[test]
    fn what_a_server_says_cannot_play_with_the_terminal() {
        let body = "{\"error\":\"invalid_\\u001bclient\",\
            \"error_description\":\"a\\u001b[2Jb\\u202ec\\u0000\\u0085\\u200bd\\ne\",\
            \"permitted\":[\"x\\u2066y\",1],\"support_id\":\"\\u0007i\"}";
        let error = OAuthError::parse(body.as_bytes()).unwrap();
        assert_eq!(error.code, ErrorCode::InvalidClient);
        assert_eq!(error.description.as_deref(), Some("a[2Jbcde"));
        assert_eq!(error.permitted, ["xy"]);
        assert_eq!(error.support_id.as_deref(), Some("i"));
    }

    #[test]
    fn a_description_is_bounded() {
        let body = format!(
            "{{\"error\":\"x\",\"error_description\":\"{}\"}}",
            "é".repeat(5000)
        );
        let error = OAuthError::parse(body.as_bytes()).unwrap();
        assert_eq!(error.description.unwrap().chars().count(), 512);
    }

    #[test]
    fn an_answer_of_another_server_is_read() {
        let body = br#"{"error":"invalid_client","error_description":"AADSTS700027: The certificate
            is not registered.","error_codes":[700027],"timestamp":"2026-11-22 08:30:00Z",
            "trace_id":"0","correlation_id":"1","reason":5,"server_time":"x"}"#;
        let cleaned: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\n').collect();
        let error = OAuthError::parse(&cleaned).unwrap();
        assert_eq!(error.code, ErrorCode::InvalidClient);
        assert_eq!(error.reason, None);
        assert_eq!(error.server_time, None);
    }

    #[test]
    fn what_is_no_oauth_error_is_none() {
        for body in [
            "",
            "<html>",
            "{}",
            "[]",
            r#"{"error":{"code":"x"}}"#,
            r#"{"error":null}"#,
            r#"{"error":"a","error":"b"}"#,
        ] {
            assert_eq!(OAuthError::parse(body.as_bytes()), None, "{body}");
        }
    }
}
