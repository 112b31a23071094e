//! How does a login keep its connection, and get it back?

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use countersign_proto::{
    key::{KeyType, SigningKey},
    login::{
        ClientMessage, Hello, LoginErrorCode, LoopbackTarget, Resume, SUBPROTOCOL, ServerBody,
        ServerMessage,
    },
    metadata::check_issuer,
    time::UnixTime,
    token::Binding,
};
use url::Url;

use super::{
    LoginOptions,
    conversation::{Conversation, Session},
    socket::{Frame, Socket, not_usable},
};
use crate::{
    Clock, Error, ErrorKind, HttpTransport,
    clock::within,
    discovery::Discovery,
    random,
    retry::{part, passed},
};

/// The longest that one step of a new connection may take.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// The platform forgets a terminal that is away for longer than this.
const RESUME_LIMIT: Duration = Duration::from_secs(120);
/// The first wait before another connection, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// How a connection to the platform is made, as often as it takes.
pub(super) struct Link {
    issuer: String,
    endpoint: Url,
    key: Arc<dyn SigningKey>,
    transport: HttpTransport,
    clock: Arc<dyn Clock>,
}

/// The one connection of a login.
pub(super) struct Connection {
    link: Arc<Link>,
    /// Nothing comes for so long only when the connection is dead.
    silence: Duration,
    /// Since when the platform says nothing but that it failed, and how often it said so.
    failing: Option<(Duration, u32)>,
    state: State,
}

/// What a connection met with.
pub(super) enum Met {
    /// The platform said something.
    Heard(Box<ServerMessage>),
    /// The connection is gone.
    Lost,
    /// Another one is there.
    Resumed,
}

enum State {
    Open {
        socket: Box<Socket>,
        /// When something came, on [`Clock::elapsed`].
        heard: Duration,
    },
    Lost {
        since: Duration,
        tries: u32,
        /// When to try, on [`Clock::elapsed`].
        due: Duration,
        attempt: Option<Attempt>,
    },
    Closed,
}

/// Kept, so that a caller who stops waiting does not stop it.
type Attempt = Pin<Box<dyn Future<Output = Result<Resumption, Error>> + Send>>;

struct Resumption {
    socket: Socket,
    silence: Duration,
    up_to: u64,
}

/// The first message of a connection.
struct Welcome {
    nonce: String,
    silence: Duration,
    time: UnixTime,
}

