//! Does anybody notice that the nodes of a platform are stopped and started again, one after the other?
//!
//! Two nodes on one PostgreSQL stand behind a balancer that goes by `/readyz` and tries nothing twice.
//! Callers exchange, introspect, refresh and hold the sockets of sign-ins all the while. A call that
//! fails fails the test, the first time.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign::{
    Client, Clock as _, HttpTransport, SystemClock, Transport,
    proto::{
        assertion::Assertion,
        exchange::TokenRequest,
        management::{Application, CertificateUsage, NewCertificate, NewMapping},
        scope::Scope,
        token::Binding,
    },
};
use countersign_server::{
    Rules,
    config::PostgresUrl,
    secrets::Secrets,
    store::{PostgresStore, Store as _},
};
use countersign_testkit::fixtures;
use http::Request;
use serde_json::Value;
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    parts::{
        balancer::ReadyBalancer,
        listener::Listener,
        postgres::Cluster,
        serving::{Running, Site, free_address},
        terminal::Terminal,
    },
    refresh::{
        asking::{self, Heard, Node},
        seed,
    },
    wire_form,
};

/// How often each node is stopped and started.
const ROUNDS: usize = 3;
/// Callers of each kind.
const CALLERS: usize = 2;
/// Calls of each kind that go well before the next node is stopped.
const CALLS: usize = 15;
/// A sign-in's socket is closed because the server stops, and whoever holds it comes back.
const GOING_AWAY: u16 = 1001;

/// Calls that went well, by kind.
#[derive(Default)]
struct Went {
    exchanges: AtomicUsize,
    introspections: AtomicUsize,
    refreshes: AtomicUsize,
    sockets: AtomicUsize,
    grown: Notify,
}

impl Went {
    fn well(&self, kind: &AtomicUsize) {
        kind.fetch_add(1, Ordering::SeqCst);
        self.grown.notify_one();
    }

