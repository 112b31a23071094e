//! Is it told that a certificate ends: in time, once, and only where somebody has to do something?

use std::sync::Arc;

use countersign_proto::certificate::Certificate;

use super::{
    clock::HandClock,
    world::{ISSUER, Identity, NOW, World, application},
};
use crate::{
    Rules,
    config::Settings,
    events::{self, EventName},
    store::{self, MemoryStore, SqliteStore, Store},
};

const DAY: u64 = 86_400;

/// What the nodes of a platform have in common besides the store.
struct Site {
    clock: Arc<HandClock>,
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        Site {
            clock: Arc::new(HandClock::turned_by_hand()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn node(&self, store: &Arc<dyn Store>) -> World {
        let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
        settings.secrets_file = Some(self.folder.path().join("secrets"));
        World::at(settings, Arc::clone(store), Arc::clone(&self.clock)).await
    }
}

/// What each look of a node adds to what it tells of certificates.
async fn look(node: &World, listener: Option<&Certificate>) -> Vec<(String, String)> {
    node.platform.refresh_registry().await.unwrap();
    let before = told(node).len();
    events::tell_of_certificates(&node.platform, listener)
        .await
        .unwrap();
    told(node).split_off(before)
}

fn told(node: &World) -> Vec<(String, String)> {
    let events = node.platform.events().told();
    events
        .into_iter()
        .filter(|event| event.name == EventName::CertificateExpiresSoon)
        .map(|event| (event.subject, event.detail.unwrap_or_default()))
        .collect()
}

/// `orders` with a certificate that ends in so many days.
async fn orders(world: &World, days: u64) -> Identity {
    let identity = ending("orders", world, days);
    world
        .application_of(application("orders"), &identity, &["anna"])
        .await;
    identity
}

fn ending(name: &str, world: &World, days: u64) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let mut subject = rcgen::DistinguishedName::new();
    subject.push(rcgen::DnType::CommonName, name);
    parameters.distinguished_name = subject;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let end = world.now().as_secs() + days * DAY;
    parameters.not_after = epoch + std::time::Duration::from_secs(end);
    let pem = parameters.self_signed(&key).unwrap().pem();
    Identity::read(&pem, &key.serialize_pem())
}

/// Registers one more certificate of `orders`, and maps it to these principals.
async fn second(world: &World, identity: &Identity, principals: &[&str]) {
    world.register("orders", identity).await;
    for principal in principals {
        world.map("orders", identity, principal).await;
    }
}

/// Looks every hour from 40 days before the end to 3 days after it, with both nodes in turn, of which
/// each starts anew every now and then. What was told, and in which hour before the end.
async fn told_of_one_end(store: Arc<dyn Store>) -> Vec<(String, i64)> {
    let site = Site::new();
    let mut nodes = [site.node(&store).await, site.node(&store).await];
    let identity = orders(&nodes[0], 40).await;
    let mut all = Vec::new();
    for hour in 0..43 * 24_i64 {
        let at = usize::try_from(hour).unwrap();
        if at % 50 == 49 {
            nodes[at % 2] = site.node(&store).await;
        }
        for node in &nodes {
            for (subject, _) in look(node, None).await {
                all.push((subject, 40 * 24 - hour));
            }
        }
        nodes[0].advance(3_600);
    }
    assert_eq!(identity.chain.leaf().not_after().as_secs(), NOW + 40 * DAY);
    all
}

fn five() -> Vec<(String, i64)> {
    [30, 14, 7, 1, 0]
        .map(|days| ("orders".to_owned(), days * 24))
        .to_vec()
}

#[tokio::test]
async fn two_nodes_that_restart_tell_of_an_end_five_times_in_all_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("a.db"), Rules::default()).await;
    assert_eq!(told_of_one_end(Arc::new(store.unwrap())).await, five());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_restart_tell_of_an_end_five_times_in_all_on_postgresql() {
    let [store, _other] = store::two_on_postgresql().await;
    assert_eq!(told_of_one_end(store).await, five());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_that_look_at_once_one_tells_on_postgresql() {
    let site = Site::new();
    let [here, there] = store::two_on_postgresql().await;
    let nodes = [site.node(&here).await, site.node(&there).await];
    orders(&nodes[0], 20).await;
    for days in [1, 9, 5, 5] {
        nodes[0].advance(days * DAY);
        let (one, other) = tokio::join!(look(&nodes[0], None), look(&nodes[1], None));
        assert_eq!(one.len() + other.len(), 1, "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn what_was_told_before_a_restart_is_not_told_after_it_on_sqlite() {
    let site = Site::new();
    let file = site.folder.path().join("a.db");
    for expected in [1, 0, 0] {
        let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let node = site.node(&store).await;
        if expected == 1 {
            orders(&node, 20).await;
        }
        assert_eq!(look(&node, None).await.len(), expected);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_jumps_tells_the_most_urgent_and_one_that_is_set_back_nothing_twice() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Rules::default()));
    let site = Site::new();
    let clock = &site.clock;
    let node = site.node(&store).await;
    orders(&node, 40).await;
    let mut counts = Vec::new();
    // 35 days on the most urgent is the one of seven days. Back at 12 days that of 30 days is due, and at
    // 35 days nothing that was not told.
    let mut today = 0;
    for day in [0, 35, 12, 35, 39, 41, 39] {
        match day > today {
            true => clock.advance((day - today) * DAY),
            false => clock.set_back((today - day) * DAY),
        }
        today = day;
        let told = look(&node, None).await;
        counts.extend(told.into_iter().map(|(_, detail)| detail));
    }
    assert_eq!(
        counts,
        [
            "it ends in 5 days",
            "it ends in 28 days",
            "it ends in 1 days",
            "it has ended"
        ]
    );
}

#[tokio::test]
async fn a_certificate_that_was_revoked_is_told_of_no_more() {
    let world = World::new().await;
    let identity = orders(&world, 20).await;
    assert_eq!(look(&world, None).await.len(), 1);
    world.revoke(&identity).await;
    for _ in 0..25 {
        world.advance(DAY);
        assert_eq!(look(&world, None).await, []);
    }
}

#[tokio::test]
async fn a_certificate_that_was_replaced_is_told_of_only_while_it_is_used() {
    let world = World::new().await;
    let old = orders(&world, 20).await;
    let sign = async || {
        let assertion = world.assertion("orders", &old);
        world.exchange(&assertion, "").await.token();
    };
    sign().await;
    let new = ending("orders", &world, 400);
    second(&world, &new, &["anna"]).await;
    world.advance(DAY);
    let told = look(&world, None).await;
    let expected = "it ends in 19 days; a newer one is there, and this one is still used";
    assert_eq!(told, [("orders".to_owned(), expected.to_owned())]);
    // Nobody has used it for a week.
    world.advance(8 * DAY);
    assert_eq!(look(&world, None).await, []);
    world.advance(6 * DAY);
    assert_eq!(look(&world, None).await, []);
    // Somebody does again.
    sign().await;
    assert_eq!(look(&world, None).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_do_all_that_a_certificate_does_has_not_replaced_it() {
    let world = World::new().await;
    let identity = ending("orders", &world, 20);
    world
        .application_of(application("orders"), &identity, &["anna", "bert"])
        .await;
    let of_another_machine = ending("orders-2", &world, 400);
    second(&world, &of_another_machine, &["anna", "bert"]).await;
    let of_one_principal = ending("orders", &world, 400);
    second(&world, &of_one_principal, &["anna"]).await;
    let that_ends_sooner = ending("orders", &world, 19);
    second(&world, &that_ends_sooner, &["anna", "bert"]).await;
    let told = look(&world, None).await;
    assert!(
        told.contains(&("orders".to_owned(), "it ends in 20 days".to_owned())),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_certificate_of_the_listener_is_not_registered_and_is_told_of() {
    let world = World::new().await;
    let listener = ending("platform", &world, 6);
    let leaf = listener.chain.leaf();
    let told = look(&world, Some(leaf)).await;
    assert_eq!(
        told,
        [("tls.certificate".to_owned(), "it ends in 6 days".to_owned())]
    );
    assert_eq!(look(&world, Some(leaf)).await, []);
}
