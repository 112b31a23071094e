//! What went wrong for the application, and may it try again?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    certificate::Validity,
    exchange::ExchangeError,
    key::SigningError,
    login::LoginErrorCode,
    oauth_error::{ErrorCode, OAuthError, Reason},
};

use crate::{TransportError, credential::CredentialError};

/// The one error of the SDK. Cheap to clone; nothing secret is in it.
///
/// `Display` is one line that names the thing; [`Error::hint`] says what to do next.
#[derive(Clone)]
pub struct Error {
    told: Arc<Told>,
}

#[derive(Clone)]
struct Told {
    kind: ErrorKind,
    text: String,
    hint: Option<String>,
    transient: bool,
    retry_after: Option<Duration>,
    oauth: Option<OAuthError>,
    login: Option<LoginErrorCode>,
}

/// Whose fault, roughly. Maps to the exit codes of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Wrong settings or arguments.
    Settings,
    /// No usable certificate.
    Credential,
    /// No answer, or none that makes sense.
    Network,
    /// The server's metadata or answer is not acceptable, or the server itself failed.
    Server,
    /// The certificate, the client or the mapping was refused.
    IdentityRejected,
    /// Refused by policy: a scope, a grant, or a value of the management API that is not permitted.
    Policy,
    /// Access denied.
    Denied,
    /// The token or the certificate is past its end.
    Expired,
    /// The caller's deadline passed.
    Deadline,
    /// The key, or the device or service that holds it, did not sign.
    Signing,
    /// The platform does not know what was named.
    NotFound,
    /// It exists already, or something still depends on it.
    Conflict,
    /// The session has no refresh left, or has ended: a person has to sign in again.
    RefreshLimit,
}

impl Error {
    /// What kind.
    pub fn kind(&self) -> ErrorKind {
        self.told.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.told.transient
    }