    fn calls(&self) -> [usize; 3] {
        [&self.exchanges, &self.introspections, &self.refreshes]
            .map(|count| count.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_two_nodes_on_postgresql_are_restarted_one_after_the_other() {
    let cluster = Cluster::shared();
    let store = cluster.url(&cluster.database());
    let addresses = [free_address(), free_address()];
    let mut balancer = ReadyBalancer::start(addresses.to_vec()).await;
    let issuer = format!("http://{}", balancer.address());
    let leaving = "[listen]\nleave_s = 1\n";
    let first = Site::at(addresses[0], &issuer, &store, leaving);
    let secrets = first.folder().join("countersign.secrets");
    let shared = format!("{leaving}[secrets]\nfile = \"{}\"\n", secrets.display());
    // The first makes what the second reads.
    let mut nodes: Vec<Option<Running>> = vec![Some(first.start().await)];
    let second = Site::at(addresses[1], &issuer, &store, &shared);
    nodes.push(Some(second.start().await));
    balancer.sees(2).await;
    let sites = [first, second];

    let went = Arc::new(Went::default());
    let mut calling = callers(&sites[0], &store, &secrets, &went).await;
    for _ in 0..ROUNDS {
        for (node, site) in nodes.iter_mut().zip(&sites) {
            go_on(&went, &mut calling).await;
            let ended = node.take().expect("it runs").terminate().await;
            assert!(ended.success(), "{ended}: {}", site.log());
            balancer.sees(1).await;
            go_on(&went, &mut calling).await;
            *node = Some(site.start().await);
            balancer.sees(2).await;
        }
    }
    go_on(&went, &mut calling).await;
    calling.abort_all();
    while let Some(ended) = calling.join_next().await {
        assert!(
            ended.is_err_and(|error| error.is_cancelled()),
            "a caller failed"
        );
    }
    // Each socket was closed by the node that it was at, and came back, as often as that stopped.
    assert!(went.sockets.load(Ordering::SeqCst) >= ROUNDS);
}

/// Waits until so many more calls of each kind went well. A caller that ends has failed.
async fn go_on(went: &Went, calling: &mut JoinSet<()>) {
    let enough = went.calls().map(|count| count + CALLS);
    while went
        .calls()
        .iter()
        .zip(enough)
        .any(|(now, enough)| *now < enough)
    {
        tokio::select! {
            () = went.grown.notified() => {}
            failed = calling.join_next() => panic!("a call failed: {failed:?}"),
        }
    }
}

async fn callers(site: &Site, store: &str, secrets: &Path, went: &Arc<Went>) -> JoinSet<()> {
    let token = introspector(site).await.token().await.unwrap();
    let bearer = format!("Bearer {}", token.access_token.expose());
    let url = PostgresUrl::parse(store, Path::new("/")).unwrap();
    let store = PostgresStore::open(&url, Rules::default()).await.unwrap();
    let secrets = Secrets::read(secrets).unwrap().unwrap();
    let mut calling = JoinSet::new();
    for caller in 0..CALLERS {
        let issuer = site.issuer().to_owned();
        calling.spawn(exchange(
            issuer.clone(),
            caller,
            transport(),
            Arc::clone(went),
        ));
        calling.spawn(introspect(issuer.clone(), bearer.clone(), Arc::clone(went)));
        let now = SystemClock.now();
        let signed_in = seed::sign_in(&store, &secrets, "admin", 1_000_000, now).await;
        calling.spawn(refresh(issuer.clone(), signed_in, Arc::clone(went)));
        calling.spawn(hold_socket(issuer, Arc::clone(went)));
    }
    store.close().await.unwrap();
    calling
}

/// An application that may introspect.
async fn introspector(site: &Site) -> Client {
    let admin = site.admin();
    let application = Application {
        name: String::new(),
        scopes: vec!["introspect".to_owned()],
        ..Application::new("service")
    };
    admin.create_application(&application).await.unwrap();
    let certificate = NewCertificate {
        pem: fixtures::SERVICE_CERTIFICATE.to_owned(),
        client_id: Some("service".to_owned()),
        usage: CertificateUsage::Client,
        kid_alias: None,
    };
    let certificate = admin.register_certificate(&certificate).await.unwrap();
    let mapping = NewMapping {
        certificate: certificate.sha256,
        client_id: "service".to_owned(),
        principal: "admin".to_owned(),
        is_default: true,
    };
    admin.create_mapping(&mapping).await.unwrap();
    Client::builder(site.issuer(), "service", fixtures::service())
        .transport(site.transport())
        .scope(Scope::parse("introspect").unwrap())
        .build()
        .unwrap()
}

/// As a program has it: connections are kept and used again.
fn transport() -> HttpTransport {
    HttpTransport::builder().no_proxy().build().unwrap()
}

async fn exchange(issuer: String, caller: usize, transport: HttpTransport, went: Arc<Went>) {
    let credential = fixtures::administrator();
    let algorithm = credential.chain().leaf().public_key().algorithms()[0];
    let claims = Assertion::client("countersign-admin", &issuer);
    for number in 0_u64.. {
        let jti = format!("rolling-{caller}-{number:08}");
        let now = SystemClock.now();
        let key = &**credential.key();
        let assertion = claims.mint(credential.chain(), key, algorithm, now, &jti);
        let request = TokenRequest::ClientCredentials {
            client_id: "countersign-admin",
            assertion: &assertion.unwrap(),
            scope: None,
            principal: None,
        };
        let request = request.to_http(&wire_form::token_endpoint(&issuer));
        let answer = transport
            .send(request)
            .await
            .expect("an exchange is answered");
        assert_eq!(
            answer.status(),
            200,
            "{}",
            String::from_utf8_lossy(answer.body())
        );
        went.well(&went.exchanges);
    }
}

async fn introspect(issuer: String, bearer: String, went: Arc<Went>) {
    let transport = transport();
    let token = bearer.trim_start_matches("Bearer ").to_owned();
    loop {
        let request = Request::post(format!("{issuer}/oauth2/introspect"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", &bearer)
            .body(format!("token={token}").into_bytes())
            .unwrap();
        let answer = transport
            .send(request)
            .await
            .expect("an introspection is answered");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["active"], true, "{} {body}", answer.status());
        went.well(&went.introspections);
    }
}

async fn refresh(issuer: String, signed_in: seed::SignedIn, went: Arc<Went>) {
    let node = Node::at(&issuer, Arc::new(transport()));
    let clock = || SystemClock.now();
    let terminal = asking::Terminal::new(signed_in.key, &issuer, vec![node], clock);
    let mut token = signed_in.refresh_token;
    loop {
        match terminal.ask(0, &token).await {
            Heard::Given(given) => token = given.refresh_token,
            other => panic!("a refresh: {other:?}"),
        }
        went.well(&went.refreshes);
    }
}

/// Waits at a socket as a terminal does while a person is at the browser.
async fn hold_socket(issuer: String, went: Arc<Went>) {
    let mut terminal = Terminal::connect(&issuer).await;
    let listener = Listener::start().await;
    let target = Some(listener.target());
    terminal.begin(&[Binding::Loopback], target).await;
    loop {
        let ended = loop {
            if let Err(ended) = terminal.hear().await {
                break ended;
            }
        };
        assert_eq!(ended.code, GOING_AWAY, "{}", terminal.transcript());
        terminal = terminal
            .resume()
            .await
            .unwrap_or_else(|said| panic!("{said:?}"));
        went.well(&went.sockets);
    }
}
