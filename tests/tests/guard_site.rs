//! How does a platform stand before a guard: at one address, stopped and started again on one store?

use std::{net::SocketAddr, sync::Arc, time::Duration};

use countersign::{
    Credential,
    proto::{
        management::{GivenToken, GrantedForm, GrantedKind, NewToken, Role},
        scope::Scope,
    },
};
use countersign_guard::Introspector;
use countersign_proto::time::UnixTime;
use countersign_server::{Server, ServerHandle, StartError, config::StoreUrl};
use countersign_testkit::{ManualClock, TestPlatform, fixtures};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use url::Url;

use crate::{
    guard_scene::{self, API, Counted},
    parts::line::{Leads, Line},
};

/// How the keys of these platforms follow each other.
pub(crate) const ROTATED: Duration = Duration::from_secs(4 * 3600);
pub(crate) const ANNOUNCED: Duration = Duration::from_secs(600);
pub(crate) const RETIRED: Duration = Duration::from_secs(3600);

/// A platform that comes and goes; its address, its store and its clock stay.
pub(crate) struct Site {
    folder: TempDir,
    line: Line,
    clock: ManualClock,
    issuer: String,
    running: Option<Running>,
}

struct Running {
    platform: TestPlatform,
    address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<Result<(), StartError>>,
}

/// A token of the platform for [`API`], and its end.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) ends: UnixTime,
}

impl Site {
    /// A platform that runs, with the API `orders-api`, the application `orders`, which stands for
    /// anna, and the application `elsewhere`, whose tokens are for another API.
    pub(crate) async fn start() -> Site {
        Site::start_on(ManualClock::default()).await
    }

    /// The same on a clock of the test's.
    pub(crate) async fn start_on(clock: ManualClock) -> Site {
        let line = Line::start().await;
        let mut site = Site {
            folder: tempfile::tempdir().expect("a folder"),
            issuer: format!("http://{}", line.address()),
            line,
            clock,
            running: None,
        };
        site.begin().await;
        let platform = site.platform();
        let role = Role {
            name: "Clerk".to_owned(),
            description: String::new(),
            permissions: vec!["scope:orders.read".to_owned()],
            require_loopback: false,
            token_lifetime_max_s: None,
            built_in: false,
        };
        let admin = platform.admin().expect("an administrator");
        admin.create_role(&role).await.expect("a role");
        let applications = [
            platform
                .application("orders-api")
                .credential(fixtures::resource())
                .scope("introspect")
                .audience(API),
            platform
                .application("orders")
                .scope("orders.read")
                .audience(API)
                .principal("anna", &["Clerk"]),
            platform
                .application("elsewhere")
                .credential(fixtures::service_next())
                .audience("https://elsewhere.example"),
        ];
        for application in applications {
            application.register().await.expect("an application");
        }
        site
    }

    /// Starts it on the store that is there.
    pub(crate) async fn begin(&mut self) {
        let mut settings = TestPlatform::settings();
        settings.issuer = Url::parse(&self.issuer).expect("an address");
        settings.store = StoreUrl::Sqlite(self.folder.path().join("platform.db"));
        settings.secrets_file = Some(self.folder.path().join("secrets.toml"));
        settings.limits.connections_per_source = 10_000;
        settings.signing.rotate_every = ROTATED;
        settings.signing.announce = ANNOUNCED;
        settings.signing.retire_after = RETIRED;
        let platform = TestPlatform::with_settings(settings, self.clock.clone()).await;
        let platform = platform.expect("a platform");
        let server = Server::bind(platform.platform().clone()).await;
        let server = server.expect("a server");
        let (address, handle) = (server.local_addr(), server.handle());
        self.running = Some(Running {
            platform,
            address,
            handle,
            serving: tokio::spawn(server.run()),
        });
        self.line.lead(Leads::To(address));
    }

    /// Stops it. Whoever asks meets nobody.
    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().expect("it runs");
        self.line.lead(Leads::Nowhere);
        running.handle.stop();
        let stopped = running.serving.await.expect("it was not aborted");
        stopped.expect("it closes its store");
    }

    /// The network before it fails, and it does not know.
    pub(crate) fn cut(&self) {
        self.line.lead(Leads::Nowhere);
    }

    /// The same, in the middle of each answer.
    pub(crate) fn cut_answers(&self) {
        self.line.lead(Leads::AlmostTo(self.running().address));
    }

    /// The network is there again.
    pub(crate) fn heal(&self) {
        self.line.lead(Leads::To(self.running().address));
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// It itself; asked by this, it is reached though the network is not there.
    pub(crate) fn platform(&self) -> &TestPlatform {
        &self.running().platform
    }

    /// Turns the clock, and does what is due with the keys.
    pub(crate) async fn later(&self, by: Duration) {
        self.clock.advance(by);
        let turned = self.platform().platform().turn_keys().await;
        turned.expect("a store");
    }

    /// A guard of the API, which introspects as `orders-api`, and its way to here.
    pub(crate) fn guard(&self) -> (countersign_guard::GuardBuilder, Arc<Counted>) {
        let transport = Counted::new();
        let guard = guard_scene::guard(&self.issuer, &self.clock, &transport);
        let resource = fixtures::resource();
        let chain = resource.chain().clone();
        let by = Introspector::certificate("orders-api", chain, Arc::clone(resource.key()));
        (guard.introspect_with(by), transport)
    }

    /// A JWT for anna.
    pub(crate) async fn signed(&self) -> Issued {
        self.of("orders", fixtures::service(), "orders.read").await
    }

    /// A JWT for another API.
    pub(crate) async fn elsewhere(&self) -> Issued {
        self.of("elsewhere", fixtures::service_next(), "").await
    }

    async fn of(&self, client_id: &str, credential: Credential, scope: &str) -> Issued {
        let mut client = self.platform().client(client_id, credential);
        if !scope.is_empty() {
            client = client.scope(Scope::parse(scope).expect("a scope"));
        }
        let client = client.build().expect("a client");
        let token = client.token().await.expect("a token");
        Issued {
            token: token.access_token.expose().to_owned(),
            ends: token.expires_at,
        }
    }

    /// A personal token of anna for an API.
    pub(crate) async fn granted(&self, audience: &str) -> GivenToken {
        self.granted_as(GrantedKind::Personal, GrantedForm::Opaque, audience)
            .await
    }

    pub(crate) async fn granted_as(
        &self,
        kind: GrantedKind,
        form: GrantedForm,
        audience: &str,
    ) -> GivenToken {
        let token = NewToken {
            kind,
            form,
            name: "of a test".to_owned(),
            description: String::new(),
            owner: Some("anna".to_owned()),
            roles: Vec::new(),
            scopes: Vec::new(),
            audience: Some(audience.to_owned()),
            expires_at: None,
            lifetime_s: Some(30 * 86_400),
            never_expires: false,
        };
        let admin = self.platform().admin().expect("an administrator");
        admin.create_token(&token).await.expect("a token")
    }

    pub(crate) async fn revoke(&self, granted: &GivenToken) {
        let admin = self.platform().admin().expect("an administrator");
        let revoked = admin.revoke_token(&granted.granted.id, "lost").await;
        revoked.expect("it is revoked");
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }
}
