//! How many programs are served at once, and how long may each take?

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

use super::{
    api::Api,
    gate::Gate,
    peer::{Peer, turn_away},
};
use crate::output::Output;

/// Connections over the socket.
const SOCKET_LIMIT: usize = 128;
/// Connections over loopback, which anybody on this machine can open.
const LOOPBACK_LIMIT: usize = 32;
/// Programs that are being told that they are not served.
const TURNED_AWAY_LIMIT: usize = 8;
/// How long a request's head may take, and how long a connection may be idle over the socket.
const HEAD_SOCKET: Duration = Duration::from_secs(60);
/// The same over loopback.
const HEAD_LOOPBACK: Duration = Duration::from_secs(5);
/// The largest head.
const HEAD_BYTES: usize = 8 * 1024;
const HEADERS: usize = 32;

/// The connections.
pub(super) struct Serving {
    api: Arc<Api>,
    output: Output,
    socket_gate: Arc<Gate>,
    socket_room: Arc<Semaphore>,
    loopback_room: Arc<Semaphore>,
    door: Arc<Semaphore>,
    connections: JoinSet<()>,
    stopping: watch::Sender<bool>,
}

impl Serving {
    pub(super) fn new(api: Arc<Api>, output: Output) -> Serving {
        Serving {
            api,
            output,
            socket_gate: Arc::new(Gate::Socket),
            socket_room: Arc::new(Semaphore::new(SOCKET_LIMIT)),
            loopback_room: Arc::new(Semaphore::new(LOOPBACK_LIMIT)),
            door: Arc::new(Semaphore::new(TURNED_AWAY_LIMIT)),
            connections: JoinSet::new(),
            stopping: watch::Sender::new(false),
        }
    }

    pub(super) fn serve_socket(&mut self, stream: UnixStream, peer: Peer) {
        let gate = Arc::clone(&self.socket_gate);
        let room = Arc::clone(&self.socket_room);
        let process = peer.process.unwrap_or_default();
        let whose = format!("process {process} of user {}", peer.user);
        self.serve(stream, gate, &room, HEAD_SOCKET, whose);
    }

    pub(super) fn serve_loopback(&mut self, stream: TcpStream, gate: Arc<Gate>) {
        let room = Arc::clone(&self.loopback_room);
        self.serve(stream, gate, &room, HEAD_LOOPBACK, "loopback".to_owned());
    }

    /// Says no to a program of a user who is not served; of many at once, to some without a word.
    pub(super) fn turn_away(&mut self, stream: UnixStream) {
        self.api.count_refusal();
        if let Ok(place) = Arc::clone(&self.door).try_acquire_owned() {
            self.connections.spawn(async move {
                turn_away(stream).await;
                drop(place);
            });
        }
    }

    /// A connection that could not be taken. Too many open files pass; so nothing ends here.
    pub(super) async fn could_not_accept(&self, error: &std::io::Error) {
        self.output
            .warn(&format!("a connection could not be taken: {error}"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Lets requests under way end, at most for so long.
    pub(super) async fn end(mut self, patience: Duration) {
        self.stopping.send_replace(true);
        let all = async { while self.connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(patience, all).await;
    }

    fn serve(
        &mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        gate: Arc<Gate>,
        room: &Arc<Semaphore>,
        head: Duration,
        whose: String,
    ) {
        // Those that have ended give their place back.
        while self.connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(room).try_acquire_owned() else {
            self.output
                .detail("a connection was closed: there are too many");
            return;
        };
        let api = Arc::clone(&self.api);
        let stopping = self.stopping.subscribe();
        self.connections
            .spawn(connection(stream, api, gate, head, whose, stopping, place));
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    api: Arc<Api>,
    gate: Arc<Gate>,
    head: Duration,
    whose: String,
    mut stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let (api, gate, whose) = (&api, &gate, whose.as_str());
    let answer = service_fn(|request: http::Request<Incoming>| async move {
        let (parts, _nothing) = request.into_parts();
        Ok::<_, Infallible>(api.answer(&parts, gate, whose).await)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), answer));
    tokio::select! {
        // How a program leaves is its own affair.
        _ = serving.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}
