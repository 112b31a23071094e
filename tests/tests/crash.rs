//! Is anything lost that was acknowledged, when the platform is killed?
//!
//! kill -9 shows that the process forgets nothing; that a check finds what was lost is shown by
//! two controls: a store that commits nothing, and a disk that forgot its last commits.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign::{
    Clock as _, SystemClock, Transport,
    admin::{Admin, PageRequest},
    proto::{
        assertion::{Assertion, LIFETIME_MAX},
        exchange::TokenRequest,
        management::{
            Application, AuditFilter, CertificateUsage, NewCertificate, NewMapping, Principal,
        },
        oauth_error::Reason,
        token::inspect,
    },
};
use countersign_testkit::fixtures;
use http::Request;
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    parts::serving::{Running, Site},
    wire_form,
};

const ROUNDS: usize = 6;
/// Acknowledged writes before the first kill; each round has some more, to be killed elsewhere.
const WRITES: usize = 30;
/// Tasks that write at once, of each kind.
const WRITERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_serving_binary_under_load_loses_nothing_acknowledged() {
    let site = Books(Site::new("sqlite:platform.db"));
    let mut running = site.start().await;
    site.register().await;
    let acknowledged = Arc::new(Acknowledged::default());
    for round in 0..ROUNDS {
        let enough = acknowledged.count() + WRITES + 7 * round;
        let writing = site.load_until(&acknowledged, enough).await;
        running.kill();
        drop(writing); // not before: it is killed while it is asked
        running = site.start().await;
        assert_eq!(
            site.lost(&acknowledged).await,
            Lost::default(),
            "round {round}"
        );
    }
    // Something was there to be lost, of each kind.
    let (principals, exchanges) = acknowledged.counts();
    assert!(
        principals > ROUNDS && exchanges > ROUNDS,
        "{principals} {exchanges}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_check_catches_a_store_that_commits_nothing() {
    let site = Books(Site::new("memory:"));
    let mut running = site.start().await;
    site.register().await;
    let acknowledged = Arc::new(Acknowledged::default());
    let _writing = site.load_until(&acknowledged, WRITES).await;
    running.kill();
    let _running = site.start().await;
    let lost = site.lost(&acknowledged).await;
    let (principals, exchanges) = acknowledged.counts();
    assert_eq!(lost.principals.len(), principals);
    assert_eq!(lost.audit_rows, exchanges);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_check_catches_a_disk_that_forgot_its_last_commits() {
    let site = Books(Site::new("sqlite:platform.db"));
    let mut running = site.start().await;
    site.register().await;
    let before = Arc::new(Acknowledged::default());
    let _writing = site.load_until(&before, WRITES).await;
    running.kill();
    let older = site.copy();

    let mut running = site.start().await;
    let after = Arc::new(Acknowledged::default());
    let _writing = site.load_until(&after, WRITES).await;
    running.kill();
    site.restore(&older);

    let _running = site.start().await;
    assert_eq!(site.lost(&before).await, Lost::default());
    let lost = site.lost(&after).await;
    let (principals, exchanges) = after.counts();
    assert_eq!(
        (lost.principals.len(), lost.replays, lost.audit_rows),
        (principals, exchanges, exchanges)
    );
}

/// What the platform said yes to.
#[derive(Default)]
struct Acknowledged {
    state: Mutex<State>,
    grown: Notify,
}

#[derive(Default)]
struct State {
    principals: Vec<String>,
    exchanges: Vec<Exchange>,
}

/// A token request that was answered with a token.
#[derive(Clone)]
struct Exchange {
    request: Request<Vec<u8>>,
    token_id: String,
}

/// What is not there any more.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lost {
    principals: BTreeSet<String>,
    /// Assertions that gave a token once more.
    replays: usize,
    /// Tokens without their audit row.
    audit_rows: usize,
}

impl Acknowledged {
    fn add(&self, change: impl FnOnce(&mut State)) {
        self.with(change);
        self.grown.notify_one();
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counts(&self) -> (usize, usize) {
        self.with(|state| (state.principals.len(), state.exchanges.len()))
    }

    fn count(&self) -> usize {
        let (principals, exchanges) = self.counts();
        principals + exchanges
    }
}

/// A platform that is registered at, loaded, and looked at for what it lost.
struct Books(Site);

impl Books {
    async fn start(&self) -> Running {
        self.0.start().await
    }

    async fn register(&self) {
        let admin = self.0.admin();
        let application = Application {
            name: String::new(),
            ..Application::new("service")
        };
        admin.create_application(&application).await.unwrap();
        let certificate = admin
            .register_certificate(&NewCertificate {
                pem: fixtures::SERVICE_CERTIFICATE.to_owned(),
                client_id: Some("service".to_owned()),
                usage: CertificateUsage::Client,
                kid_alias: None,
            })
            .await
            .unwrap();
        admin.create_principal(&principal("service")).await.unwrap();
        admin
            .create_mapping(&NewMapping {
                certificate: certificate.sha256,
                client_id: "service".to_owned(),
                principal: "service".to_owned(),
                is_default: false,
            })
            .await
            .unwrap();
    }

    /// Writes from several tasks at once until so much is acknowledged. They go on until the answer is dropped.
    async fn load_until(&self, acknowledged: &Arc<Acknowledged>, count: usize) -> JoinSet<()> {
        let admin = self.0.admin();
        admin.whoami().await.unwrap();
        let mut writing = JoinSet::new();
        for _ in 0..WRITERS {
            writing.spawn(create_principals(admin.clone(), acknowledged.clone()));
            let (issuer, transport) = (self.0.issuer().to_owned(), self.0.transport());
            writing.spawn(exchange(issuer, transport, acknowledged.clone()));
        }
        while acknowledged.count() < count {
            tokio::select! {
                () = acknowledged.grown.notified() => {}
                ended = writing.join_next() => panic!("a writer ended before the platform: {ended:?}"),
            }
        }
        writing
    }

    async fn lost(&self, acknowledged: &Acknowledged) -> Lost {
        let (principals, exchanges) =
            acknowledged.with(|state| (state.principals.clone(), state.exchanges.clone()));
        let admin = self.0.admin();
        let present = principals_of(&admin).await;
        let audited = audited_tokens(&admin).await;
        let mut lost = Lost::default();
        lost.principals.extend(
            principals
                .into_iter()
                .filter(|name| !present.contains(name)),
        );
        for Exchange { request, token_id } in exchanges {
            lost.audit_rows += usize::from(!audited.contains(&token_id));
            match wire_form::exchange(&*self.0.transport(), request).await {
                Ok(_) => lost.replays += 1,
                // Where the application itself was lost, the assertion says nothing.
                Err((_, refusal)) => assert!(
                    refusal.reason == Some(Reason::AssertionReplayed)
                        || !present.contains("service"),
                    "{refusal:?}"
                ),
            }
        }
        lost
    }

    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in self.0.store_files() {
            std::fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
        }
        copy
    }

    fn restore(&self, copy: &tempfile::TempDir) {
        for file in self.0.store_files() {
            std::fs::remove_file(file).unwrap();
        }
        for file in std::fs::read_dir(copy.path()).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, self.0.folder().join(file.file_name().unwrap())).unwrap();
        }
    }
}

