//! How does a person sign in through a browser, and the terminal get the token?
//!
//! The terminal opens a WebSocket to the platform and gets an address, which a person opens in a
//! browser. The token comes back through the socket, released by a value that travels from that
//! browser to this terminal: over loopback by itself, or as a code that the person types.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use countersign::{HttpTransport, SystemClock, login::{Login, LoginEvent, LoginOptions}};
//! # use countersign::proto::key::{KeyType, LocalKey};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (key, _pkcs8) = LocalKey::generate(KeyType::P256)?;
//! let transport = HttpTransport::builder().build()?;
//! let options = LoginOptions::default().expect("anna");
//! let issuer = "https://platform.example";
//! let mut login =
//!     Login::begin(issuer, Arc::new(key), options, transport, Arc::new(SystemClock)).await?;
//! # fn show(_: &url::Url) {}
//! show(login.url());
//! let token = loop {
//!     if let LoginEvent::Signed(token) = login.next().await? {
//!         break token;
//!     }
//! };
//! # drop(token);
//! # Ok(())
//! # }
//! ```

use std::{collections::VecDeque, sync::Arc, time::Duration};

pub use countersign_proto::login::{ClientInfo, SeenBrowser};
use countersign_proto::{
    exchange::RefreshToken,
    key::SigningKey,
    login::{ConfirmValue, LoginErrorCode},
    time::UnixTime,
    token::Binding,
};
use url::Url;

use crate::{Clock, Error, ErrorKind, HttpTransport, Token, clock::within};

pub mod browser;

mod options;
pub use options::LoginOptions;

mod loopback;
use loopback::Loopback;

mod socket;

mod link;
use link::{Connection, Link, Met};

mod conversation;
use conversation::{Conversation, Said};

/// Ctrl-C does not wait longer than this for the platform to hear of it.
const CANCEL_LIMIT: Duration = Duration::from_secs(3);

/// A login that is under way. Dropped, it is forgotten; [`Login::cancel`] tells the platform too.
pub struct Login {
    clock: Arc<dyn Clock>,
    connection: Connection,
    conversation: Conversation,
    loopback: Option<Loopback>,
    told: VecDeque<LoginEvent>,
    over: Option<Error>,
    url: Url,
    label: String,
    expires_at: UnixTime,
    /// On [`Clock::elapsed`].
    ends: Duration,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoginEvent {
    /// A browser has opened the address.
    Opened(SeenBrowser),
    /// The person is authenticated, and reads what is asked.
    SignedIn,
    /// The browser shows a code, to be typed here: [`Login::confirm_code`].
    NeedCode {
        /// So many tries are left.
        tries_left: u32,
    },
    /// The person allowed it, and the browser is on its way to the port of this terminal.
    WaitingForLoopback,
    /// The value was not the right one.
    CodeRefused {
        /// So many tries are left.
        tries_left: u32,
    },
    /// The value was the right one.
    Confirmed,
    /// Who signed in. Unless it was accepted already, [`Login::accept`] or [`Login::reject`] it.
    Identity {
        /// Who the token will stand for.
        principal: String,
        /// For people; may be empty.
        name: String,
        /// Which identity provider says so.
        idp: String,
        /// What the token will be good for; all that the principal may when absent.
        scope: Option<String>,
        /// It is the principal that was expected, and was accepted by itself.
        accepted: bool,
    },
    /// The connection is gone; the page stays valid, and another connection is being made.
    Disconnected,
    /// The login goes on where it was.
    Resumed,
    /// The token is here, and the platform knows it.
    Signed(Box<InteractiveToken>),
}

/// The token of a login, and what refreshes it.
#[derive(Clone, Debug)]
pub struct InteractiveToken {
    /// The token: kind 0.
    pub token: Token,
    /// Gets the next one, with a proof by the key of the login.
    pub refresh_token: Option<RefreshToken>,
    /// How often it can still be refreshed.
    pub refreshes_remaining: Option<u32>,
}

impl Login {
    /// Begins a login at `issuer`. The proof key is on P-256; it refreshes the token later on, so
    /// keep it. At least one of the two ways for the value must be possible.
    ///
    /// # Errors
    /// When the server cannot be reached or has no logins by browser, when it says no, or when the
    /// terminal cannot listen where it was told to.
    pub async fn begin(
        issuer: &str,
        proof_key: Arc<dyn SigningKey>,
        options: LoginOptions,
        transport: HttpTransport,
        clock: Arc<dyn Clock>,
    ) -> Result<Login, Error> {
        let mut loopback = options.listen().await?;
        let link = Link::discover(issuer, proof_key, transport, Arc::clone(&clock)).await?;
        let target = loopback.as_ref().map(Loopback::target);
        let offered = options.ways(target.is_some());
        let (connection, session) = link.begin(&options, &offered, target).await?;
        if !session.may_be(Binding::Loopback) {
            loopback = None;
        }
        if let Some(loopback) = &mut loopback {
            loopback.send_on_to(&session.url);
        }
        let lifetime = session.lifetime;
        Ok(Login {
            connection,
            loopback,
            told: VecDeque::new(),
            over: None,
            url: session.url.clone(),
            label: session.label.clone(),
            expires_at: clock.now().plus(lifetime),
            ends: clock.elapsed().saturating_add(lifetime),
            conversation: Conversation::new(issuer, session, options.expected()),
            clock,
        })
    }

