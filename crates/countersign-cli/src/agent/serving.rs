//! How many programs are served at once, and how long may each take?

use std::{collections::BTreeMap, convert::Infallible, pin::pin, sync::Arc, time::Duration};

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
    peer::{Company, Peer, turn_away},
};
use crate::output::Output;

/// Connections over the socket.
const SOCKET_LIMIT: usize = 128;
/// Those of one user, where others are served too: nobody shuts anybody out.
const USER_LIMIT: usize = SOCKET_LIMIT / 4;
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
    /// Of every user who came, where there are several.
    user_rooms: BTreeMap<u32, Arc<Semaphore>>,
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
            user_rooms: BTreeMap::new(),
            loopback_room: Arc::new(Semaphore::new(LOOPBACK_LIMIT)),
            door: Arc::new(Semaphore::new(TURNED_AWAY_LIMIT)),
            connections: JoinSet::new(),
            stopping: watch::Sender::new(false),
        }
    }

    pub(super) fn serve_socket(&mut self, stream: UnixStream, peer: Peer) {
        let gate = Arc::clone(&self.socket_gate);
        let mut rooms = vec![Arc::clone(&self.socket_room)];
        if peer.company == Company::OtherUsers {
            let user_room = self.user_rooms.entry(peer.user);
            let user_room = user_room.or_insert_with(|| Arc::new(Semaphore::new(USER_LIMIT)));
            rooms.push(Arc::clone(user_room));
        }
        let process = peer.process.unwrap_or_default();
        let whose = format!("process {process} of user {}", peer.user);
        self.serve(stream, gate, &rooms, HEAD_SOCKET, whose);
    }

    pub(super) fn serve_loopback(&mut self, stream: TcpStream, gate: Arc<Gate>) {
        let rooms = [Arc::clone(&self.loopback_room)];
        self.serve(stream, gate, &rooms, HEAD_LOOPBACK, "loopback".to_owned());
    }

    /// Says no to a program of a user who is not served; of many at once, to some without a word.
    pub(super) fn turn_away(&mut self, stream: UnixStream) {
        self.api.count_refusal();
        self.forget_ended();
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
        rooms: &[Arc<Semaphore>],
        head: Duration,
        whose: String,
    ) {
        self.forget_ended();
        let places = rooms
            .iter()
            .map(|room| Arc::clone(room).try_acquire_owned());
        let Ok(places) = places.collect::<Result<Vec<_>, _>>() else {
            self.output
                .detail("a connection was closed: there are too many");
            return;
        };
        let api = Arc::clone(&self.api);
        let stopping = self.stopping.subscribe();
        self.connections
            .spawn(connection(stream, api, gate, head, whose, stopping, places));
    }

    /// What is left of connections that have ended.
    fn forget_ended(&mut self) {
        while self.connections.try_join_next().is_some() {}
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    api: Arc<Api>,
    gate: Arc<Gate>,
    head: Duration,
    whose: String,
    mut stopping: watch::Receiver<bool>,
    _places: Vec<OwnedSemaphorePermit>,
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{agent::roster::Roster, args::Environment};

    fn serving() -> Serving {
        let output = Output::default();
        let environment = Arc::new(Environment::default());
        let roster = Roster::new(Vec::new(), None, environment, output);
        Serving::new(Arc::new(Api::new(roster, None, output)), output)
    }

    /// A connection of this user.
    fn comes(serving: &mut Serving, user: u32, company: Company) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let peer = Peer {
            user,
            process: None,
            company,
        };
        serving.serve_socket(ours, peer);
        theirs
    }

    async fn is_answered(theirs: &mut UnixStream) -> bool {
        let request = b"GET /nothing HTTP/1.1\r\nhost: agent\r\n\r\n";
        let mut answer = [0; 12];
        theirs.write_all(request).await.is_ok()
            && theirs.read_exact(&mut answer).await.is_ok()
            && answer == *b"HTTP/1.1 404"
    }

    // security.md 136
    #[tokio::test]
    async fn one_user_leaves_room_for_the_others() {
        let mut serving = serving();
        let mut held = Vec::new();
        for _ in 0..32 {
            let mut theirs = comes(&mut serving, 1, Company::OtherUsers);
            assert!(is_answered(&mut theirs).await, "{}", held.len());
            held.push(theirs);
        }
        let mut one_more = comes(&mut serving, 1, Company::OtherUsers);
        assert!(!is_answered(&mut one_more).await);
        let mut others = comes(&mut serving, 2, Company::OtherUsers);
        assert!(is_answered(&mut others).await);
        held.pop();
        // Until it is seen that it left.
        while !is_answered(&mut comes(&mut serving, 1, Company::OtherUsers)).await {}
    }

    // security.md 136
    #[tokio::test]
    async fn a_user_who_is_served_alone_has_every_place() {
        let mut serving = serving();
        let mut held = Vec::new();
        for _ in 0..128 {
            let mut theirs = comes(&mut serving, 1, Company::Nobody);
            assert!(is_answered(&mut theirs).await, "{}", held.len());
            held.push(theirs);
        }
        assert!(!is_answered(&mut comes(&mut serving, 1, Company::Nobody)).await);
    }

    // security.md 136
    #[tokio::test]
    async fn nothing_is_left_of_programs_that_were_turned_away() {
        let mut serving = serving();
        let mut told = 0;
        while told < 3 * TURNED_AWAY_LIMIT {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            serving.turn_away(ours);
            assert!(serving.connections.len() <= TURNED_AWAY_LIMIT, "{told}");
            let mut answer = Vec::new();
            theirs.read_to_end(&mut answer).await.unwrap();
            told += usize::from(answer.starts_with(b"HTTP/1.1 403"));
        }
    }
}
