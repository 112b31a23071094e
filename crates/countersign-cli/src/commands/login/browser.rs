//! How does a person sign in with a browser?

use std::sync::Arc;

use countersign::{
    SystemClock,
    login::{InteractiveToken, Login, LoginOptions, browser::availability},
    proto::{login::ClientInfo, scope::Scope, token::Binding},
};

use super::{
    follow::{Expected, follow},
    progress::Progress,
    remember,
    under_way::{self, Ended, First, Later, Link, Turn},
    way_there::{Opening, WayThere},
};
use crate::{
    args::{BrowserOptions, Environment, client, surroundings},
    failure::Failure,
    interrupts::Interrupts,
    output::Output,
    profile::{Profile, shown_address},
    session::{Held, Session, check_server, runtime, scope_of, transport},
    terminal::{self, Terminal},
    token_view,
    vault::Vault,
};

/// What one run of this program needs for a sign-in.
pub(super) struct SignIn<'a> {
    pub(super) name: &'a str,
    pub(super) profile: Profile,
    pub(super) options: &'a BrowserOptions,
    pub(super) expected: Expected,
    pub(super) environment: &'a Environment,
    pub(super) output: &'a Output,
}

impl SignIn<'_> {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        check_server(&self.profile)?;
        // Before anything is opened: nobody should sign in for nothing.
        if self.expected.named.is_none() && !terminal::is_there() {
            return Err(self.nobody_to_ask());
        }
        let scope = scope_of(&self.profile)?.unwrap_or_default();
        let vault = Vault::open(self.name, &self.profile, self.environment)?;
        let mut progress = Progress::new(self.output);
        let held = runtime()?.block_on(async {
            let mut interrupts = Interrupts::new()?;
            self.take_turns(scope, &vault, &mut progress, &mut interrupts)
                .await
        })?;
        let lead = [("profile", self.name), ("server", &self.profile.server)];
        progress.result(token_view::with_lead(&lead, token_view::object(&held)))
    }

    /// Signs in, or waits for another run that does.
    async fn take_turns(
        &mut self,
        scope: Scope,
        vault: &Vault,
        progress: &mut Progress<'_>,
        interrupts: &mut Interrupts,
    ) -> Result<Held, Failure> {
        let first = match under_way::take_turn(vault.path(), self.name)? {
            Turn::First(first) => first,
            Turn::Later(later) => match self.wait(later, progress, interrupts).await? {
                Ended::SignedIn => return self.joined(vault),
                Ended::Failed(failure) => return Err(failure.about("the other sign-in")),
                Ended::Unknown(first) => first,
            },
        };
        self.sign_in(first, scope, vault, progress, interrupts)
            .await
    }

    async fn sign_in(
        &mut self,
        first: First,
        scope: Scope,
        vault: &Vault,
        progress: &mut Progress<'_>,
        interrupts: &mut Interrupts,
    ) -> Result<Held, Failure> {
        let mut terminal = Terminal::of_this_process();
        let client = client();
        let login = self.begin(scope, &client, terminal.as_ref(), vault);
        let login = interrupts.unless(login).await??;
        let link = Link {
            server: self.profile.server.clone(),
            scope: self.profile.scope.clone().unwrap_or_default(),
            url: login.url().clone(),
            label: login.label().to_owned(),
        };
        first.publish(&link)?;
        let opening = self.lead_there(&login, &link, &client, progress)?;
        let terminal = terminal.as_mut();
        let signed = follow(
            login,
            &self.expected,
            opening,
            progress,
            terminal,
            interrupts,
        )
        .await;

        let before = vault.read().ok().flatten();
        let (outcome, useless) = match signed {
            Ok(signed) => match self.keep(&signed, vault) {
                Ok(()) => (Ok(Held::from(signed)), before),
                Err(failure) => (Err(failure), Some(signed)),
            },
            Err(failure) => (Err(failure), None),
        };
        first.end(&link, outcome.as_ref().map(|_| ()));
        if let Some(useless) = useless {
            self.end_useless(useless, progress, interrupts).await;
        }
        outcome
    }

    async fn begin(
        &self,
        scope: Scope,
        client: &ClientInfo,
        terminal: Option<&Terminal>,
        vault: &Vault,
    ) -> Result<Login, Failure> {
        let server = &self.profile.server;
        self.output.detail(&format!("connecting to {server}"));
        let mut options = LoginOptions::default().scope(scope).client(client.clone());
        if terminal.is_none() {
            options = options.binds(&[Binding::Loopback]); // a code could not be typed
        }
        if let Some(hint) = self.expected.hint() {
            options = options.login_hint(hint);
        }
        if let Some(port) = self.options.loopback_port {
            options = options.loopback_port(port);
        }
        let key = vault.lasting_key(self.output)?;
        let transport = transport(&self.profile)?;
        Ok(Login::begin(server, key, options, transport, Arc::new(SystemClock)).await?)
    }

    /// Shows the address, and what else helps to get there and back.
    fn lead_there(
        &self,
        login: &Login,
        link: &Link,
        client: &ClientInfo,
        progress: &mut Progress<'_>,
    ) -> Result<Option<Opening>, Failure> {
        let way = WayThere {
            options: self.options,
            browser: availability(&surroundings()),
            client,
            way: login.bind(),
            fallback: login.fallback(),
            port: login.loopback_port(),
        };
        progress.address(link);
        progress.begun(link, login.expires_at(), way.way, way.fallback)?;
        for tip in way.tips() {
            progress.note(&tip);
        }
        way.draw(&link.url, self.output);
        Ok(way.open(&link.url))
    }

    /// What was got is on the disk before anybody is told of it.
    fn keep(&mut self, signed: &InteractiveToken, vault: &Vault) -> Result<(), Failure> {
        vault.lock()?.write_interactive(signed)?;
        vault.say_what_is_open(self.output);
        self.profile
            .last_principal
            .clone_from(&signed.token.principal);
        remember(self.name, &self.profile, self.environment)
    }

    /// Nobody can use what the profile had before, or what could not be kept. It would end by
    /// itself: a platform that does not hear of it is no failure.
    async fn end_useless(
        &self,
        session: InteractiveToken,
        progress: &mut Progress<'_>,
        interrupts: &mut Interrupts,
    ) {
        progress.now("ending a session that nobody can use any more");
        let profile = self.profile.clone();
        let at_server = Session::new(self.name, profile, self.environment, self.output);
        let ended = interrupts.unless(at_server.end(session)).await;
        if let Err(failure) = ended.and_then(|ended| ended) {
            let message = failure.message();
            progress.detail(&format!("that session goes on until its end: {message}"));
        }
    }

    /// Shows the link of another run, and waits until that has ended.
    async fn wait(
        &self,
        mut later: Later,
        progress: &mut Progress<'_>,
        interrupts: &mut Interrupts,
    ) -> Result<Ended, Failure> {
        let link = interrupts.unless(later.link()).await?;
        let scope = self.profile.scope.as_deref().unwrap_or_default();
        let link = link.filter(|link| link.server == self.profile.server && link.scope == scope);
        match &link {
            Some(link) => {
                progress.address(link);
                progress.joined(link)?;
                progress
                    .note("another run of countersign waits there already; this one waits for it");
            }
            None => {
                progress.note("another sign-in to this profile is under way; waiting for its end");
            }
        }
        progress.now("waiting for the other run");
        interrupts.unless(later.ended(link.as_ref())).await?
    }

    /// What the other run got, if it is for whom it was to be.
    fn joined(&self, vault: &Vault) -> Result<Held, Failure> {
        let signed = vault
            .read()?
            .ok_or_else(|| Failure::other("the other sign-in left no token").hint("do it again"))?;
        let principal = signed.token.principal.as_deref().unwrap_or_default();
        match &self.expected.named {
            Some(named) if named != principal => Err(self.expected.is_not(principal)),
            _ => Ok(Held::from(signed)),
        }
    }

    fn nobody_to_ask(&self) -> Failure {
        Failure::usage("there is no terminal to ask at who may sign in").hint(format!(
            "say who it must be with --as NAME, or sign in with a certificate: \
             countersign login {} --app-id ID --cert FILE",
            shown_address(&self.profile.server)
        ))
    }
}
