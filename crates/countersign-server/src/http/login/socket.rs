//! `GET /login/socket`: who may open the socket of a sign-in, and how large may things on it be?

use axum::{
    extract::{FromRequestParts as _, Request, State, WebSocketUpgrade},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use countersign_proto::login::{MAX_MESSAGE_BYTES, SUBPROTOCOL};

use super::conversation;
use crate::{
    Platform,
    connection::Connection,
    http::{error, sender},
};

/// Read at once. Thousands of sockets wait for one message each, so it is small; a longer message
/// gets room of its own.
const READ_BUFFER: usize = 512;
/// What may wait to be written: a few messages.
const WRITE_BUFFER_MAX: usize = 8 * MAX_MESSAGE_BYTES;

pub(super) async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let peer = sender::peer(&parts.extensions);
    // Every browser sends it, and no terminal does: so no web page drives this (security.md 95).
    if parts.headers.contains_key(header::ORIGIN) {
        let text = "this is not for web pages: an Origin header is refused";
        return error::problem(StatusCode::FORBIDDEN, text.to_owned());
    }
    if let Err(too_many) = platform.limiter().admit(peer, platform.now()) {
        return error::too_many(&platform, too_many);
    }
    let connection = parts.extensions.get::<Connection>().cloned();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &platform).await else {
        let text = "this is a WebSocket: upgrade by HTTP/1.1 (RFC 6455)".to_owned();
        let mut response = error::problem(StatusCode::UPGRADE_REQUIRED, text);
        response
            .headers_mut()
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let text = format!("offer the subprotocol {SUBPROTOCOL}");
        return error::problem(StatusCode::BAD_REQUEST, text);
    }
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| conversation::hold(platform, socket, peer, connection))
}