/// Creates principals until the platform is gone.
async fn create_principals(admin: Admin, acknowledged: Arc<Acknowledged>) {
    loop {
        let name = new_name();
        if admin.create_principal(&principal(&name)).await.is_err() {
            return;
        }
        acknowledged.add(|state| state.principals.push(name));
    }
}

/// Exchanges assertions until the platform is gone.
async fn exchange(issuer: String, transport: Arc<dyn Transport>, acknowledged: Arc<Acknowledged>) {
    let credential = fixtures::service();
    let algorithm = credential.chain().leaf().public_key().algorithms()[0];
    let mut claims = Assertion::client("service", &issuer);
    // So long that a replay after a restart is refused because it is known, not because it is old.
    claims.lifetime = LIFETIME_MAX;
    loop {
        let jti = new_name();
        let now = SystemClock.now();
        let assertion = claims
            .mint(
                credential.chain(),
                &**credential.key(),
                algorithm,
                now,
                &jti,
            )
            .unwrap();
        let request = TokenRequest::ClientCredentials {
            client_id: "service",
            assertion: &assertion,
            scope: None,
            principal: None,
        }
        .to_http(&wire_form::token_endpoint(&issuer));
        let Ok(answer) = transport.send(request.clone()).await else {
            return;
        };
        assert_eq!(
            answer.status(),
            200,
            "{}",
            String::from_utf8_lossy(answer.body())
        );
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let token = inspect(answer["access_token"].as_str().unwrap()).unwrap();
        let token_id = token.claims["jti"].as_str().unwrap().to_owned();
        acknowledged.add(|state| state.exchanges.push(Exchange { request, token_id }));
    }
}

/// A name that nothing here had before.
fn new_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("written-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn principals_of(admin: &Admin) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut page = whole_pages();
    loop {
        let list = admin.principals(&page).await.unwrap();
        names.extend(list.items.into_iter().map(|principal| principal.name));
        page.after = list.next;
        if page.after.is_none() {
            return names;
        }
    }
}

async fn audited_tokens(admin: &Admin) -> BTreeSet<String> {
    let mut tokens = BTreeSet::new();
    let mut page = whole_pages();
    loop {
        let list = admin.audit(&AuditFilter::default(), &page).await.unwrap();
        tokens.extend(list.items.into_iter().filter_map(|entry| entry.token_id));
        page.after = list.next;
        if page.after.is_none() {
            return tokens;
        }
    }
}

fn whole_pages() -> PageRequest {
    let mut page = PageRequest::default();
    page.limit = Some(500);
    page
}

fn principal(name: &str) -> Principal {
    Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: Vec::new(),
        enabled: true,
        password_set_at: None,
    }
}
