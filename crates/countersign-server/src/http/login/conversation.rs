//! What is said on the socket of a sign-in, by whom, and until when?
//!
//! The socket decides nothing. It proves the terminal's key, passes on what the terminal wants, and
//! tells it whatever the login has not told it yet.

use std::{future::pending, net::IpAddr, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use countersign_proto::login::{
    ClientMessage, Hello, HelloError, LoginErrorCode, Resume, ServerBody, ServerMessage,
};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    Platform,
    connection::Connection,
    http::sender,
    login::Unfit,
    random,
    refusal::Fault,
    service::login::{self, Begun, News, NotBegun, NotResumed, Terminal},
};

/// Frames that one connection may send, of whatever kind: a sign-in takes a dozen.
const FRAMES_MAX: u32 = 1024;
/// How long the other side may take for a message of ours, and for its goodbye.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// The server stops; come back to another (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;

/// Holds a connection until it ends.
pub(super) async fn hold(
    platform: Platform,
    socket: WebSocket,
    peer: Option<IpAddr>,
    connection: Option<Connection>,
) {
    platform.metrics().socket_opened();
    let mut conversation = Conversation {
        socket,
        peer,
        connection,
        frames_left: FRAMES_MAX,
        heard_at: Instant::now(),
        platform,
    };
    // Its state is kept apart from the task, which is there for every idle socket.
    let end = Box::pin(conversation.whole()).await;
    conversation.goodbye(end).await;
    conversation.platform.metrics().socket_closed();
}

struct Conversation {
    platform: Platform,
    socket: WebSocket,
    peer: Option<IpAddr>,
    connection: Option<Connection>,
    frames_left: u32,
    heard_at: Instant,
}

/// How a connection ends.
enum End {
    /// The other side is gone.
    Gone,
    /// All was told: with this code.
    Closed(u16),
    /// With an error that is not the login's but this connection's.
    Refused(LoginErrorCode, String),
    /// Ours: logged.
    Fault(Fault),
}

/// What a terminal has proved, and what it was told before that.
struct Proved {
    terminal: Terminal,
    told: u64,
    first: ServerMessage,
}

impl Conversation {
    async fn whole(&mut self) -> End {
        let within = self.platform.settings().login.hello;
        let Proved {
            terminal,
            told,
            first,
        } = match timeout(within, self.prove()).await {
            Ok(Ok(proved)) => proved,
            Ok(Err(end)) => return end,
            Err(_) => {
                let text = "the terminal did not prove its key in time";
                return refused(LoginErrorCode::Expired, text);
            }
        };
        let end = match self.send(&first).await {
            Ok(()) => self.go_on(&terminal, told).await,
            Err(end) => end,
        };
        // A server that stops is no loss of the terminal: it comes back to another.
        let is_stopping = matches!(end, End::Closed(GOING_AWAY));
        if !is_stopping && let Err(fault) = terminal.leave(&self.platform).await {
            return End::Fault(fault);
        }
        end
    }

    /// From the welcome to a proven key.
    async fn prove(&mut self) -> Result<Proved, End> {
        let nonce = random::token_id().map_err(End::Fault)?;
        self.send(&ServerMessage::plain(ServerBody::Welcome {
            nonce: nonce.clone(),
            keepalive_s: self.platform.settings().login.ping.as_secs(),
            time: self.platform.now(),
        }))
        .await?;
        match self.command().await? {
            ClientMessage::Hello { jws } => self.hello(&jws, &nonce).await,
            ClientMessage::Resume { jws } => self.resume(&jws, &nonce).await,
            other => Err(refused(
                LoginErrorCode::NotExpected,
                &format!("{} comes after hello or resume", other.name()),
            )),
        }
    }