impl Link {
    /// Finds out where the platform's logins are.
    pub(super) async fn discover(
        issuer: &str,
        key: Arc<dyn SigningKey>,
        transport: HttpTransport,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Link>, Error> {
        let url = check_issuer(issuer)
            .map_err(|error| Error::new(ErrorKind::Settings, error.to_string()))?;
        if key.public_key().key_type() != KeyType::P256 {
            return Err(Error::new(
                ErrorKind::Settings,
                "the proof key of a login must be on P-256",
            ));
        }
        let metadata = Discovery::new(issuer, url)
            .metadata(&transport, clock.as_ref())
            .await?;
        let endpoint = metadata.countersign_login_endpoint.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Server,
                format!("{issuer} has no logins by browser: its metadata names none"),
            )
            .with_hint("sign in with a certificate")
        })?;
        Ok(Arc::new(Link {
            issuer: issuer.to_owned(),
            endpoint,
            key,
            transport,
            clock,
        }))
    }

    /// Begins a login on a first connection.
    pub(super) async fn begin(
        self: Arc<Self>,
        options: &LoginOptions,
        offered: &[Binding],
        target: Option<LoopbackTarget>,
    ) -> Result<(Connection, Session), Error> {
        let (mut socket, welcome) = self.connect().await?;
        let hello = Hello {
            nonce: welcome.nonce,
            htu: self.endpoint.clone(),
            versions: vec![SUBPROTOCOL.to_owned()],
            bind: offered.to_vec(),
            loopback: target,
            client: options.client.clone(),
            scope: options.scope.clone(),
            login_hint: options.login_hint.clone(),
        };
        let time = welcome.time;
        let jws = self
            .sign(move |key, jti| hello.mint(key, time, jti))
            .await?;
        let first = self.ask(&mut socket, ClientMessage::Hello { jws }).await?;
        let session = Session::read(first, &self.issuer, offered)?;
        let heard = self.clock.elapsed();
        let connection = Connection {
            link: self,
            silence: welcome.silence,
            failing: None,
            state: State::Open {
                socket: Box::new(socket),
                heard,
            },
        };
        Ok((connection, session))
    }

    /// Goes on with a login on another connection.
    async fn resume(self: Arc<Self>, (sid, last_seq): (String, u64)) -> Result<Resumption, Error> {
        let (mut socket, welcome) = self.connect().await?;
        let resume = Resume {
            nonce: welcome.nonce,
            htu: self.endpoint.clone(),
            sid,
            last_seq,
        };
        let time = welcome.time;
        let jws = self
            .sign(move |key, jti| resume.mint(key, time, jti))
            .await?;
        let answer = self.ask(&mut socket, ClientMessage::Resume { jws }).await?;
        match answer.body {
            ServerBody::Resumed { last_seq } => Ok(Resumption {
                socket,
                silence: welcome.silence,
                up_to: last_seq,
            }),
            _ => Err(not_usable("it does not go on with the login")),
        }
    }

    async fn connect(&self) -> Result<(Socket, Welcome), Error> {
        let opened = Socket::open(&self.transport, &self.endpoint);
        let mut socket = self.in_time(opened).await?;
        let message = self.in_time(self.receive(&mut socket)).await?;
        match message.body {
            ServerBody::Welcome {
                nonce,
                keepalive_s,
                time,
            } => Ok((
                socket,
                Welcome {
                    nonce,
                    // Two pings may be lost, and a little more time.
                    silence: Duration::from_secs(keepalive_s.clamp(5, 120)) * 2 + STEP_LIMIT,
                    time,
                },
            )),
            _ => Err(not_usable("it does not begin with a welcome")),
        }
    }

    /// Sends the signed message of a connection, and waits for what comes of it.
    async fn ask(
        &self,
        socket: &mut Socket,
        message: ClientMessage,
    ) -> Result<ServerMessage, Error> {
        let mut message = Some(message.encode());
        self.in_time(async {
            if !socket.send(|| message.take()).await {
                return Err(self.broken());
            }
            self.receive(socket).await
        })
        .await
    }

    /// The next message, unless it is the end.
    async fn receive(&self, socket: &mut Socket) -> Result<ServerMessage, Error> {
        loop {
            match socket.next().await? {
                Frame::Alive => {}
                Frame::Broken => return Err(self.broken()),
                Frame::Closed(code) => {
                    return Err(Error::login_ended(&self.issuer, code, "", None));
                }
                Frame::Message(message) => match message.body {
                    ServerBody::Error {
                        code,
                        message,
                        support_id,
                        ..
                    } => {
                        let support_id = support_id.as_deref();
                        return Err(Error::login_ended(&self.issuer, code, &message, support_id));
                    }
                    _ => return Ok(*message),
                },
            }
        }
    }

    /// On a thread of its own where the key may wait for a device.
    async fn sign(
        &self,
        mint: impl FnOnce(&dyn SigningKey, &str) -> Result<String, countersign_proto::key::SigningError>
        + Send
        + 'static,
    ) -> Result<String, Error> {
        let jti = random::jti()?;
        let key = Arc::clone(&self.key);
        if !key.may_block() {
            return Ok(mint(key.as_ref(), &jti)?);
        }
        let signed = tokio::task::spawn_blocking(move || mint(key.as_ref(), &jti));
        Ok(signed.await.map_err(|_| {
            Error::new(
                ErrorKind::Signing,
                "the key could not sign: its thread was stopped",
            )
        })??)
    }

    async fn in_time<T>(&self, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        within(self.clock.as_ref(), STEP_LIMIT, step)
            .await
            .unwrap_or_else(|| Err(passed(None)))
    }

    fn broken(&self) -> Error {
        Error::new(
            ErrorKind::Network,
            format!("the connection to {} broke", self.issuer),
        )
        .transient()
    }
}

