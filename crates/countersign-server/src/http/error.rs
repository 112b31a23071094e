//! Which status and which body does each no become?
//!
//! `refusal::words` has the words. What is ours to repair is logged under a support id and says nothing.

use std::any::Any;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use countersign_proto::{
    bearer,
    management::Problem,
    oauth_error::{ErrorCode, OAuthError},
    token::TokenType,
};

use crate::{
    Platform,
    limits::TooMany,
    random,
    refusal::{Failure, Fault, Refusal},
    registry::RegistryError,
    service::{AccessRefusal, ChangeRefusal},
};

/// What a response says to the log, and to no one else.
#[derive(Clone, Debug, Default)]
pub(super) struct Cause {
    pub(super) support_id: Option<String>,
    pub(super) text: String,
}

/// `DPoP-Nonce` (RFC 9449 §8).
pub(super) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// An answer of an OAuth endpoint (RFC 6749 §5.2).
pub(super) fn oauth(platform: &Platform, failure: Failure) -> Response {
    let refusal = match failure {
        Failure::Refused(refusal) => *refusal,
        Failure::Fault(fault) => return oauth_fault(&fault),
    };
    if let Refusal::TooOften { retry_after } = refusal {
        return too_many(platform, TooMany { retry_after });
    }
    let (status, mut error) = refusal.told();
    let mut cause = Cause {
        support_id: None,
        text: refusal.reason(),
    };
    if let Refusal::Unrecognised { cause: text, .. } = &refusal {
        let support_id = random::support_id();
        error.support_id = Some(support_id.clone());
        cause = Cause {
            support_id: Some(support_id),
            text: text.clone(),
        };
    }
    platform.metrics().refused(&cause_label(&refusal));
    let mut response = json(status, error.to_json());
    if refusal == Refusal::NonceRequired {
        add_nonce(platform, response.headers_mut());
    }
    response.extensions_mut().insert(cause);
    response
}

/// The same where a bearer token would have done as well: then 401 has a scheme to challenge with.
pub(super) fn unauthenticated(platform: &Platform, failure: Failure) -> Response {
    let mut response = oauth(platform, failure);
    let refused = response
        .extensions()
        .get::<Cause>()
        .is_some_and(|it| it.support_id.is_some());
    if !refused {
        return response;
    }
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    challenged(
        response,
        bearer::challenge(TokenType::Bearer, None, None, None),
    )
}

/// Tells the nonce to be used next.
pub(super) fn add_nonce(platform: &Platform, headers: &mut HeaderMap) {
    if let Ok(nonce) = HeaderValue::from_str(&platform.proofs().nonce(platform.now())) {
        headers.insert(DPOP_NONCE, nonce);
    }
}

/// A request whose form could not be read.
pub(super) fn bad_request(status: StatusCode, description: &str) -> Response {
    let error = OAuthError::new(ErrorCode::InvalidRequest).describe(description);
    json(status, error.to_json())
}

/// Somebody who asked too often (RFC 6585 §4), at an OAuth endpoint.
pub(super) fn too_many(platform: &Platform, too_many: TooMany) -> Response {
    let error = OAuthError::new(ErrorCode::SlowDown).describe(TOO_MANY);
    let response = json(StatusCode::TOO_MANY_REQUESTS, error.to_json());
    limited(platform, too_many, response)
}

/// The same as a problem, for the management API.
pub(super) fn too_many_problem(platform: &Platform, too_many: TooMany) -> Response {
    let response = problem(StatusCode::TOO_MANY_REQUESTS, TOO_MANY.to_owned());
    limited(platform, too_many, response)
}

const TOO_MANY: &str = "too many requests from here, wait and try again";

