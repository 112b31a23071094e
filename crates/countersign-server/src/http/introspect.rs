//! `POST /oauth2/introspect`: how is a question about a token read and answered (RFC 7662)?

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::{
    exchange::Form,
    introspection::Introspection,
    oauth_error::{ErrorCode, OAuthError},
    token_form::TokenForm,
};

use super::{error, form, sender};
use crate::{
    Platform,
    metrics::Activity,
    refusal::Refusal,
    service::{AccessRefusal, IntrospectionRefusal, introspect},
};

pub(super) async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match form::read(&platform, &parts, body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let (question, used_from) = match Form::parse(&body).and_then(read) {
        Ok(read) => read,
        Err(error) => return error::oauth(&platform, Refusal::Request(error).into()),
    };
    let presented = sender::presented(&parts);
    match introspect(&platform, question, used_from, &presented).await {
        Ok(found) => {
            platform.metrics().introspected(match found {
                Introspection::Active(_) => Activity::Active,
                _ => Activity::Inactive,
            });
            error::json(StatusCode::OK, found.to_json())
        }
        Err(IntrospectionRefusal::Access(refusal)) => {
            if !matches!(
                refusal,
                AccessRefusal::NonceRequired | AccessRefusal::TooOften(_) | AccessRefusal::Fault(_)
            ) {
                sender::not_recognised(&platform, presented.peer, "oauth2/introspect");
            }
            error::access(&platform, &refusal)
        }
        Err(IntrospectionRefusal::Failure(failure)) => {
            if failure.is_anonymous() {
                sender::not_recognised(&platform, presented.peer, "oauth2/introspect");
            }
            error::unauthenticated(&platform, failure)
        }
    }
}

/// The question, and `client_address`: an extension, by which an API may say from where the token was
/// presented to it (RFC 7662 §2.1 permits other parameters).
fn read(mut form: Form) -> Result<(TokenForm, Option<IpAddr>), OAuthError> {
    let used_from = form.take("client_address");
    let used_from = used_from.map(|text| {
        text.parse().map_err(|_| {
            OAuthError::new(ErrorCode::InvalidRequest).describe("client_address is no IP address")
        })
    });
    let used_from = used_from.transpose()?;
    Ok((TokenForm::from_form(form)?, used_from))
}
