//! Who signs in to which platform, and what does he do on its pages?

use countersign::{
    admin::PageRequest,
    proto::{
        bearer,
        exchange::TokenResponse,
        login::LoopbackTarget,
        management::{NewPassword, Principal, SessionFilter},
        token::Binding,
    },
};
use http::{Request, header};
use url::Url;

use super::{
    OpenidProvider,
    browser::Browser,
    listener::Listener,
    serving::{Running, Site, free_address},
    terminal::{Session, Terminal},
};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "violet kettle harbour 42";

/// Who is registered.
const PEOPLE: [&str; 2] = ["alice", "mallory"];

/// A platform that knows alice and mallory.
pub(crate) struct World {
    site: Site,
    running: Running,
}

impl World {
    /// Starts it; `more` are settings.
    pub(crate) async fn start(more: &str) -> World {
        World::with_accounts(Site::with("memory:", more)).await
    }

    /// Starts it there, with accounts of its own.
    pub(crate) async fn with_accounts(site: Site) -> World {
        let world = World::at(site).await;
        let admin = world.site.admin();
        for name in PEOPLE {
            let password = NewPassword::new(PASSWORD);
            admin
                .set_password(name, &password)
                .await
                .expect("a password");
        }
        world
    }

    /// Starts it with an OpenID provider that nobody here wrote, on another site, for its people; `more` are settings.
    pub(crate) async fn with_provider(more: &str, arguments: &[&str]) -> (World, OpenidProvider) {
        let address = free_address();
        let issuer = format!("http://{address}");
        let arguments = [&["--host", "localhost"], arguments].concat();
        let provider =
            OpenidProvider::with_people(&format!("{issuer}/login/callback"), &[], &arguments);
        let settings = format!(
            "[identity_provider]\nkind = \"openid-connect\"\nissuer = \"{}\"\nclient_id = \"platform\"\n{more}",
            provider.issuer
        );
        let world = World::at(Site::at(address, &issuer, "memory:", &settings)).await;
        (world, provider)
    }

    /// Starts it there; somebody else vouches for its people.
    pub(crate) async fn at(site: Site) -> World {
        let running = site.start().await;
        for name in PEOPLE {
            add_person(&site, name).await;
        }
        World { site, running }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// How much memory it has, in units of 1024 bytes.
    pub(crate) fn resident_kilobytes(&self) -> u64 {
        self.running.resident_kilobytes()
    }

    /// Kills the platform.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }

    /// Kills the platform and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.running = self.site.start().await;
    }

    /// A terminal that began a login.
    pub(crate) async fn terminal(
        &self,
        bind: &[Binding],
        loopback: Option<LoopbackTarget>,
    ) -> (Terminal, Session) {
        let mut terminal = Terminal::connect(self.site.issuer()).await;
        let session = terminal.begin(bind, loopback).await;
        (terminal, session)
    }

    /// A terminal that began a login and listens on loopback.
    pub(crate) async fn listening_terminal(&self) -> (Terminal, Session, Listener) {
        let listener = Listener::start().await;
        let (terminal, session) = self
            .terminal(&[Binding::Loopback], Some(listener.target()))
            .await;
        listener.lead_to(&session.url);
        (terminal, session, listener)
    }
}

/// What became of what was given away.
impl World {
    /// How many sessions of somebody are listed.
    pub(crate) async fn sessions_of(&self, principal: &str) -> usize {
        let (admin, mut page, mut count) = (self.site.admin(), PageRequest::first(), 0);
        let of_principal = SessionFilter {
            principal: Some(principal.to_owned()),
            state: None,
        };
        loop {
            let list = admin.sessions(&of_principal, &page).await.expect("a list");
            count += list.items.len();
            match list.next {
                Some(cursor) => page = PageRequest::after(&cursor),
                None => return count,
            }
        }
    }

    /// Whether the platform takes a token for what its owner may do.
    pub(crate) async fn takes(&self, token: &TokenResponse) -> bool {
        let mut request = Request::get(format!("{}/api/v1/whoami", self.site.issuer()))
            .body(Vec::new())
            .expect("a request");
        let presented = bearer::authorization(&token.access_token, token.token_type);
        request
            .headers_mut()
            .insert(header::AUTHORIZATION, presented);
        let answer = self
            .site
            .transport()
            .send(request)
            .await
            .expect("an answer");
        match answer.status().as_u16() {
            200 => true,
            401 => false,
            other => panic!("whoami answers {other}"),
        }
    }
}

/// Registers a principal.
async fn add_person(site: &Site, name: &str) {
    let admin = site.admin();
    let principal = Principal {
        name: name.to_owned(),
        display_name: format!("{name} of the tests"),
        roles: vec!["Reader".to_owned()],
        enabled: true,
        password_set_at: None,
    };
    admin
        .create_principal(&principal)
        .await
        .expect("a new name");
}

/// The pages, in the hands of a person.
impl Browser {
    /// Opens the link of a login and signs in; ends on the page that asks whether to allow it.
    pub(crate) async fn sign_in(&self, link: &Url, name: &str) {
        self.open(link).await;
        self.fill_in(name, PASSWORD).await;
        self.arrive(&format!("{link}/review")).await;
    }

    /// Fills in the form of the built-in provider and sends it.
    pub(crate) async fn fill_in(&self, name: &str, password: &str) {
        self.write("#name", name).await;
        self.write("#password", password).await;
        self.click("form[action$='/sign-in'] button").await;
    }

    /// Opens the link of a login and signs in at the OpenID provider.
    pub(crate) async fn sign_in_at_provider(&self, link: &Url, name: &str) {
        self.open(link).await;
        self.fill_in_at_provider(name).await;
        self.arrive(&format!("{link}/review")).await;
    }

    /// Fills in the form of the OpenID provider and sends it.
    pub(crate) async fn fill_in_at_provider(&self, name: &str) {
        self.write("#login", name).await;
        self.write("#password", "anything will do").await;
        self.click("#sign-in").await;
    }

    /// Presses *Allow*.
    pub(crate) async fn allow(&self) {
        self.click("form[action$='/allow'] button:not([formaction])")
            .await;
    }

    /// Presses *I did not start this*.
    pub(crate) async fn report(&self) {
        self.click("button[formaction$='/report'], form[action$='/report'] button")
            .await;
    }

    /// The code that the page shows.
    pub(crate) async fn code(&self) -> String {
        self.see(".code code").await.text().await.expect("a text")
    }
}
