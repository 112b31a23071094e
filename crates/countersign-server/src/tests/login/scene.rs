//! What do these tests stand on? A platform, people who are registered, terminals and browsers.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use countersign_proto::{
    key::{KeyType, LocalKey},
    login::LoginErrorCode,
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tower::ServiceExt as _;

use super::{
    browser::Browser,
    provider::Believing,
    terminal::{Offer, Terminal},
};
use crate::{
    Platform, Rules,
    config::{BindingPolicy, Settings},
    store::{MemoryStore, Store},
    tests::{
        clock::HandClock,
        world::{ISSUER, World},
    },
};

/// Where terminals and browsers are, unless a test says otherwise.
pub(super) const TERMINAL: &str = "192.0.2.10";
pub(super) const BROWSER: &str = "192.0.2.20";

/// A platform whose provider believes everybody. Anna and Bert are registered.
///
/// Its clock is Tokio's, and every connection is in memory: with a paused clock nothing waits and
/// nothing happens by chance.
pub(super) struct Scene {
    pub(super) world: World,
}

impl Scene {
    /// Under the policy `same_device`.
    pub(super) async fn new() -> Scene {
        Scene::with(|_| {}).await
    }

    /// Where a code is permitted.
    pub(super) async fn with_codes() -> Scene {
        Scene::with(|settings| settings.session.binding = BindingPolicy::Code).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Scene {
        let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
        settings.limits.per_source_per_minute = 100_000;
        settings.limits.failures_per_source_per_minute = 100_000;
        settings.limits.logins_per_source = 1000;
        settings.limits.logins_per_source_per_minute = 1000;
        change(&mut settings);
        let store = Arc::new(MemoryStore::new(Rules::default()));
        let clock = Arc::new(HandClock::turned_by_tokio());
        let scene = Scene::on(settings, store, clock).await;
        for name in ["anna", "bert"] {
            scene.world.principal(name, &["Reader"]).await;
        }
        scene
    }

    pub(super) async fn on(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Arc<HandClock>,
    ) -> Scene {
        let platform = Platform::with_store(settings, store, clock.clone())
            .await
            .unwrap()
            .asking(Arc::new(Believing));
        Scene {
            world: World::around(platform, clock),
        }
    }

    /// A terminal that has begun a sign-in and listens.
    pub(super) async fn terminal(&self) -> Terminal {
        Terminal::begin(self, new_key(), Offer::default()).await
    }

    /// One that offers this.
    pub(super) async fn terminal_that(&self, offer: Offer) -> Terminal {
        Terminal::begin(self, new_key(), offer).await
    }

    pub(super) fn browser(&self) -> Browser {
        Browser::new(self.world.router.clone(), BROWSER)
    }

    /// A browser in which somebody has signed in for this terminal.
    pub(super) async fn signed_in(&self, terminal: &Terminal, name: &str) -> Browser {
        let mut browser = self.browser();
        browser.sign_in(terminal, name).await;
        browser
    }

    /// A terminal whose sign-in somebody has allowed over loopback, and the value that was brought.
    pub(super) async fn allowed(&self, terminal: &mut Terminal, name: &str) -> String {
        let mut browser = self.signed_in(terminal, name).await;
        let value = browser.allow(terminal).await;
        terminal.until("need_confirm").await;
        value
    }

    /// A connection to the platform's router.
    pub(super) fn connect(&self, peer: &str) -> DuplexStream {
        serve(self.world.router.clone(), peer.parse().unwrap())
    }

    /// What a terminal is told that offers this and gets no sign-in.
    pub(super) async fn refused(&self, offer: Offer) -> LoginErrorCode {
        Terminal::refused(self, &new_key(), offer).await
    }
}

pub(super) fn new_key() -> Arc<LocalKey> {
    Arc::new(LocalKey::generate(KeyType::P256).unwrap().0)
}

/// Serves one connection of HTTP/1.1 in memory.
fn serve(router: Router, peer: IpAddr) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let address = SocketAddr::new(peer, 40_000);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().oneshot(request.map(Body::new))
    });
    tokio::spawn(async move {
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(theirs), service)
            .with_upgrades();
        let _ = connection.await;
    });
    ours
}
