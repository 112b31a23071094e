//! How does a profile become a token: from the cache, or from its server?

mod caller;
pub(crate) use caller::{Caller, granted};

mod person;

mod tachyon;
pub(crate) use tachyon::is_all_there_is;

use std::{future::Future, sync::Arc, time::Duration};

use countersign::{
    Client, Clock, CredentialSource, Dpop, HttpTransport, InteractiveToken, KeyringProblem, Reload,
    SystemClock, Token,
    admin::Admin,
    cache_file::{self, CacheFileError, CacheFolder, CacheIdentity, CacheProblem},
    proto::{
        assertion::{KidForm, PLATFORM_CLIENT_ID},
        key::Algorithm,
        metadata::{Metadata, check_issuer},
        scope::Scope,
        token::TokenType,
    },
};

use crate::{
    args::{Environment, Global},
    certificate_choice::Choice,
    failure::{Exit, Failure},
    interrupts::Interrupts,
    output::Output,
    profile::{Profile, Profiles, shown_address},
    provider, sealing,
};

/// A profile in use.
pub(crate) struct Session<'a> {
    pub(crate) name: String,
    pub(crate) profile: Profile,
    questions: Questions,
    environment: &'a Environment,
    output: &'a Output,
}

/// Whether a person may be asked, for instance for the password of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Questions {
    #[default]
    Asked,
    /// Nobody is there to answer.
    Refused,
}

/// A token, and how often it can still be refreshed where that is counted.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) token: Token,
    pub(crate) refreshes_remaining: Option<u32>,
}

impl From<Token> for Held {
    fn from(token: Token) -> Held {
        Held {
            token,
            refreshes_remaining: None,
        }
    }
}

impl From<InteractiveToken> for Held {
    fn from(interactive: InteractiveToken) -> Held {
        Held {
            token: interactive.token,
            refreshes_remaining: interactive.refreshes_remaining,
        }
    }
}

/// How long one process waits for another that is getting the same token: longer than a client's
/// deadline.
const LOCK_WAIT: Duration = Duration::from_secs(45);

impl<'a> Session<'a> {
    pub(crate) fn new(
        name: &str,
        profile: Profile,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Session<'a> {
        Session {
            name: name.to_owned(),
            profile,
            questions: Questions::default(),
            environment,
            output,
        }
    }

