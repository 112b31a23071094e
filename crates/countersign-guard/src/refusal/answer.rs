//! How is a refusal told to whoever sent the request (RFC 6750 §3, RFC 9449 §7.1, §9)?

use std::time::Duration;

use countersign_proto::{bearer, dpop::ProofError, jwt, token::TokenType};
use http::{
    HeaderValue, Response, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::Refusal;

/// What is told, and how.
struct Answer {
    status: StatusCode,
    /// By which schemes the sender is challenged.
    schemes: &'static [TokenType],
    /// `error`
    code: Option<&'static str>,
}

const NONE: &[TokenType] = &[];
const EITHER: &[TokenType] = &[TokenType::Bearer, TokenType::DPoP];
const BEARER: &[TokenType] = &[TokenType::Bearer];
const DPOP: &[TokenType] = &[TokenType::DPoP];

impl Refusal {
    /// The one table from reasons to answers.
    fn answer(&self) -> Answer {
        use StatusCode as Status;
        let (status, schemes, code) = match self {
            // No code for somebody who sent nothing: there is nothing that could be wrong.
            Refusal::Missing | Refusal::Unguarded => (Status::UNAUTHORIZED, EITHER, None),
            Refusal::Malformed | Refusal::Several => {
                (Status::BAD_REQUEST, BEARER, Some("invalid_request"))
            }
            Refusal::Token(_)
            | Refusal::Issuer
            | Refusal::Opaque
            | Refusal::NotForApis
            | Refusal::Inactive
            | Refusal::OtherToken
            | Refusal::NotBound
            | Refusal::CertificateMissing
            | Refusal::OtherCertificate => (Status::UNAUTHORIZED, BEARER, Some("invalid_token")),
            Refusal::BoundToKey | Refusal::Unbound => {
                (Status::UNAUTHORIZED, DPOP, Some("invalid_token"))
            }
            Refusal::ProofMissing
            | Refusal::Proof(_)
            | Refusal::ProofOfOtherKey
            | Refusal::ProofReplayed => (Status::UNAUTHORIZED, DPOP, Some("invalid_dpop_proof")),
            Refusal::NonceRequired(_) => (Status::UNAUTHORIZED, DPOP, Some("use_dpop_nonce")),
            Refusal::Scope { .. }
            | Refusal::Role { .. }
            | Refusal::Kind
            | Refusal::NotByLoopback => (Status::FORBIDDEN, BEARER, Some("insufficient_scope")),
            Refusal::Unavailable { .. } | Refusal::Busy { .. } => {
                (Status::SERVICE_UNAVAILABLE, NONE, None)
            }
        };
        Answer {
            status,
            schemes,
            code,
        }
    }

    /// What the sender is told in words: nothing that it sent, and nothing of what is trusted here.
    pub(super) fn told(&self) -> &'static str {
        match self {
            Refusal::Missing => "no token was presented",
            Refusal::Malformed => "the Authorization header holds no token",
            Refusal::Several => "more than one token was presented",
            Refusal::Token(why) => told_of_token(why),
            Refusal::Issuer => "the token is of an issuer that is not trusted here",
            Refusal::Opaque => "tokens of this form are not taken here",
            Refusal::NotForApis => "the token is not for use with an API, or not whole",
            Refusal::Inactive | Refusal::OtherToken => "the token is not active",
            Refusal::BoundToKey => "the token is bound to a key: present it with a proof",
            Refusal::NotBound => "the token is not bound to a key: present it as Bearer",
            Refusal::ProofMissing => "the proof is missing",
            Refusal::Proof(why) => told_of_proof(why),
            Refusal::ProofOfOtherKey => "the proof is of another key than the token's",
            Refusal::ProofReplayed => "the proof was used before",
            Refusal::NonceRequired(_) => "the proof has to carry the nonce",
            Refusal::CertificateMissing => "the token is bound to a certificate",
            Refusal::OtherCertificate => "the token is bound to another certificate",
            Refusal::Unguarded => "no token was believed",
            Refusal::Scope { .. } => "the token lacks a scope",
            Refusal::Role { .. } => "the token lacks a role",
            Refusal::Kind => "the token is not of a kind that is taken here",
            Refusal::Unbound => "a token that is bound to its holder is needed",
            Refusal::NotByLoopback => "a sign-in on the machine of the browser is needed",
            Refusal::Unavailable { .. } => "the issuer of the token cannot be asked now",
            Refusal::Busy { .. } => "no further proof can be taken now",
        }
    }

    /// The HTTP status: 400, 401, 403, or 503 when it is not the caller's fault. By the mapping of the
    /// gRPC specification they arrive as `INTERNAL`, `UNAUTHENTICATED`, `PERMISSION_DENIED` and
    /// `UNAVAILABLE`.
    pub fn status(&self) -> StatusCode {
        self.answer().status
    }

    /// `error` of the challenges (RFC 6750 §3.1, RFC 9449 §7.1), if there is one.
    pub fn code(&self) -> Option<&'static str> {
        self.answer().code
    }

    /// The values of `WWW-Authenticate`, each a header of its own.
    pub fn challenges(&self) -> Vec<HeaderValue> {
        let Answer { schemes, code, .. } = self.answer();
        let told = code.map(|_| self.told());
        let scope = match self {
            Refusal::Scope { wanted } => Some(wanted.as_str()),
            _ => None,
        };
        let challenge = |scheme: &TokenType| bearer::challenge(*scheme, code, told, scope);
        schemes.iter().map(challenge).collect()
    }

    /// `Retry-After`, with 503.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::Unavailable { retry_after } | Refusal::Busy { retry_after } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// The whole answer, with an empty body.
    pub fn response<B: Default>(&self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        for challenge in self.challenges() {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Refusal::NonceRequired(nonce) = self
            && let Ok(nonce) = HeaderValue::from_str(nonce)
        {
            headers.insert("dpop-nonce", nonce);
        }
        response
    }
}

fn told_of_token(why: &jwt::Refusal) -> &'static str {
    match why {
        jwt::Refusal::Expired { .. } => "the token has expired",
        jwt::Refusal::NotYetValid { .. } => "the token is not valid yet",
        jwt::Refusal::Type { .. } => "the token is not an access token",
        _ if why.claim() == Some("aud") => "the token is for another audience",
        _ => "the token is not valid",
    }
}

fn told_of_proof(why: &ProofError) -> &'static str {
    match why {
        ProofError::Header => "there is more than one proof",
        ProofError::Method => "the proof is for another method",
        ProofError::Uri => "the proof is for another address",
        ProofError::AccessToken => "the proof is for another token",
        ProofError::TooOld => "the proof is too old",
        ProofError::InFuture => "the proof is dated ahead",
        _ => "the proof is not valid",
    }
}
