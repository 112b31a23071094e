//! How does somebody sign in at a server of the 1E/Tachyon dialect?

use std::sync::Arc;

use countersign::{
    InteractiveToken, SystemClock,
    login::browser::{BrowserError, availability},
    proto::token::Binding,
    tachyon::{Generation, TachyonLogin, TachyonToken},
};
use serde_json::json;

use super::{
    progress::{Progress, TICK},
    remember,
    way_there::{Opening, WayThere},
};
use crate::{
    args::{BrowserOptions, Dialect, Environment, Format, client, surroundings},
    failure::Failure,
    interrupts::{Interrupts, interrupted},
    output::Output,
    profile::{Profile, shown_address},
    session::{Held, Session, block_on, check_server, runtime, transport},
    token_view,
    vault::Vault,
};

/// What everybody is told who signs in so, once.
const WARNING: &str = "the Tachyon dialect does not tie the browser to this terminal: whoever opens \
                       the address signs this terminal in, so open it yourself and show it to nobody";

/// How a person signs in.
pub(super) struct ByBrowser<'a> {
    pub(super) name: &'a str,
    pub(super) profile: Profile,
    pub(super) options: &'a BrowserOptions,
    pub(super) environment: &'a Environment,
    pub(super) output: &'a Output,
}

impl ByBrowser<'_> {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        check_server(&self.profile)?;
        self.profile.dialect = Some(Dialect::Tachyon);
        // Before anything is opened: nobody should sign in for nothing.
        let vault = Vault::open(self.name, &self.profile, self.environment)?;
        self.output.warn(WARNING);
        let mut progress = Progress::new(self.output);
        let token = runtime()?.block_on(async {
            let mut interrupts = Interrupts::new()?;
            let server = &self.profile.server;
            self.output.detail(&format!("connecting to {server}"));
            let begun = TachyonLogin::begin(
                server,
                self.profile.consumer(),
                transport(&self.profile)?,
                Arc::new(SystemClock),
            );
            let login = interrupts.unless(begun).await??;
            let opening = self.lead_there(&login, &mut progress)?;
            follow(login, opening, &mut progress, &mut interrupts).await
        })?;
        let held = InteractiveToken {
            token: token.object().clone(),
            refresh_token: None,
            // How such a token is refreshed is not public.
            refreshes_remaining: Some(0),
        };
        // What was got is on the disk before anybody is told of it.
        vault.lock()?.write_interactive(&held)?;
        self.profile
            .last_principal
            .clone_from(&held.token.principal);
        remember(self.name, &self.profile, self.environment)?;
        say_when_it_ends(&token, self.output);
        let lead = [("profile", self.name), ("server", &self.profile.server)];
        let shown = token_view::object(&Held::from(held));
        progress.result(token_view::with_lead(&lead, shown))
    }

    /// Shows the address, whose page it is, and what helps to get there.
    fn lead_there(
        &self,
        login: &TachyonLogin,
        progress: &mut Progress<'_>,
    ) -> Result<Option<Opening>, Failure> {
        let url = login.url();
        self.output.insist(&format!("sign in at: {url}"));
        if let Some(host) = login.elsewhere() {
            let server = shown_address(&self.profile.server);
            progress.note(&format!(
                "the page is one of {host}, to which {server} sends you"
            ));
        }
        let client = client();
        let way = WayThere {
            options: self.options,
            browser: availability(&surroundings()),
            client: &client,
            way: Binding::Code, // any browser will do: nothing comes back to this machine
            fallback: None,
            port: None,
        };
        if self.output.format() == Some(Format::Json) {
            self.output.json_line(&json!({
                "event": "begun",
                "url": url,
                "dialect": "tachyon",
                "generation": generation(login.generation()),
                "binding": null,
            }))?;
        }
        for tip in way.tips() {
            progress.note(&tip);
        }
        way.draw(url, self.output);
        Ok(way.open(url))
    }
}

fn generation(generation: Generation) -> &'static str {
    generation.name()
}

/// Waits for the person.
async fn follow(
    mut login: TachyonLogin,
    mut opening: Option<Opening>,
    progress: &mut Progress<'_>,
    interrupts: &mut Interrupts,
) -> Result<TachyonToken, Failure> {
    progress.now("waiting until somebody has signed in");
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            token = login.token() => return Ok(token?),
            () = interrupts.next() => return Err(interrupted()),
            error = not_opened(&mut opening) => {
                progress.note(&format!("no browser was opened ({error}): open the address yourself"));
            }
            _ = ticks.tick() => progress.tick(),
        }
    }
}

/// Why the browser did not start; never, when it did.
async fn not_opened(opening: &mut Option<Opening>) -> BrowserError {
    if let Some(receiver) = opening {
        let told = receiver.await;
        *opening = None;
        if let Ok(error) = told {
            return error;
        }
    }
    std::future::pending().await
}

/// How whoever holds a certificate signs in.
pub(super) fn by_certificate(
    name: &str,
    mut profile: Profile,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    profile.dialect = Some(Dialect::Tachyon);
    if profile.audience.is_none() {
        output.note(
            "the server says for which identity provider the assertion is made; --audience URI, with \
             that provider's token endpoint, lets it be no other",
        );
    }
    let session = Session::new(name, profile, environment, output);
    let client = session.tachyon_client()?;
    output.detail(&format!("connecting to {}", session.profile.server));
    let token = block_on(async { Ok(client.renew().await?) })?;

    remember(name, &session.profile, environment)?;
    session.remember(token.object())?;
    say_when_it_ends(&token, output);
    let lead = [
        ("profile", name),
        ("server", session.profile.server.as_str()),
    ];
    let held = Held::from(token.object().clone());
    output.show(&token_view::with_lead(&lead, token_view::object(&held)))
}

fn say_when_it_ends(token: &TachyonToken, output: &Output) {
    if !token.says_when_it_ends() {
        output.note("the token does not say when it ends; it is taken to be good for an hour");
    }
}