    /// What the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.told.retry_after
    }

    /// The server's refusal.
    pub fn oauth(&self) -> Option<&OAuthError> {
        self.told.oauth.as_ref()
    }

    /// Why the platform ended a login in a browser.
    pub fn login(&self) -> Option<&LoginErrorCode> {
        self.told.login.as_ref()
    }

    /// What to do next, when there is something.
    pub fn hint(&self) -> Option<&str> {
        self.told.hint.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error {
            told: Arc::new(Told {
                kind,
                text: text.into(),
                hint: None,
                transient: false,
                retry_after: None,
                oauth: None,
                login: None,
            }),
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Error {
        Arc::make_mut(&mut self.told).hint = Some(hint.into());
        self
    }

    pub(crate) fn transient(mut self) -> Error {
        Arc::make_mut(&mut self.told).transient = true;
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Error {
        Arc::make_mut(&mut self.told).retry_after = wait;
        self
    }

    /// A refusal of the token endpoint of `issuer`, or of another endpoint that speaks RFC 6749 §5.2.
    pub(crate) fn refused(issuer: &str, status: u16, refusal: &OAuthError) -> Error {
        let mut text = format!("{issuer} refused: {}", refusal.code.as_str());
        if let Some(reason) = &refusal.reason {
            text.push_str(&format!(", {}", reason.as_str()));
        }
        if let Some(description) = &refusal.description {
            text.push_str(&format!(": {description}"));
        }
        if let Some(id) = &refusal.support_id {
            text.push_str(&format!(" (support id {id})"));
        }
        let mut error = Error::new(kind_of(refusal), printable(&text));
        let told = Arc::make_mut(&mut error.told);
        told.hint = hint_for(refusal);
        told.transient = status_is_transient(status)
            || matches!(
                refusal.code,
                ErrorCode::TemporarilyUnavailable | ErrorCode::SlowDown
            );
        told.oauth = Some(refusal.clone());
        error
    }

    /// The end that the platform at `issuer` put to a login.
    pub(crate) fn login_ended(
        issuer: &str,
        code: LoginErrorCode,
        message: &str,
        support_id: Option<&str>,
    ) -> Error {
        let (kind, hint) = kind_of_end(&code);
        let mut text = format!("{issuer} ended the login: {code}");
        if !message.is_empty() {
            text.push_str(&format!(": {message}"));
        }
        if let Some(id) = support_id {
            text.push_str(&format!(" (support id {id})"));
        }
        let mut error = Error::new(kind, printable(&text));
        let told = Arc::make_mut(&mut error.told);
        told.hint = hint.map(str::to_owned);
        told.transient = code == LoginErrorCode::ServerError;
        told.login = Some(code);
        error
    }

    /// An answer of the token endpoint of `issuer` that is no token.
    pub(crate) fn exchange(issuer: &str, error: &ExchangeError) -> Error {
        match error {
            ExchangeError::Refused { status, error } => Error::refused(issuer, *status, error),
            ExchangeError::Status(status) => Error::status(issuer, *status),
            ExchangeError::NotBound => Error::new(
                ErrorKind::Server,
                format!("{issuer} gave a bearer token where one bound by DPoP was asked for; it was thrown away"),
            )
            .with_hint("register the application for bound tokens, or do not ask for DPoP"),
            ExchangeError::ContentType => Error::new(
                ErrorKind::Server,
                format!("the token endpoint of {issuer} did not answer with JSON"),
            ),
            other => Error::new(
                ErrorKind::Server,
                format!("the answer of the token endpoint of {issuer} is no token response: {other}"),
            ),
        }
    }

    /// A status that says nothing more.
    pub(crate) fn status(from: &str, status: u16) -> Error {
        match status {
            300..=399 => Error::new(
                ErrorKind::Server,
                format!("{from} answered with a redirect ({status}), which is not followed"),
            )
            .with_hint("give the address that the server itself names as its issuer"),
            _ if status_is_transient(status) => Error::new(
                ErrorKind::Server,
                format!("{from} is not available just now (status {status})"),
            )
            .transient(),
            _ => Error::new(
                ErrorKind::Server,
                format!("{from} answered with status {status}"),
            ),
        }
    }
}

/// Whether a status says that the same request may succeed later.
pub(crate) fn status_is_transient(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// `text` on one line, without anything that moves a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

fn kind_of_end(code: &LoginErrorCode) -> (ErrorKind, Option<&'static str>) {
    match code {
        LoginErrorCode::Denied | LoginErrorCode::Cancelled => (ErrorKind::Denied, None),
        LoginErrorCode::Reported => (
            ErrorKind::Denied,
            Some("somebody got the link who did not start this login: open it yourself"),
        ),
        LoginErrorCode::Expired => (ErrorKind::Expired, Some("start the login again")),
        LoginErrorCode::Policy => (ErrorKind::Policy, None),
        LoginErrorCode::TooMany => (
            ErrorKind::Policy,
            Some("wait a minute, and start the login again"),
        ),
        LoginErrorCode::IdentityRejected => (ErrorKind::IdentityRejected, None),
        LoginErrorCode::Superseded => (ErrorKind::Conflict, None),
        _ => (ErrorKind::Server, None),
    }
}

fn kind_of(refusal: &OAuthError) -> ErrorKind {
    match (&refusal.reason, &refusal.code) {
        (Some(Reason::RefreshLimitReached | Reason::SessionEnded), _) => ErrorKind::RefreshLimit,
        (Some(Reason::Superseded), _) => ErrorKind::Conflict,
        (Some(Reason::ProviderUnavailable), _) => ErrorKind::Server,
        (Some(Reason::CertificateExpired), _) => ErrorKind::Expired,
        (Some(Reason::ScopeNotPermitted), _) => ErrorKind::Policy,
        (_, ErrorCode::InvalidClient | ErrorCode::InvalidGrant | ErrorCode::InvalidDpopProof) => {
            ErrorKind::IdentityRejected
        }
        (
            Some(
                Reason::PrincipalNotMapped
                | Reason::PrincipalAmbiguous
                | Reason::PrincipalDisabled
                | Reason::CertificateRevoked,
            ),
            _,
        ) => ErrorKind::IdentityRejected,
        (
            _,
            ErrorCode::UnauthorizedClient
            | ErrorCode::InvalidScope
            | ErrorCode::InsufficientScope
            | ErrorCode::UnsupportedGrantType,
        ) => ErrorKind::Policy,
        (_, ErrorCode::AccessDenied) => ErrorKind::Denied,
        (_, ErrorCode::InvalidToken) => ErrorKind::Expired,
        _ => ErrorKind::Server,
    }
}

fn hint_for(refusal: &OAuthError) -> Option<String> {
    let hint = match &refusal.reason {
        Some(Reason::WrongAudience) => {
            return Some(match &refusal.expected_audience {
                Some(wanted) => printable(&format!(
                    "configure {wanted} as the issuer or as the audience"
                )),
                None => "configure the issuer exactly as the server writes it".to_owned(),
            });
        }
        Some(Reason::PrincipalAmbiguous | Reason::PrincipalNotMapped)
            if !refusal.permitted.is_empty() =>
        {
            return Some(printable(&format!(
                "ask for one of the permitted principals: {}",
                refusal.permitted.join(", ")
            )));
        }
        Some(Reason::PrincipalNotMapped) => {
            "an administrator can map the certificate to a principal"
        }
        Some(Reason::CertificateExpired) => "renew the certificate and register the new one",
        Some(Reason::CertificateRevoked) => "use another certificate that is registered",
        Some(Reason::CertificateNotYetValid) => {
            "wait until the certificate is valid, or use another one"
        }
        Some(Reason::WrongUsage) => {
            "a platform certificate and a client certificate cannot stand for each other"
        }
        Some(Reason::ClockSkew) => "set the clock of this machine by a time server",
        Some(Reason::LifetimeTooLong) => "use a shorter assertion lifetime",
        Some(Reason::PrincipalDisabled) => "an administrator can enable the principal",
        Some(Reason::ScopeNotPermitted) => "ask for scopes that the application may have",
        Some(Reason::RefreshLimitReached | Reason::SessionEnded) => "sign in again",
        Some(Reason::Superseded) => "another process has refreshed this session: use its token",
        Some(Reason::ProviderRefused) => {
            "the identity provider must know this certificate for the application"
        }
        Some(Reason::ProviderUnavailable) => "try again when the identity provider answers",
        _ => match refusal.code {
            ErrorCode::InvalidClient | ErrorCode::InvalidGrant => {
                "check that the application id is right and that this certificate is registered for it"
            }
            ErrorCode::InvalidScope => "ask for scopes that the application may have",
            _ => return None,
        },
    };
    Some(hint.to_owned())
}

/// By the words of the TLS library; where they are others one day, the last line is still true.
fn tls_hint(what: &str) -> &'static str {
    if what.contains("certificate expired") || what.contains("not valid yet") {
        "is the clock of this machine right? If so, the server needs a certificate that is valid now"
    } else if what.contains("not valid for name") {
        "give the server by a name that is in its certificate"
    } else if what.contains("InvalidContentType") {
        "what answers there does not speak TLS; is the port right?"
    } else {
        "if the server's certificate comes from a private authority, give that authority's file as CA bundle"
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match error {
            TransportError::Settings(_) => ErrorKind::Settings,
            TransportError::TooLarge => ErrorKind::Server,
            _ => ErrorKind::Network,
        };
        let hint = match error {
            TransportError::Connect(_) => {
                Some("check the address, the network and the proxy settings")
            }
            TransportError::Tls(ref what) => Some(tls_hint(what)),
            TransportError::Timeout => Some("check the network, or raise the time limit"),
            _ => None,
        };
        let mut told = Error::new(kind, printable(&error.to_string()));
        if error.is_transient() {
            told = told.transient();
        }
        match hint {
            Some(hint) => told.with_hint(hint),
            None => told,
        }
    }
}

impl From<CredentialError> for Error {
    fn from(error: CredentialError) -> Self {
        let text = printable(&error.to_string());
        match error {
            CredentialError::NotValidNow {
                validity: Validity::Expired { .. },
                ..
            } => Error::new(ErrorKind::Expired, text)
                .with_hint("renew the certificate and register the new one"),
            CredentialError::NotValidNow { .. } => {
                Error::new(ErrorKind::Credential, text).with_hint("check the clock of this machine")
            }
            _ => Error::new(ErrorKind::Credential, text),
        }
    }
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        let told = Error::new(ErrorKind::Signing, printable(&error.to_string()));
        match error {
            SigningError::Unavailable(_) => told.transient(),
            SigningError::Algorithm(_) => {
                told.with_hint("leave the algorithm out, and the key's own is taken")
            }
            _ => told,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told.text)
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.told.kind)
            .field("text", &self.told.text)
            .field("transient", &self.told.transient)
            .field("retry_after", &self.told.retry_after)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_with_its_reason_and_a_hint() {
        let mut refusal = OAuthError::new(ErrorCode::InvalidGrant)
            .because(Reason::PrincipalAmbiguous)
            .describe("several principals are mapped");
        refusal.permitted = vec!["north".to_owned(), "south".to_owned()];
        refusal.support_id = Some("s-1".to_owned());
        let error = Error::refused("https://platform.example", 400, &refusal);
        assert_eq!(
            error.to_string(),
            "https://platform.example refused: invalid_grant, principal_ambiguous: \
             several principals are mapped (support id s-1)"
        );
        assert_eq!(
            error.hint(),
            Some("ask for one of the permitted principals: north, south")
        );
        assert_eq!(error.kind(), ErrorKind::IdentityRejected);
        assert!(!error.is_transient());
        assert_eq!(error.oauth(), Some(&refusal));
    }

    // security.md C8
    #[test]
    fn text_from_a_server_cannot_move_the_cursor() {
        let refusal = OAuthError::new(ErrorCode::Other("odd\u{9b}".to_owned()))
            .describe("a\u{1b}[2Jb\r\nc\u{202e}d");
        let error = Error::refused("https://platform.example", 400, &refusal);
        assert_eq!(
            error.to_string(),
            "https://platform.example refused: odd: a[2Jb cd"
        );
    }

    #[test]
    fn each_refusal_has_its_kind() {
        let cases = [
            (ErrorCode::InvalidClient, None, ErrorKind::IdentityRejected),
            (
                ErrorCode::InvalidClient,
                Some(Reason::CertificateExpired),
                ErrorKind::Expired,
            ),
            (
                ErrorCode::AccessDenied,
                Some(Reason::PrincipalNotMapped),
                ErrorKind::IdentityRejected,
            ),
            (
                ErrorCode::InvalidScope,
                Some(Reason::ScopeNotPermitted),
                ErrorKind::Policy,
            ),
            (ErrorCode::UnauthorizedClient, None, ErrorKind::Policy),
            (ErrorCode::AccessDenied, None, ErrorKind::Denied),
            (ErrorCode::ServerError, None, ErrorKind::Server),
        ];
        for (code, reason, kind) in cases {
            let mut refusal = OAuthError::new(code);
            refusal.reason = reason;
            let error = Error::refused("https://platform.example", 400, &refusal);
            assert_eq!(error.kind(), kind, "{error}");
        }
    }

    #[test]
    fn the_wanted_audience_is_in_the_hint() {
        let mut refusal = OAuthError::new(ErrorCode::InvalidClient).because(Reason::WrongAudience);
        refusal.expected_audience = Some("https://platform.example".to_owned());
        let error = Error::refused("https://platform.example/", 401, &refusal);
        assert!(error.hint().unwrap().contains("https://platform.example "));
    }
}
