//! Is a sign-in lost when the platform is killed in the middle of it?
//!
//! The real binary on SQLite, killed by SIGKILL and started again. The person has a browser without an engine, but
//! for the last test.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign::{
    TransportError,
    proto::{
        exchange::TokenResponse,
        login::{ClientMessage, ConfirmValue, ServerBody},
        token::{Binding, inspect},
    },
};
use tokio::task::JoinSet;

use crate::parts::{
    browser::Browser,
    listener::dead_target,
    person::Person,
    serving::Site,
    sign_in::{PASSWORD, World},
    terminal::{Session, Terminal},
};

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Opened,
    SignedIn,
    Approved,
    Bound,
    Issued,
    Done,
}

const STATES: [State; 7] = [
    State::Created,
    State::Opened,
    State::SignedIn,
    State::Approved,
    State::Bound,
    State::Issued,
    State::Done,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_any_state_loses_no_sign_in_and_gives_its_token_once() {
    let mut world = World::with_accounts(Site::new("sqlite:platform.db")).await;
    let mut tokens = BTreeSet::new();
    for killed_in in STATES {
        let mut sign_in = SignIn::begin(&world).await;
        for state in STATES {
            sign_in.go_on_to(state).await.unwrap();
            if state == killed_in {
                world.restart().await;
                // What is over is not come back to.
                if state != State::Done {
                    sign_in = sign_in.come_back().await;
                }
            }
        }
        let token = sign_in.token.expect("a token");
        let claims = inspect(token.access_token.expose()).unwrap().claims;
        assert_eq!(claims["principal"], "alice", "{killed_in:?}");
        assert!(
            tokens.insert(claims["jti"].as_str().unwrap().to_owned()),
            "{killed_in:?}"
        );
        assert!(world.takes(&token).await, "{killed_in:?}");
    }
    assert_eq!(world.sessions_of("alice").await, STATES.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_was_killed_in_any_state_can_still_be_stopped() {
    let mut world = World::with_accounts(Site::new("sqlite:platform.db")).await;
    for killed_in in STATES.into_iter().take_while(|state| *state != State::Done) {
        let mut sign_in = SignIn::begin(&world).await;
        for state in STATES {
            sign_in.go_on_to(state).await.unwrap();
            if state == killed_in {
                break;
            }
        }
        world.restart().await;
        let mut terminal = sign_in.terminal.resume().await.unwrap();
        terminal.say(ClientMessage::Cancel).await;
        let (heard, ended) = terminal.hear_all().await;
        assert_eq!(ended.code, 4012, "{killed_in:?}: {heard:?}");
        let page = sign_in.person.go(&sign_in.session.url).await.unwrap();
        assert!(
            page.body.contains("Cancelled"),
            "{killed_in:?}: {}",
            page.body
        );
        if let Some(token) = sign_in.token {
            assert!(!world.takes(&token).await, "{killed_in:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_leaves_each_sign_in_to_be_finished() {
    const ROUNDS: usize = 4;
    // More at once of one name would look like guessing.
    const AT_ONCE: usize = 4;
    let mut world = World::with_accounts(Site::new("sqlite:platform.db")).await;
    let steps = Arc::new(AtomicUsize::new(0));
    let mut finished = 0;
    for round in 0..ROUNDS {
        let mut under_way = JoinSet::new();
        let enough = steps.load(Ordering::Relaxed) + 7 * (round + 1);
        for _ in 0..AT_ONCE {
            let sign_in = SignIn::begin(&world).await;
            under_way.spawn(sign_in.until_killed(steps.clone()));
        }
        let mut look = tokio::time::interval(std::time::Duration::from_millis(1));
        while steps.load(Ordering::Relaxed) < enough {
            look.tick().await;
        }
        world.restart().await;
        while let Some(sign_in) = under_way.join_next().await {
            let mut sign_in = sign_in.unwrap();
            if sign_in.state != State::Done {
                sign_in = sign_in.come_back().await;
                sign_in.finish().await;
            }
            assert!(world.takes(&sign_in.token.expect("a token")).await);
            finished += 1;
        }
    }
    assert_eq!(finished, ROUNDS * AT_ONCE);
    assert_eq!(world.sessions_of("alice").await, finished);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_forgets_when_it_is_killed_says_so_to_the_terminal_and_to_the_person() {
    let mut world = World::start("").await;
    let mut sign_in = SignIn::begin(&world).await;
    for state in [State::Opened, State::SignedIn, State::Approved] {
        sign_in.go_on_to(state).await.unwrap();
    }
    world.restart().await;
    match sign_in.terminal.resume().await {
        Err(Ok(ServerBody::Error {
            fatal: true,
            message,
            ..
        })) => {
            assert!(message.contains("no such sign-in"), "{message}");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a login that nobody remembers goes on"),
    }
    let page = sign_in.person.open(&sign_in.session.url).await.unwrap();
    assert_eq!(page.status, 404);
    assert!(
        page.body.contains("start again in your terminal"),
        "{}",
        page.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_outlives_the_platform_and_goes_on_with_the_next() {
    let mut world = World::with_accounts(Site::new("sqlite:platform.db")).await;
    let (terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    world.restart().await;
    let mut terminal = terminal.resume().await.unwrap();
    browser.allow().await;
    terminal.confirm(listener.value().await).await;
    terminal.hear_of("confirm_result").await;
    world.restart().await;
    let mut terminal = terminal.resume().await.unwrap();
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    // It asked while nobody was there, and asks again.
    browser.read("go back to your terminal").await;
}

/// One sign-in, step by step.
struct SignIn {
    terminal: Terminal,
    session: Session,
    person: Person,
    value: Option<ConfirmValue>,
    token: Option<Box<TokenResponse>>,
    state: State,
}

impl SignIn {
    async fn begin(world: &World) -> SignIn {
        let (terminal, session) = world
            .terminal(&[Binding::Loopback], Some(dead_target()))
            .await;
        SignIn {
            terminal,
            session,
            person: Person::new(world.site().transport()),
            value: None,
            token: None,
            state: State::Created,
        }
    }

    /// Does what leads to the next state. It was in the one before, or came back to it; then what it does may have
    /// been done already, and is answered as it was.
    async fn go_on_to(&mut self, state: State) -> Result<(), Killed> {
        let link = &self.session.url;
        match state {
            State::Created => {}
            State::Opened => {
                self.person.open(link).await?;
            }
            State::SignedIn => {
                let page = self.person.sign_in(link, "alice", PASSWORD).await?;
                assert_eq!(page.status, 200, "{}", page.body);
            }
            State::Approved => {
                let sent = self.person.allow(link).await?;
                let to = sent.redirect().expect("to the terminal");
                let (_, value) = to.query_pairs().next().expect("a value");
                self.value = ConfirmValue::parse(Binding::Loopback, &value).ok();
            }
            State::Bound => {
                self.terminal
                    .confirm(self.value.clone().expect("a value"))
                    .await;
                self.hear("identity").await?;
            }
            State::Issued => {
                self.terminal.say(ClientMessage::Accept).await;
                if let ServerBody::Token(token) = self.hear("token").await? {
                    self.token = Some(token);
                }
            }
            State::Done => {
                self.terminal.say(ClientMessage::Received).await;
                self.hear("bye").await?;
            }
        }
        self.state = state;
        Ok(())
    }

    /// Hears on to a message of this name. That something was not expected any more is what comes of doing it twice.
    async fn hear(&mut self, name: &str) -> Result<ServerBody, Killed> {
        loop {
            match self.terminal.hear().await {
                Ok(body) if body.name() == name => return Ok(body),
                Ok(ServerBody::Error {
                    code,
                    fatal,
                    message,
                    ..
                }) => {
                    assert!(!fatal, "waited for {name}, heard {code:?}: {message}");
                }
                Ok(_) => {}
                Err(_) => return Err(Killed),
            }
        }
    }

    /// Goes on until the platform is gone, or to the end.
    async fn until_killed(mut self, steps: Arc<AtomicUsize>) -> SignIn {
        for state in STATES {
            if self.go_on_to(state).await.is_err() {
                break;
            }
            steps.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// Comes back to a platform that was started again.
    async fn come_back(mut self) -> SignIn {
        self.terminal = self.terminal.resume().await.unwrap();
        self
    }

    /// Goes on to the end.
    async fn finish(&mut self) {
        let reached = self.state;
        for state in STATES
            .into_iter()
            .skip_while(|state| *state != reached)
            .skip(1)
        {
            self.go_on_to(state).await.expect("nobody kills any more");
        }
    }
}

/// The platform was gone before it answered.
#[derive(Debug)]
struct Killed;

impl From<TransportError> for Killed {
    fn from(_: TransportError) -> Killed {
        Killed
    }
}