    async fn hello(&mut self, jws: &str, nonce: &str) -> Result<Proved, End> {
        let endpoint = self.platform.login_endpoint().map_err(End::Fault)?;
        let verified = Hello::verify(jws, nonce, endpoint, self.platform.now())
            .map_err(|error| self.not_proved(&error))?;
        match login::begin(&self.platform, &verified, self.peer).await {
            Ok(Begun { id, epoch, message }) => Ok(Proved {
                terminal: Terminal::new(id, epoch),
                told: message.seq.unwrap_or_default(),
                first: message,
            }),
            Err(NotBegun::TooMany) => Err(refused(
                LoginErrorCode::TooMany,
                "too many sign-ins from this address, wait and try again",
            )),
            Err(NotBegun::NoWay) => Err(refused(
                LoginErrorCode::Policy,
                "this platform wants the browser on the same machine: let the terminal listen on loopback",
            )),
            Err(NotBegun::Fault(fault)) => Err(End::Fault(fault)),
        }
    }

    async fn resume(&mut self, jws: &str, nonce: &str) -> Result<Proved, End> {
        let endpoint = self.platform.login_endpoint().map_err(End::Fault)?;
        let verified = Resume::verify(jws, nonce, endpoint, self.platform.now())
            .map_err(|error| self.not_proved(&error))?;
        match login::resume(&self.platform, &verified).await {
            Ok((terminal, last_seq)) => Ok(Proved {
                terminal,
                told: verified.resume().last_seq,
                first: ServerMessage::plain(ServerBody::Resumed { last_seq }),
            }),
            Err(NotResumed::Unknown) => {
                sender::not_recognised(&self.platform, self.peer, "login/socket");
                let text = "there is no such sign-in of this key";
                Err(refused(LoginErrorCode::BadProof, text))
            }
            Err(NotResumed::NotExpected) => Err(refused(
                LoginErrorCode::NotExpected,
                "last_seq is not a number that was told",
            )),
            Err(NotResumed::Fault(fault)) => Err(End::Fault(fault)),
        }
    }

