//! How does a person sign in to a server of the dialect through a browser?

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use countersign_proto::{
    tachyon::{
        Begun, COMMAND, Checked, Generation, Heard, MAX_MESSAGE_BYTES, PollNonce,
        SocketConversation, begin, check, read_check, read_poll_token,
    },
    token::AccessToken,
};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Response;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};
use url::Url;

use super::{Site, TachyonToken};
use crate::{
    Clock, Error, ErrorKind, HttpTransport,
    clock::{Deadline, within},
    error::printable,
    random,
    websocket::Wanted,
};

/// How long a person may take.
const LIMIT: Duration = Duration::from_secs(600);
/// How long the server may take to name the address.
const BEGIN_LIMIT: Duration = Duration::from_secs(30);
/// How often the later generation is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// A sign-in that is under way: kind 0.
///
/// **Nothing ties the browser to this terminal.** Show [`TachyonLogin::url`] to the person at this
/// terminal and to nobody else: whoever opens it and signs in gives the token away to this process.
pub struct TachyonLogin {
    site: Arc<Site>,
    url: Url,
    way: Way,
    ends: Deadline,
    over: Option<Error>,
}

enum Way {
    Socket(Box<WebSocketStream<reqwest::Upgraded>>, SocketConversation),
    Poll {
        state: Arc<str>,
        nonce: Arc<PollNonce>,
        /// Somebody has signed in.
        seen: bool,
        /// When the server may be asked again, on [`Clock::elapsed`].
        due: Duration,
        /// Kept, so that a caller who stops waiting does not stop it.
        asking: Option<Asking>,
    },
}

/// A request that is under way.
type Asking = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send>>;

impl TachyonLogin {
    /// Finds out of which generation the server is, and begins. The person has 10 minutes from now.
    ///
    /// # Errors
    /// The server cannot be reached, does not speak the dialect, or names an address that is not
    /// opened.
    pub async fn begin(
        server: &str,
        consumer: &str,
        transport: HttpTransport,
        clock: Arc<dyn Clock>,
    ) -> Result<TachyonLogin, Error> {
        let http = transport.clone();
        let site = Arc::new(Site::new(server, consumer, Arc::new(transport), clock)?);
        let ends = Deadline::after(site.clock.as_ref(), LIMIT);
        let begun = within(site.clock.as_ref(), BEGIN_LIMIT, async {
            match site.generation().await? {
                Generation::WebSocket => by_socket(&site, &http).await,
                Generation::Poll => by_poll(&site).await,
            }
        });
        let (url, way) = begun.await.ok_or_else(|| {
            Error::new(
                ErrorKind::Deadline,
                format!("{} did not say where to sign in", site.name()),
            )
            .transient()
        })??;
        Ok(TachyonLogin {
            site,
            url,
            way,
            ends,
            over: None,
        })
    }

    /// What the person opens in a browser: `https`, or `http` on the loopback that the server is on
    /// too.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host of that page where it is not the server's own: that of an identity provider, or
    /// whatever the server says. The person should know it.
    pub fn elsewhere(&self) -> Option<&str> {
        let host = self.url.host_str().unwrap_or_default();
        (self.url.host() != self.site.server.host()).then_some(host)
    }

    /// Of which generation the server is.
    pub fn generation(&self) -> Generation {
        match self.way {
            Way::Socket(..) => Generation::WebSocket,
            Way::Poll { .. } => Generation::Poll,
        }
    }

    /// How long the person still has.
    pub fn left(&self) -> Duration {
        self.ends.left(self.site.clock.as_ref())
    }

    /// Waits until somebody has signed in. May be dropped at any moment, and called again.
    ///
    /// # Errors
    /// The sign-in has ended without a token. Every later call says the same.
    pub async fn token(&mut self) -> Result<TachyonToken, Error> {
        if let Some(over) = &self.over {
            return Err(over.clone());
        }
        let left = self.left();
        let clock = Arc::clone(&self.site.clock);
        let way = &mut self.way;
        let waited = match within(clock.as_ref(), left, way.token(&self.site)).await {
            Some(waited) => waited,
            None => Err(
                Error::new(ErrorKind::Expired, "nobody signed in within 10 minutes")
                    .with_hint("start the sign-in again"),
            ),
        };
        let token = waited.and_then(|token| TachyonToken::signed_in(token, clock.now()));
        self.over = Some(match &token {
            Ok(_) => Error::new(
                ErrorKind::Settings,
                "the sign-in is complete: nothing more happens to it",
            ),
            Err(error) => error.clone(),
        });
        token
    }
}

