//! Who holds the token of one profile, and keeps it fresh?

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign::{Client, Clock as _, SystemClock, Token};
use tokio::{sync::OnceCell, task::JoinHandle};

use super::aws_role::Kept;
use crate::{
    args::Environment,
    aws::Credentials,
    failure::Failure,
    output::Output,
    profile::Profile,
    session::{Held, Questions, Session},
};

/// One profile in use.
pub(super) struct Keeper {
    pub(super) name: String,
    pub(super) profile: Profile,
    /// What the token was exchanged for.
    pub(super) of_aws: Kept<Credentials>,
    environment: Arc<Environment>,
    output: Output,
    /// Of a profile with a certificate.
    client: OnceCell<Client>,
    /// One reads what a person signed in with, and the others wait for that.
    reading: tokio::sync::Mutex<()>,
    last_asked: Arc<AtomicU64>,
    ahead: Mutex<Option<JoinHandle<()>>>,
    seen: Mutex<Option<Token>>,
    fetched: AtomicU64,
}

/// A token that nobody asked for so long is not kept fresh any more.
const IDLE: Duration = Duration::from_secs(3600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// How long an answer waits for a new token to be kept.
const PATIENCE: Duration = Duration::from_secs(5);

impl Keeper {
    pub(super) fn new(
        name: &str,
        profile: Profile,
        environment: Arc<Environment>,
        output: Output,
    ) -> Keeper {
        Keeper {
            name: name.to_owned(),
            profile,
            of_aws: Kept::new(),
            environment,
            output,
            client: OnceCell::new(),
            reading: tokio::sync::Mutex::new(()),
            last_asked: Arc::new(AtomicU64::new(0)),
            ahead: Mutex::new(None),
            seen: Mutex::new(None),
            fetched: AtomicU64::new(0),
        }
    }

    /// A token that lives. One request to the platform, however many ask.
    ///
    /// That of a person is what the command line would take: the file says what is true, since a
    /// refresh is counted, and one that is used twice ends the session. So it is refreshed when
    /// somebody asks, and never ahead of that.
    pub(super) async fn token(self: &Arc<Keeper>) -> Result<Held, Failure> {
        if self.profile.browser {
            let _turn = self.reading.lock().await;
            let held = self.blocking(|session| session.token()).await?;
            self.see(&held.token);
            return Ok(held);
        }
        let client = self.client(Questions::Refused).await?;
        let token = client.token().await?;
        self.keep_ahead(client);
        if self.see(&token) {
            self.remember(token.clone()).await;
        }
        Ok(token.into())
    }

    /// Gets ready: reads the certificate, and asks for the password of its key where that was wished.
    pub(super) async fn prepare(self: &Arc<Keeper>) -> Result<(), Failure> {
        match self.profile.browser {
            true => Ok(()),
            false => self.client(Questions::Asked).await.map(drop),
        }
    }

    /// How many tokens were got while this agent ran.
    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    async fn client(self: &Arc<Keeper>, questions: Questions) -> Result<&Client, Failure> {
        let made = self.client.get_or_try_init(|| async {
            let (client, cached) = self
                .blocking(move |session| {
                    let session = session.with_questions(questions);
                    Ok((session.client()?, session.cached()?))
                })
                .await?;
            // What the command line got is good enough for us.
            if let Some(held) = cached.filter(|held| held.token.lives(SystemClock.now())) {
                *lock(&self.seen) = Some(held.token.clone());
                client.adopt(&held.token);
            }
            Ok(client)
        });
        made.await
    }

    /// Renews before anybody has to wait, as long as somebody asks now and then.
    fn keep_ahead(&self, client: &Client) {
        self.last_asked
            .store(SystemClock.now().as_secs(), Ordering::Relaxed);
        let mut ahead = lock(&self.ahead);
        if ahead.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let (client, last_asked) = (client.clone(), Arc::clone(&self.last_asked));
        *ahead = Some(tokio::spawn(async move {
            let mut keeping = std::pin::pin!(client.keep_fresh());
            let is_wanted = || {
                let asked = last_asked.load(Ordering::Relaxed);
                SystemClock.now().as_secs().saturating_sub(asked) < IDLE.as_secs()
            };
            while is_wanted() {
                tokio::select! {
                    () = &mut keeping => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }));
    }

    /// Whether it is another token than the last one.
    fn see(&self, token: &Token) -> bool {
        let mut seen = lock(&self.seen);
        let is_new = seen
            .as_ref()
            .is_none_or(|seen| seen.access_token != token.access_token);
        // The first one of a person was there before.
        if is_new && (seen.is_some() || !self.profile.browser) {
            self.fetched.fetch_add(1, Ordering::Relaxed);
        }
        if is_new {
            *seen = Some(token.clone());
        }
        is_new
    }

    /// Puts it where the command line finds it. Another process may be writing there; so whoever
    /// asked does not wait for long.
    async fn remember(self: &Arc<Keeper>, token: Token) {
        let kept = self.blocking(move |session| session.remember(&token));
        // Settings that forbid it were told of when the client was made.
        let _ = tokio::time::timeout(PATIENCE, kept).await;
    }

    fn session(&self) -> Session<'_> {
        let session = Session::new(
            &self.name,
            self.profile.clone(),
            &self.environment,
            &self.output,
        );
        session.with_questions(Questions::Refused)
    }

    /// Does with a session what may take its time.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Keeper>,
        work: impl FnOnce(Session<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let keeper = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(keeper.session())).await;
        done.unwrap_or_else(|_| Err(Failure::other("a thread of the agent ended")))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.ahead).take() {
            task.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