    /// From a proven key to the end.
    async fn go_on(&mut self, terminal: &Terminal, mut told: u64) -> End {
        let wakeup = terminal.wakeup(&self.platform);
        let times = self.platform.settings().login;
        let mut ping_at = Instant::now() + times.ping;
        loop {
            let news = match terminal.news(&self.platform, told).await {
                Ok(news) => news,
                Err(fault) => return End::Fault(fault),
            };
            if let Err(end) = self.tell(&news, &mut told).await {
                return end;
            }
            let again_at = news
                .again_at
                .map(|at| Instant::now() + at.since(self.platform.now()));
            loop {
                let dead_at = self.heard_at + times.silence;
                let next = ping_at.min(dead_at).min(again_at.unwrap_or(ping_at));
                tokio::select! {
                    biased;
                    () = stopped(&mut self.connection) => return End::Closed(GOING_AWAY),
                    () = wakeup.woken() => break,
                    message = self.socket.recv() => match self.heard(message) {
                        Err(end) => return end,
                        Ok(None) => {}
                        Ok(Some(command)) => {
                            if let Err(end) = self.obey(terminal, command).await {
                                return end;
                            }
                            break;
                        }
                    },
                    () = sleep_until(next) => {
                        let now = Instant::now();
                        if now >= dead_at {
                            return End::Gone;
                        }
                        if now >= ping_at {
                            ping_at = now + times.ping;
                            if let Err(end) = self.write(Message::Ping(Vec::new().into())).await {
                                return end;
                            }
                        }
                        if again_at.is_some_and(|at| now >= at) {
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn tell(&mut self, news: &News, told: &mut u64) -> Result<(), End> {
        for message in &news.messages {
            *told = message.seq.unwrap_or(*told);
            self.send(message).await?;
        }
        if news.is_superseded {
            let text = "the sign-in goes on by a newer connection";
            return Err(refused(LoginErrorCode::Superseded, text));
        }
        match news.close {
            Some(code) => Err(End::Closed(code)),
            None => Ok(()),
        }
    }

    /// Does what the terminal wants. What comes of it is told with the next news.
    async fn obey(&mut self, terminal: &Terminal, command: ClientMessage) -> Result<(), End> {
        let name = command.name();
        let (platform, peer) = (&self.platform, self.peer);
        let done = match command {
            ClientMessage::Confirm { bind, value } => {
                terminal.confirm(platform, bind, &value, peer).await
            }
            ClientMessage::Accept => terminal.accept(platform, peer).await,
            ClientMessage::Reject => terminal.reject(platform, peer).await,
            ClientMessage::Received => terminal.received(platform).await,
            ClientMessage::Cancel => terminal.cancel(platform).await,
            _ => {
                let text = format!("{name} comes once, at the beginning");
                return Err(refused(LoginErrorCode::NotExpected, &text));
            }
        };
        match done {
            // What has ended, or belongs to another connection, is told by the news.
            Ok(Ok(()) | Err(Unfit::Over | Unfit::Superseded)) => Ok(()),
            Ok(Err(_)) => {
                self.send(&ServerMessage::plain(ServerBody::Error {
                    code: LoginErrorCode::NotExpected,
                    fatal: false,
                    message: format!("{name} is not expected now"),
                    support_id: None,
                }))
                .await
            }
            Err(fault) => Err(End::Fault(fault)),
        }
    }

    /// The next thing that the terminal wants, before it has proved anything.
    async fn command(&mut self) -> Result<ClientMessage, End> {
        loop {
            let message = tokio::select! {
                () = stopped(&mut self.connection) => return Err(End::Closed(GOING_AWAY)),
                message = self.socket.recv() => message,
            };
            if let Some(command) = self.heard(message)? {
                return Ok(command);
            }
        }
    }

    fn heard(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<ClientMessage>, End> {
        self.heard_at = Instant::now();
        self.frames_left = self.frames_left.saturating_sub(1);
        if self.frames_left == 0 {
            return Err(refused(LoginErrorCode::TooMany, "too many messages"));
        }
        match message {
            Some(Ok(Message::Text(text))) => ClientMessage::decode(&text)
                .map(Some)
                .map_err(|error| refused(LoginErrorCode::BadMessage, &error.to_string())),
            Some(Ok(Message::Binary(_))) => Err(refused(
                LoginErrorCode::BadMessage,
                "messages are text, not binary",
            )),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    /// A proof that does not hold counts as a failure of its source; one that asks for what is not
    /// given is answered in words.
    fn not_proved(&self, error: &HelloError) -> End {
        let code = match error {
            HelloError::Loopback(_) => LoginErrorCode::Policy,
            HelloError::Claim(_) | HelloError::Version => LoginErrorCode::BadMessage,
            _ => {
                sender::not_recognised(&self.platform, self.peer, "login/socket");
                LoginErrorCode::BadProof
            }
        };
        refused(code, &error.to_string())
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), End> {
        let text = message.encode();
        self.write(Message::Text(text.as_str().into())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), End> {
        match timeout(WRITE_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Says why it ends, if there is somebody to hear it, and waits a little for the answer.
    async fn goodbye(&mut self, end: End) {
        let (code, error) = match end {
            End::Gone => return,
            End::Closed(code) => (code, None),
            End::Refused(code, message) => (code.close_code(), Some((code, message, None))),
            End::Fault(fault) => {
                let support_id = random::support_id();
                tracing::error!(%support_id, cause = %fault, "fault");
                let code = LoginErrorCode::ServerError;
                let message = "the platform failed, try again".to_owned();
                (code.close_code(), Some((code, message, Some(support_id))))
            }
        };
        if let Some((code, message, support_id)) = error {
            let error = ServerMessage::plain(ServerBody::Error {
                code,
                fatal: true,
                message,
                support_id,
            });
            if self.send(&error).await.is_err() {
                return;
            }
        }
        let frame = CloseFrame {
            code,
            reason: "".into(),
        };
        if self.write(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        let answered = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(GOODBYE_WITHIN, answered).await;
    }
}

fn refused(code: LoginErrorCode, message: &str) -> End {
    End::Refused(code, message.to_owned())
}

async fn stopped(connection: &mut Option<Connection>) {
    match connection {
        Some(connection) => connection.stopped().await,
        None => pending().await,
    }
}