impl std::fmt::Debug for TachyonLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TachyonLogin")
            .field("server", &self.site.name())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

async fn by_socket(site: &Site, transport: &HttpTransport) -> Result<(Url, Way), Error> {
    let wanted = Wanted {
        subprotocol: None,
        max_message_bytes: MAX_MESSAGE_BYTES,
        not_usable,
    };
    let endpoint = site.root().await?.socket();
    let mut stream = wanted.open(transport, &endpoint).await?;
    let said = stream.send(Message::text(COMMAND)).await;
    said.map_err(|error| not_usable(&error.to_string()))?;
    let mut conversation = SocketConversation::new(&site.server);
    match hear(&mut stream, &mut conversation, site).await? {
        Heard::Open(url) => Ok((url, Way::Socket(Box::new(stream), conversation))),
        Heard::Signed(_) => Err(not_usable(
            "it gives a token before it says where to sign in",
        )),
    }
}

async fn by_poll(site: &Site) -> Result<(Url, Way), Error> {
    let nonce = PollNonce::new(random::bytes()?);
    let answer = site.ask(|root| begin(root, &nonce, &site.consumer)).await?;
    let begun = Begun::read(answer.body(), &site.server)
        .map_err(|error| site.not_understood("the beginning of a sign-in", &error))?;
    let way = Way::Poll {
        state: begun.state.into(),
        nonce: Arc::new(nonce),
        seen: false,
        due: site.clock.elapsed(),
        asking: None,
    };
    Ok((begun.url, way))
}

impl Way {
    /// What is awaited is of one step, and what it brought is noted before the next.
    async fn token(&mut self, site: &Arc<Site>) -> Result<AccessToken, Error> {
        match self {
            Way::Socket(stream, conversation) => match hear(stream, conversation, site).await? {
                // The server closes; nothing is awaited between the token and its holder.
                Heard::Signed(token) => Ok(token),
                Heard::Open(_) => Err(not_usable("it names a second address")),
            },
            Way::Poll {
                state,
                nonce,
                seen,
                due,
                asking,
            } => loop {
                let clock = site.clock.as_ref();
                if asking.is_none() {
                    clock.sleep(due.saturating_sub(clock.elapsed())).await;
                }
                let shown = seen.then(|| Arc::clone(nonce));
                let asked = asking
                    .get_or_insert_with(|| ask(site, state, shown))
                    .as_mut()
                    .await;
                *asking = None;
                *due = clock.elapsed().saturating_add(PAUSE);
                let answer = match asked {
                    Ok(answer) => answer,
                    // The network may be away for a while; the page stays as it is.
                    Err(error) if error.is_transient() => {
                        tracing::debug!(%error, "asking again");
                        *due = due.saturating_add(error.retry_after().unwrap_or_default());
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                if *seen {
                    return read_poll_token(answer.body())
                        .map_err(|error| site.not_understood("the token", &error));
                }
                let checked = read_check(answer.body())
                    .map_err(|error| site.not_understood("the state of a sign-in", &error))?;
                if checked == Checked::Successful {
                    *seen = true;
                    *due = clock.elapsed();
                }
            },
        }
    }
}

fn ask(site: &Arc<Site>, state: &Arc<str>, nonce: Option<Arc<PollNonce>>) -> Asking {
    let (site, state) = (Arc::clone(site), Arc::clone(state));
    Box::pin(async move {
        let request = |root: &_| check(root, &state, nonce.as_deref(), &site.consumer);
        site.ask(request).await
    })
}

/// The next message of a socket, in however many frames it comes. May be dropped at any moment.
async fn hear(
    stream: &mut WebSocketStream<reqwest::Upgraded>,
    conversation: &mut SocketConversation,
    site: &Site,
) -> Result<Heard, Error> {
    loop {
        let message = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(tungstenite::Error::Capacity(_))) => {
                return Err(not_usable("it sent a message of more than 512 KiB"));
            }
            Some(Err(error)) => {
                return Err(not_usable(&format!(
                    "it ended the connection without a token: {error}"
                )));
            }
            None => return Err(not_usable("it ended the connection without a token")),
        };
        match message {
            Message::Text(text) => {
                return conversation
                    .hear(text.as_bytes())
                    .map_err(|error| site.not_understood("a message", &error));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => {
                return Err(not_usable("it closed the connection without a token"));
            }
            Message::Binary(_) | Message::Frame(_) => {
                return Err(not_usable("it sent something else than text"));
            }
        }
    }
}

fn not_usable(why: &str) -> Error {
    Error::new(
        ErrorKind::Server,
        printable(&format!("the server's sign-in cannot be used: {why}")),
    )
}