impl Connection {
    /// Waits for one thing to happen, and sends meanwhile what is to be sent. May be dropped at any
    /// moment.
    pub(super) async fn meet(&mut self, conversation: &mut Conversation) -> Result<Met, Error> {
        let clock = Arc::clone(&self.link.clock);
        loop {
            match &mut self.state {
                State::Open { socket, heard } => {
                    if !socket.send(|| conversation.next_to_send()).await {
                        return self.lose(conversation, 0);
                    }
                    let quiet = clock.elapsed().saturating_sub(*heard);
                    let frame = tokio::select! {
                        biased;
                        frame = socket.next() => frame?,
                        () = clock.sleep(self.silence.saturating_sub(quiet)) => Frame::Broken,
                    };
                    *heard = clock.elapsed();
                    match frame {
                        Frame::Message(message) => {
                            let Some(tries) = self.tries_after(&message.body) else {
                                return Ok(Met::Heard(message));
                            };
                            return self.lose(conversation, tries);
                        }
                        Frame::Alive => {}
                        Frame::Closed(code) => return Err(conversation.closed(code)),
                        Frame::Broken => return self.lose(conversation, 0),
                    }
                }
                State::Lost {
                    since,
                    tries,
                    due,
                    attempt,
                } => {
                    if attempt.is_none() {
                        clock.sleep(due.saturating_sub(clock.elapsed())).await;
                    }
                    let under_way = attempt.get_or_insert_with(|| {
                        let link = Arc::clone(&self.link);
                        Box::pin(link.resume(conversation.bookmark()))
                    });
                    let outcome = under_way.await;
                    *attempt = None;
                    match outcome {
                        Ok(resumption) => {
                            conversation.resumed(resumption.up_to);
                            self.silence = resumption.silence;
                            self.state = State::Open {
                                socket: Box::new(resumption.socket),
                                heard: clock.elapsed(),
                            };
                            return Ok(Met::Resumed);
                        }
                        Err(error) if !error.is_transient() => return Err(error),
                        Err(error) => {
                            let now = clock.elapsed();
                            if now.saturating_sub(*since) >= RESUME_LIMIT {
                                return Err(error.with_hint(
                                    "the login is forgotten by now: check the network, and start again",
                                ));
                            }
                            tracing::debug!(tries, %error, "the login could not be resumed yet");
                            *tries += 1;
                            *due = now.saturating_add(wait(*tries, random::fraction()));
                        }
                    }
                }
                State::Closed => std::future::pending().await,
            }
        }
    }

    /// Sends what is to be sent, as far as that is possible just now. Whether it was is found out by
    /// [`Connection::meet`].
    pub(super) async fn send(&mut self, conversation: &mut Conversation) {
        if let State::Open { socket, .. } = &mut self.state {
            let sent = socket.send(|| conversation.next_to_send());
            let _ = within(self.link.clock.as_ref(), STEP_LIMIT, sent).await;
        }
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Whether the platform failed and the login may live all the same: then how often that was so
    /// before. `None` too when it has failed for so long that this is the end.
    fn tries_after(&mut self, body: &ServerBody) -> Option<u32> {
        let failed = matches!(
            body,
            ServerBody::Error {
                code: LoginErrorCode::ServerError,
                fatal: true,
                ..
            }
        );
        if !failed {
            self.failing = None;
            return None;
        }
        let now = self.link.clock.elapsed();
        let (since, tries) = self.failing.unwrap_or((now, 0));
        self.failing = Some((since, tries + 1));
        (now.saturating_sub(since) < RESUME_LIMIT).then_some(tries)
    }

    fn lose(&mut self, conversation: &mut Conversation, tries: u32) -> Result<Met, Error> {
        conversation.lost()?;
        let now = self.link.clock.elapsed();
        self.state = State::Lost {
            since: now,
            tries,
            due: now.saturating_add(wait(tries, random::fraction())),
            attempt: None,
        };
        Ok(Met::Lost)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Open { .. } => "open",
            State::Lost { .. } => "lost",
            State::Closed => "closed",
        };
        write!(f, "Connection({state} to {})", self.link.endpoint)
    }
}

/// 0.25 s doubling to 8 s, of which a half is drawn: terminals that were cut off together do not
/// come back together.
fn wait(tries: u32, fraction: u32) -> Duration {
    let span = FIRST_WAIT
        .saturating_mul(1 << tries.min(8))
        .min(LONGEST_WAIT);
    span / 2 + part(span / 2, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_a_quarter_of_a_second_to_eight_seconds() {
        let longest: Vec<u64> = (0..8)
            .map(|tries| u64::try_from(wait(tries, u32::MAX).as_millis()).unwrap() + 1)
            .collect();
        assert_eq!(longest, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(wait(0, 0), Duration::from_millis(125));
        assert_eq!(wait(9, 0), Duration::from_secs(4));
    }
}
