//! How does a test have a server of the 1E/Tachyon dialect?
//!
//! On loopback, of either generation, with an identity provider of its own. It verifies assertions, and
//! it can be told to do anything wrong that a server can. The platform of this project does not speak
//! the dialect.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign::{Clock, Credential};
use countersign_proto::{
    certificate::Certificate,
    tachyon::{Generation, Shape},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::TestkitError;

mod answer;

mod socket;

mod sign_in;
use sign_in::SignIns;

mod tokens;
use tokens::Tokens;

/// A server of the dialect on a free port of 127.0.0.1. It stops when it is dropped.
///
/// ```
/// use countersign::tachyon::{Generation, TachyonClient};
/// use countersign_testkit::{TachyonServer, fixtures};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = TachyonServer::start(Generation::Poll).await?;
/// server.register("0c83091d", &fixtures::service_rsa());
///
/// let client = TachyonClient::builder(server.url(), "0c83091d", fixtures::service_rsa()).build()?;
/// let token = client.token().await?;
/// assert!(server.is_live(token.access_token()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Whoever opens the address of a sign-in has signed in, as "Darth Vader".
#[derive(Debug)]
pub struct TachyonServer {
    url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// What a server does, and what it does wrong. All may be changed while it runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Knobs {
    /// How messages are written.
    pub shape: Shape,
    /// Messages on the WebSocket come in frames of so many bytes; in one frame each where absent.
    pub frame_bytes: Option<usize>,
    /// The token that is given; one of the server's own making where absent.
    pub token: Option<String>,
    /// What a token says of its end, after so long; nothing where absent.
    pub lifetime: Option<Duration>,
    /// The API of the later generation stands where that of the earlier does; only `information` does
    /// not.
    pub api_is_elsewhere: bool,
    /// What is answered in place of what belongs there.
    pub instead: HashMap<Step, Instead>,
}

/// What a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `information`
    Information,
    /// `RequestAuthentication`, of either generation.
    Begin,
    /// `CheckAuthenticationState` without a nonce.
    Check,
    /// `CheckAuthenticationState` with one.
    Token,
    /// `metadataendpoint`
    MetadataEndpoint,
    /// The identity provider's configuration.
    Configuration,
    /// `RequestJwtAuthentication`
    Exchange,
    /// `Logout`
    LogOut,
    /// The first message on the WebSocket.
    Address,
    /// The second.
    SocketToken,
}

/// What comes in place of a good answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Instead {
    /// This status, with a body that explains it.
    Status(u16),
    /// These bytes, as `application/json`, or as a text message of the WebSocket.
    Body(Vec<u8>),
    /// The end of the connection.
    Close,
    /// The closing handshake of the WebSocket.
    ClosePolitely,
    /// These bytes as a binary message of the WebSocket.
    Binary(Vec<u8>),
    /// Nothing, ever.
    Silence,
}

struct State {
    generation: Generation,
    origin: String,
    clock: Arc<dyn Clock>,
    knobs: Mutex<Knobs>,
    applications: Mutex<Vec<(String, Certificate)>>,
    sign_ins: SignIns,
    tokens: Tokens,
    asked: watch::Sender<Vec<String>>,
    /// Nobody learns that somebody has signed in while this is so.
    is_held: watch::Sender<bool>,
}

impl TachyonServer {
    /// One of this generation, on the operating system's clock.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(generation: Generation) -> Result<TachyonServer, TestkitError> {
        let clock = Arc::new(countersign::SystemClock);
        TachyonServer::listening(generation, "127.0.0.1:0", clock).await
    }

    /// One that listens there, by this clock.
    ///
    /// # Errors
    /// The address is not free.
    pub async fn listening(
        generation: Generation,
        address: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<TachyonServer, TestkitError> {
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State {
            generation,
            origin: url.clone(),
            clock,
            knobs: Mutex::new(Knobs {
                shape: Shape::Object,
                frame_bytes: None,
                token: None,
                lifetime: Some(Duration::from_secs(3600)),
                api_is_elsewhere: false,
                instead: HashMap::new(),
            }),
            applications: Mutex::default(),
            sign_ins: SignIns::default(),
            tokens: Tokens::default(),
            asked: watch::Sender::new(Vec::new()),
            is_held: watch::Sender::new(false),
        });
        let router = answer::router(Arc::clone(&state));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(TachyonServer { url, state, task })
    }

    /// Its address, which clients are configured with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The `token_endpoint` of its identity provider.
    pub fn token_endpoint(&self) -> String {
        self.state.token_endpoint()
    }

    /// Lets the holder of a certificate sign in as an application.
    pub fn register(&self, app_id: &str, credential: &Credential) {
        self.register_certificate(app_id, credential.chain().leaf());
    }

    /// The same, by the certificate alone.
    pub fn register_certificate(&self, app_id: &str, certificate: &Certificate) {
        lock(&self.state.applications).push((app_id.to_owned(), certificate.clone()));
    }

    /// Changes what it does.
    pub fn set(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut lock(&self.state.knobs));
    }

    /// From now on nobody learns that somebody has signed in.
    pub fn hold(&self) {
        self.state.is_held.send_replace(true);
    }

    /// Whoever has signed in is known again.
    pub fn release(&self) {
        self.state.is_held.send_replace(false);
    }

    /// Every request that came, as `GET /api/information`, the oldest first. Without queries.
    pub fn asked(&self) -> Vec<String> {
        self.state.asked.borrow().clone()
    }

    /// Ends when so many requests have come whose line ends with this.
    pub async fn until_asked(&self, end: &str, times: usize) {
        let mut asked = self.state.asked.subscribe();
        let count = |asked: &Vec<String>| asked.iter().filter(|line| line.ends_with(end)).count();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = asked.wait_for(|asked| count(asked) >= times).await;
    }

    /// Whether it takes this token.
    pub fn is_live(&self, token: &countersign_proto::token::AccessToken) -> bool {
        self.state.tokens.is_live(token.expose())
    }

    /// Takes no token any more that it gave so far.
    pub fn end_all_tokens(&self) {
        self.state.tokens.end_all();
    }
}

impl Drop for TachyonServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn knobs(&self) -> Knobs {
        lock(&self.knobs).clone()
    }

    fn instead(&self, step: Step) -> Option<Instead> {
        lock(&self.knobs).instead.get(&step).cloned()
    }

    fn token_endpoint(&self) -> String {
        format!("{}/idp/oauth2/v2.0/token", self.origin)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
