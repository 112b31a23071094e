//! `POST /oauth2/token`: how is an exchange read and answered?

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use countersign_proto::dpop;

use super::{error, form, sender};
use crate::{
    Platform,
    clock::Stopwatch,
    refusal::Refusal,
    service::{TokenRequest, exchange},
};

pub(super) async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match form::read(&platform, &parts, body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let watch = Stopwatch::start();
    let peer = sender::peer(&parts.extensions);
    let result = match decode(&parts, &body) {
        Ok(request) => exchange(&platform, request).await,
        Err(refusal) => Err(refusal.into()),
    };
    platform.metrics().exchanged(watch.elapsed());
    let mut response = match result {
        Ok(token) => {
            let body = token.to_json();
            error::json(StatusCode::OK, Body::from(body.to_vec()))
        }
        Err(failure) => {
            if failure.is_anonymous() {
                sender::not_recognised(&platform, peer, "oauth2/token");
            }
            error::oauth(&platform, failure)
        }
    };
    if parts.headers.contains_key("dpop") {
        error::add_nonce(&platform, response.headers_mut());
    }
    response
}

fn decode(parts: &Parts, body: &Bytes) -> Result<TokenRequest, Refusal> {
    let proof = dpop::read(&parts.headers)
        .map_err(Refusal::Proof)?
        .map(str::to_owned);
    let peer = sender::peer(&parts.extensions);
    TokenRequest::decode(body, sender::authorization(&parts.headers), proof, peer)
}