    /// What the person opens in a browser. It was built by the platform, and is of its origin.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Three words that stand on the page too, to tell windows apart. They are no defence.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The login ends by itself then, on this machine's clock.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// How the value will come.
    pub fn bind(&self) -> Binding {
        self.conversation.binding()
    }

    /// How it may come when that does not go; the platform's policy may leave no other way.
    pub fn fallback(&self) -> Option<Binding> {
        self.conversation.fallback()
    }

    /// Where this terminal listens for the browser, as long as it does: for instance to forward that
    /// port from the machine with the browser.
    pub fn loopback_port(&self) -> Option<u16> {
        let loopback = self.loopback.as_ref()?;
        Some(loopback.target().port())
    }

    /// What happens next. Drives everything: the connection, the listener on loopback, the answers
    /// to the platform; so it is to be awaited even while a person is asked something. It may be
    /// dropped at any moment, and nothing is lost.
    ///
    /// # Errors
    /// The login has ended without a token; [`Error::login`] says how the platform put it. Every
    /// later call says the same.
    pub async fn next(&mut self) -> Result<LoginEvent, Error> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Ok(event);
            }
            if let Some(error) = &self.over {
                return Err(error.clone());
            }
            if let Err(error) = self.step().await {
                self.end(error);
            }
        }
    }

    /// Sends the code that the person typed; case, spaces and dashes do not matter. What the
    /// platform thinks of it comes by [`Login::next`].
    ///
    /// # Errors
    /// It is no code, which costs no try, or none is asked for at the moment.
    pub async fn confirm_code(&mut self, typed: &str) -> Result<(), Error> {
        let value = ConfirmValue::from_typed(typed).map_err(|error| {
            Error::new(ErrorKind::Settings, error.to_string())
                .with_hint("read it again from the page")
        })?;
        self.say(Said::Confirm(value)).await
    }

    /// Accepts who signed in. The token comes by [`Login::next`].
    ///
    /// # Errors
    /// Nobody waits to be accepted.
    pub async fn accept(&mut self) -> Result<(), Error> {
        self.say(Said::Accept).await
    }

    /// Does not accept who signed in. The end comes by [`Login::next`].
    ///
    /// # Errors
    /// Nobody waits to be accepted.
    pub async fn reject(&mut self) -> Result<(), Error> {
        self.say(Said::Reject).await
    }

    /// Ends the login on both sides; a platform that cannot be reached within 3 s forgets it by
    /// itself.
    ///
    /// # Errors
    /// The platform did not hear of it.
    pub async fn cancel(mut self) -> Result<(), Error> {
        if self.over.is_some() {
            return Ok(());
        }
        self.loopback = None;
        self.conversation.say(Said::Cancel)?;
        let clock = Arc::clone(&self.clock);
        let heard = within(clock.as_ref(), CANCEL_LIMIT, async {
            loop {
                if let Err(error) = self.step().await {
                    return error;
                }
            }
        });
        match heard.await {
            Some(error) if error.login() == Some(&LoginErrorCode::Cancelled) => Ok(()),
            Some(error) => Err(error),
            None => Err(Error::new(
                ErrorKind::Network,
                "the platform could not be told that the login is cancelled; it ends by itself",
            )),
        }
    }

    async fn say(&mut self, said: Said) -> Result<(), Error> {
        if let Some(error) = &self.over {
            return Err(error.clone());
        }
        self.conversation.say(said)?;
        // Sent by `next` when the connection is not there just now.
        self.connection.send(&mut self.conversation).await;
        Ok(())
    }

    /// Waits for one thing to happen, and takes it in.
    async fn step(&mut self) -> Result<(), Error> {
        let clock = Arc::clone(&self.clock);
        let left = self.ends.saturating_sub(clock.elapsed());
        let met = tokio::select! {
            biased;
            met = self.connection.meet(&mut self.conversation) => met?,
            value = Loopback::value(&mut self.loopback, clock.as_ref()) => {
                // One value, one request: whoever comes later finds nobody there.
                self.loopback = None;
                return self.conversation.say(Said::Confirm(value));
            }
            () = clock.sleep(left) => return Err(self.conversation.expired()),
        };
        match met {
            Met::Lost => self.told.push_back(LoginEvent::Disconnected),
            Met::Resumed => self.told.push_back(LoginEvent::Resumed),
            Met::Heard(message) => {
                let event = self.conversation.hear(*message, clock.now())?;
                if let Some(LoginEvent::Confirmed) = event {
                    self.loopback = None;
                }
                let is_last = matches!(event, Some(LoginEvent::Signed(_)));
                self.told.extend(event);
                if is_last {
                    self.end(Error::new(
                        ErrorKind::Settings,
                        "the login is complete: nothing more happens to it",
                    ));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, error: Error) {
        self.over = Some(error);
        self.loopback = None;
        self.connection.close();
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("connection", &self.connection)
            .field("label", &self.label)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
