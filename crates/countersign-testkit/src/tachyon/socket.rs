//! What does the server of the dialect say over its WebSocket?

use std::{pin::pin, sync::Arc};

use axum::{body::Body, extract::Request, response::Response};
use countersign_proto::tachyon::{COMMAND, requested, successful};
use futures_util::{SinkExt as _, StreamExt as _, future};
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{
            Role,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};

use super::{Instead, State, Step, answer};

type Stream = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Answers the opening handshake (RFC 6455 §4.2).
pub(super) fn upgrade(state: Arc<State>, mut request: Request) -> Response {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned();
    let upgraded = request
        .extensions_mut()
        .remove::<hyper::upgrade::OnUpgrade>();
    let (Some(key), Some(upgraded)) = (key, upgraded) else {
        return answer::refused(StatusCode::UPGRADE_REQUIRED, "open a WebSocket");
    };
    tokio::spawn(async move {
        if let Ok(connection) = upgraded.await {
            let io = TokioIo::new(connection);
            let stream = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
            // Whoever hangs up has nothing to be told.
            let _ = talk(&state, stream).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// One sign-in. `None` when the connection has ended.
async fn talk(state: &State, mut stream: Stream) -> Option<()> {
    match stream.next().await?.ok()? {
        Message::Text(text) if text.as_str() == COMMAND => {}
        _ => return say(state, &mut stream, br#"{"Status":"UnknownCommand"}"#).await,
    }
    let number = state.sign_ins.begin(None);
    let address = answer::sign_in_address(state, number);
    if let Some(instead) = state.instead(Step::Address) {
        in_place(state, &mut stream, instead).await?;
    } else {
        let message = requested(&address, state.knobs().shape);
        say(state, &mut stream, &message).await?;
    }
    until_signed_in(state, &mut stream, number).await?;
    if let Some(instead) = state.instead(Step::SocketToken) {
        return in_place(state, &mut stream, instead).await;
    }
    let knobs = state.knobs();
    let token = state.tokens.give(0, &knobs, state.clock.now());
    say(state, &mut stream, &successful(&token, knobs.shape)).await?;
    stream.close(None).await.ok()
}

/// Waits for the person, or for the end of the connection.
async fn until_signed_in(state: &State, stream: &mut Stream, number: u64) -> Option<()> {
    let mut signed_in = state.sign_ins.has_signed_in(number)?;
    let mut is_held = state.is_held.subscribe();
    let person = pin!(async {
        signed_in.wait_for(|signed_in| *signed_in).await.ok()?;
        is_held.wait_for(|is_held| !is_held).await.ok()?;
        Some(())
    });
    let gone = pin!(async { while let Some(Ok(_)) = stream.next().await {} });
    match future::select(person, gone).await {
        future::Either::Left((signed_in, _)) => signed_in,
        future::Either::Right(_) => None,
    }
}

/// Says a text, in frames of the size that is wanted.
async fn say(state: &State, stream: &mut Stream, text: &[u8]) -> Option<()> {
    let Some(size) = state.knobs().frame_bytes else {
        let text = String::from_utf8_lossy(text).into_owned();
        return stream.send(Message::text(text)).await.ok();
    };
    let pieces = text.chunks(size.max(1));
    let last = pieces.len().saturating_sub(1);
    for (at, piece) in pieces.enumerate() {
        let code = OpCode::Data(match at {
            0 => Data::Text,
            _ => Data::Continue,
        });
        let frame = Frame::message(piece.to_vec(), code, at == last);
        stream.feed(Message::Frame(frame)).await.ok()?;
    }
    stream.flush().await.ok()
}

async fn in_place(state: &State, stream: &mut Stream, instead: Instead) -> Option<()> {
    match instead {
        Instead::Body(body) => say(state, stream, &body).await,
        Instead::Binary(body) => stream.send(Message::binary(body)).await.ok(),
        Instead::ClosePolitely => {
            stream.close(None).await.ok();
            None
        }
        Instead::Silence => std::future::pending().await,
        Instead::Status(_) | Instead::Close => None,
    }
}