    /// The same, with a person who may be asked or none.
    pub(crate) fn with_questions(mut self, questions: Questions) -> Session<'a> {
        self.questions = questions;
        self
    }

    /// The session of the profile that is named, or of the current one.
    pub(crate) fn of_profile(
        global: &Global,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Result<Session<'a>, Failure> {
        let profiles = Profiles::read(environment)?;
        let (name, profile) = profiles.find(global.profile.as_deref())?;
        Ok(Session::new(name, profile.clone(), environment, output))
    }

    /// A token that lives: the cached one, or a new one. Of several processes one asks.
    pub(crate) fn token(&self) -> Result<Held, Failure> {
        match self.profile.browser {
            true => self.persons_token(),
            false => self.service_token().map(Held::from),
        }
    }

    fn service_token(&self) -> Result<Token, Failure> {
        let now = SystemClock.now();
        let Some(folder) = self.cache()? else {
            return self.fetch();
        };
        let identity = self.identity();
        let read = folder.read(&identity);
        if let Err(error) = &read
            && is_only_shut(&error.problem)
        {
            folder.check_writable()?;
            self.output
                .warn(&format!("{error}; a new token is fetched, and not kept"));
            return self.fetch();
        }
        // Nothing below is reached while the token is fresh: no TLS, no randomness.
        if let Some(token) = self.believed(read)
            && cache_file::is_fresh(&token, now)
        {
            return Ok(token);
        }
        folder.check_writable()?;
        let lock = match folder.lock(&identity, LOCK_WAIT) {
            Ok(lock) => lock,
            Err(error) => {
                self.say_unused(&error);
                return self.fetch();
            }
        };
        let cached = lock.read().ok().flatten();
        if let Some(token) = &cached
            && cache_file::is_fresh(token, SystemClock.now())
        {
            return Ok(token.clone());
        }
        match self.fetch() {
            Ok(token) => {
                self.keep(&lock, &token, &folder);
                Ok(token)
            }
            Err(failure) => match cached {
                // The last good token serves while it lives, unless somebody said no.
                Some(token)
                    if failure.exit() == Exit::Network && token.expires_at > SystemClock.now() =>
                {
                    self.output.warn(&format!(
                        "not renewed: {}; the token from before is good until {}",
                        failure.message(),
                        token.expires_at
                    ));
                    Ok(token)
                }
                _ => Err(failure),
            },
        }
    }

    /// A new token, whatever the cache holds; it replaces the cached one.
    pub(crate) fn renewed(&self) -> Result<Held, Failure> {
        if self.profile.browser {
            return self.persons_renewed();
        }
        self.check_writable()?;
        let token = self.fetch()?;
        self.remember(&token)?;
        Ok(token.into())
    }

    /// Whether a token that is got now can be kept: not where a keyring is demanded and gives no key.
    pub(crate) fn check_writable(&self) -> Result<(), Failure> {
        let Some(path) = &self.environment.state else {
            return Ok(()); // there is no place for it, which is said when it is needed
        };
        match sealing::folder(path, self.environment)? {
            Ok(folder) => Ok(folder.check_writable()?),
            Err(_) => Ok(()),
        }
    }

    /// Puts a token into the cache, or says why not.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub(crate) fn remember(&self, token: &Token) -> Result<(), Failure> {
        let Some(folder) = self.cache()? else {
            return Ok(());
        };
        let identity = self.identity();
        match folder.lock(&identity, LOCK_WAIT) {
            Ok(lock) => self.keep(&lock, token, &folder),
            Err(error) => self.say_unused(&error),
        };
        Ok(())
    }

    /// The cached token, fresh or not.
    ///
    /// # Errors
    /// When there is something that is not believed, or cannot be opened.
    pub(crate) fn cached(&self) -> Result<Option<Held>, Failure> {
        if self.profile.browser {
            return self.persons_cached();
        }
        let Some(folder) = self.cache()? else {
            return Ok(None);
        };
        Ok(folder.read(&self.identity())?.map(Held::from))
    }

    /// Forgets the cached token.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        if self.profile.browser {
            return self.forget_persons();
        }
        let Some(folder) = self.cache()? else {
            return Ok(());
        };
        let identity = self.identity();
        folder.lock(&identity, LOCK_WAIT)?.forget()?;
        Ok(())
    }

    /// A client for this profile.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(self.client_and_source()?.0)
    }

    /// The same, and where its certificate comes from.
    fn client_and_source(&self) -> Result<(Client, CredentialSource), Failure> {
        let profile = &self.profile;
        check_server(profile)?;
        if profile.ask_password && self.questions == Questions::Refused {
            let message = "the password of the key is asked for, and nobody can be asked now";
            return Err(Failure::usage(message)
                .hint("sign in once more with --password-file FILE instead of --ask-password"));
        }
        let app_id = match (profile.as_platform, &profile.app_id) {
            (true, _) => PLATFORM_CLIENT_ID,
            (false, Some(app_id)) => app_id,
            (false, None) => {
                return Err(Failure::usage("no application is named").hint(
                    "say which with --app-id, or ask for a platform token with --as-platform",
                ));
            }
        };
        let choice = Choice::of_profile(profile, self.environment)?;
        let source = choice.into_source(self.output)?;
        let mut builder = Client::builder(&profile.server, app_id, source.clone())
            .transport(Arc::new(transport(profile)?));
        if let Some(word) = &profile.provider {
            builder = builder.provider(&provider::find(word, self.environment)?);
        }
        for (name, value) in &profile.parameters {
            builder = builder.parameter(name, value);
        }
        if profile.as_platform {
            builder = builder.as_platform();
        }
        if let Some(principal) = &profile.principal {
            builder = builder.principal(principal);
        }
        if let Some(scope) = scope_of(profile)? {
            builder = builder.scope(scope);
        }
        if let Some(kid) = &profile.kid {
            let form = kid.parse::<KidForm>().map_err(|error| {
                Failure::usage(format!("--kid {kid:?}: {error}")).hint(
                    "sha1-hex, sha256-hex, sha1-base64url, sha256-base64url, jwk-thumbprint, \
                     spki-sha256-base64url, none, literal:VALUE",
                )
            })?;
            builder = builder.kid(form);
        }
        if let Some(alg) = &profile.alg {
            let algorithm = Algorithm::from_name(alg).ok_or_else(|| {
                let names = Algorithm::PROTOCOL.map(Algorithm::name).join(", ");
                Failure::usage(format!("--alg {alg:?} is not an algorithm that signs here"))
                    .hint(format!("there are: {names}"))
            })?;
            builder = builder.algorithm(algorithm);
        }
        if let Some(audience) = &profile.audience {
            builder = builder.audience(provider::audience(audience));
        }
        if profile.x5c {
            builder = builder.send_x5c();
        }
        if profile.dpop {
            builder = builder.dpop(Dpop::Required);
        }
        Ok((builder.build()?, source))
    }

    /// The management API of the server, if it has one, as whoever holds this token; and what the
    /// server says of itself.
    pub(crate) async fn management(&self, held: &Held) -> Result<(Arc<Metadata>, Admin), Failure> {
        if self.is_tachyon() {
            return Err(self.tachyon_has_no_management());
        }
        if self.profile.browser {
            return self.persons_management(held).await;
        }
        let client = self.client()?;
        client.adopt(&held.token);
        Ok((client.metadata().await?, Admin::new(client)))
    }

    /// Gives what is cached back to its server.
    pub(crate) fn give_back(&self, held: &Held) -> Result<(), Failure> {
        if self.is_tachyon() {
            return self.tachyon_give_back(held);
        }
        if self.profile.browser {
            return self.end_persons();
        }
        let client = self.client()?;
        block_on(async { Ok(client.revoke(&held.token).await?) })
    }

    fn fetch(&self) -> Result<Token, Failure> {
        self.output
            .detail(&format!("signing in at {}", self.profile.server));
        if self.is_tachyon() {
            return self.tachyon_fetch();
        }
        let (client, source) = self.client_and_source()?;
        let token = block_on(async { Ok::<_, Failure>(client.renew().await?) })?;
        if let Ok(current) = source.current(SystemClock.now(), Reload::IfDue) {
            let newest = current.credential.chain().leaf().sha256();
            let used = token.issue_cert_thumbprint.filter(|used| *used != newest);
            if let Some(used) = used {
                self.output.warn(&format!(
                    "the newest certificate, {newest}, was refused; signed in with the one before it, {used}"
                ));
            }
        }
        Ok(token)
    }

    fn identity(&self) -> CacheIdentity {
        let parts = self.profile.identity_parts();
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        CacheIdentity::new(&parts)
    }

    fn cache(&self) -> Result<Option<CacheFolder>, Failure> {
        let Some(path) = &self.environment.state else {
            self.output.warn("the token is not kept: HOME is not set");
            return Ok(None);
        };
        let opened = sealing::folder(path, self.environment)?;
        Ok(opened.map_err(|error| self.say_unused(&error)).ok())
    }

    fn keep(&self, lock: &cache_file::CacheLock<'_>, token: &Token, folder: &CacheFolder) {
        if token.token_type == TokenType::DPoP {
            self.output
                .note("the token is not kept: it is bound to a key of this process");
        } else if let Err(error) = lock.write(token) {
            self.output.warn(&format!("the token is not kept: {error}"));
        } else {
            sealing::say_what_is_open(folder, self.output);
        }
    }

    /// What was read, where it may be believed; else it is as if nothing were there, and that is said.
    fn believed(&self, read: Result<Option<Token>, CacheFileError>) -> Option<Token> {
        read.unwrap_or_else(|error| {
            if is_replaced(&error.problem) {
                self.output.warn(&format!("{error}; a new one is fetched"));
            } else {
                self.say_unused(&error);
            }
            None
        })
    }

    fn say_unused(&self, error: &CacheFileError) {
        self.output
            .warn(&format!("the token cache is not used: {error}"));
    }
}

