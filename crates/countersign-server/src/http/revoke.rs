//! `POST /oauth2/revoke`: how is a token given back (RFC 7009)?

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::{exchange::Form, token_form::TokenForm};

use super::{error, form, sender};
use crate::{
    Platform,
    refusal::Refusal,
    service::{RevocationRefusal, revoke},
};

pub(super) async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match form::read(&platform, &parts, body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let asked = match Form::parse(&body).and_then(TokenForm::from_form) {
        Ok(asked) => asked,
        Err(error) => return error::oauth(&platform, Refusal::Request(error).into()),
    };
    let presented = sender::presented(&parts);
    match revoke(&platform, asked, &presented).await {
        Ok(()) => error::json(StatusCode::OK, "{}"),
        Err(RevocationRefusal::Access(refusal)) => {
            sender::not_recognised(&platform, presented.peer, "oauth2/revoke");
            error::access(&platform, &refusal)
        }
        Err(RevocationRefusal::Failure(failure)) => {
            if failure.is_anonymous() {
                sender::not_recognised(&platform, presented.peer, "oauth2/revoke");
            }
            error::unauthenticated(&platform, failure)
        }
    }
}