fn limited(platform: &Platform, too_many: TooMany, mut response: Response) -> Response {
    platform.metrics().limited();
    let seconds = HeaderValue::from(too_many.retry_after.as_secs().max(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// The OAuth endpoints are POST only (RFC 6749 §3.2).
pub(super) fn wrong_method_at_oauth() -> Response {
    bad_request(
        StatusCode::METHOD_NOT_ALLOWED,
        "this endpoint takes POST only",
    )
}

/// A token that does not open the door (RFC 6750 §3, RFC 9449 §7.1).
pub(super) fn access(platform: &Platform, refusal: &AccessRefusal) -> Response {
    use AccessRefusal as R;
    let (status, error, detail) = match refusal {
        R::Missing => (StatusCode::UNAUTHORIZED, None, "present an access token"),
        R::Malformed => (
            StatusCode::BAD_REQUEST,
            Some("invalid_request"),
            "present one access token in one Authorization header",
        ),
        R::InvalidToken => (
            StatusCode::UNAUTHORIZED,
            Some("invalid_token"),
            "the token is not active, or is not for here",
        ),
        R::Proof(detail) => (StatusCode::UNAUTHORIZED, Some("invalid_token"), *detail),
        R::NonceRequired => (
            StatusCode::UNAUTHORIZED,
            Some("use_dpop_nonce"),
            "use the nonce in DPoP-Nonce",
        ),
        R::Forbidden { permission } => {
            let response = problem(
                StatusCode::FORBIDDEN,
                format!("this needs the permission or scope `{permission}`"),
            );
            let scheme = TokenType::Bearer;
            let challenge =
                bearer::challenge(scheme, Some("insufficient_scope"), None, Some(permission));
            return challenged(response, challenge);
        }
        R::TooOften(limited) => return too_many_problem(platform, *limited),
        R::Fault(fault) => return fault_problem(fault),
    };
    let scheme = match refusal {
        R::Proof(_) | R::NonceRequired => TokenType::DPoP,
        _ => TokenType::Bearer,
    };
    let description = error.map(|_| detail);
    let challenge = bearer::challenge(scheme, error, description, None);
    let mut response = challenged(problem(status, detail.to_owned()), challenge);
    if matches!(refusal, R::NonceRequired) {
        add_nonce(platform, response.headers_mut());
    }
    response
}

/// A change that is not made (RFC 9457).
pub(super) fn change(platform: &Platform, refusal: &ChangeRefusal) -> Response {
    match refusal {
        ChangeRefusal::Access(refusal) => access(platform, refusal),
        ChangeRefusal::Fault(fault) => fault_problem(fault),
        ChangeRefusal::Busy => busy(),
        ChangeRefusal::Conflict(detail) => problem(StatusCode::CONFLICT, detail.clone()),
        ChangeRefusal::LimitReached(detail) => problem_of(
            StatusCode::CONFLICT,
            LIMIT_REACHED,
            Some(detail.clone()),
            None,
        ),
        ChangeRefusal::Escalation(detail) => problem(StatusCode::FORBIDDEN, detail.clone()),
        ChangeRefusal::Registry(error) => {
            let status = match error {
                RegistryError::NotFound { .. } => StatusCode::NOT_FOUND,
                RegistryError::Exists { .. } | RegistryError::InUse { .. } => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            problem(status, error.to_string())
        }
    }
}

/// The word for as many as are permitted.
const LIMIT_REACHED: &str = "limit-reached";

/// Somebody else is first (RFC 9110 §15.6.4).
fn busy() -> Response {
    let detail = "too much is under way, try again in a moment".to_owned();
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

/// A problem document.
pub(super) fn problem(status: StatusCode, detail: String) -> Response {
    problem_with(status, Some(detail), None)
}

/// Ours: the log has the reason under the support id.
pub(super) fn fault_problem(fault: &Fault) -> Response {
    let support_id = random::support_id();
    tracing::error!(%support_id, cause = %fault, "fault");
    problem_with(StatusCode::INTERNAL_SERVER_ERROR, None, Some(support_id))
}

/// What a handler panicked with is not told.
pub(super) fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    fault_problem(&Fault::new("a handler panicked"))
}

/// Done, and nothing more to say.
pub(super) fn nothing() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// JSON that no cache keeps (RFC 6749 §5.1).
pub(super) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// What is counted: the reason, never a text of the client's.
fn cause_label(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Request(_) => "request".to_owned(),
        Refusal::Unrecognised { .. } => "unrecognised".to_owned(),
        other => other.reason(),
    }
}

fn oauth_fault(fault: &Fault) -> Response {
    let support_id = random::support_id();
    tracing::error!(%support_id, cause = %fault, "fault");
    let mut error = OAuthError::new(ErrorCode::ServerError);
    error.support_id = Some(support_id);
    json(StatusCode::INTERNAL_SERVER_ERROR, error.to_json())
}

fn challenged(mut response: Response, challenge: HeaderValue) -> Response {
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn problem_with(
    status: StatusCode,
    detail: Option<String>,
    support_id: Option<String>,
) -> Response {
    problem_of(status, kind_of(status), detail, support_id)
}

fn kind_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad-request",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not-found",
        StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::REQUEST_TIMEOUT => "timeout",
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
        StatusCode::TOO_MANY_REQUESTS => "too-many-requests",
        StatusCode::UNPROCESSABLE_ENTITY => "invalid",
        StatusCode::SERVICE_UNAVAILABLE => "busy",
        _ => "server-error",
    }
}

fn problem_of(
    status: StatusCode,
    kind: &str,
    detail: Option<String>,
    support_id: Option<String>,
) -> Response {
    let document = Problem {
        problem_type: format!("urn:countersign:problem:{kind}"),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail,
        support_id,
    };
    let mut response = json(status, serde_json::to_vec(&document).unwrap_or_default());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}