/// Whether a file is sealed and only cannot be opened now: it stays as it is.
fn is_only_shut(problem: &CacheProblem) -> bool {
    match problem {
        CacheProblem::Sealed(why) => *why != KeyringProblem::SwitchedOff,
        CacheProblem::UnknownSeal => true,
        _ => false,
    }
}

/// Whether a file is in its place, and what is in it is good for nothing.
fn is_replaced(problem: &CacheProblem) -> bool {
    matches!(
        problem,
        CacheProblem::Corrupt
            | CacheProblem::KeyLost
            | CacheProblem::BadSeal
            | CacheProblem::Sealed(KeyringProblem::SwitchedOff)
    )
}

/// Whether the server of a profile is one that is talked to.
pub(crate) fn check_server(profile: &Profile) -> Result<(), Failure> {
    let server = &profile.server;
    let checked = check_issuer(server).map_err(|error| {
        Failure::usage(format!("server {:?}: {error}", shown_address(server)))
            .hint("https://HOST, or http:// on loopback only")
    });
    checked.map(|_| ())
}

/// The scopes of a profile.
pub(crate) fn scope_of(profile: &Profile) -> Result<Option<Scope>, Failure> {
    let parse = |scope: &String| {
        Scope::parse(scope).map_err(|error| {
            Failure::usage(format!("--scope {scope:?}: {error}"))
                .hint("scopes are words separated by spaces")
        })
    };
    profile.scope.as_ref().map(parse).transpose()
}

/// The transport of a profile.
pub(crate) fn transport(profile: &Profile) -> Result<HttpTransport, Failure> {
    let mut builder = HttpTransport::builder();
    if let Some(file) = &profile.ca_bundle {
        builder = builder.ca_bundle(file);
    }
    builder.build().map_err(|error| {
        Failure::from(error).hint("--ca-bundle takes a PEM file with certificate authorities")
    })
}

/// What futures run on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))
}

/// Runs a future to its end, or until Ctrl-C.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(async {
        // Listens before anything else begins, so that no moment is without it.
        Interrupts::new()?.unless(future).await?
    })
}
