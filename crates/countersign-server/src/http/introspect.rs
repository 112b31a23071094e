//! `POST /oauth2/introspect`: how is a question about a token read and answered (RFC 7662)?

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::{exchange::Form, introspection::Introspection, token_form::TokenForm};

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
    let question = match Form::parse(&body).and_then(TokenForm::from_form) {
        Ok(question) => question,
        Err(error) => return error::oauth(&platform, Refusal::Request(error).into()),
    };
    let presented = sender::presented(&parts);
    match introspect(&platform, question, &presented).await {
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
