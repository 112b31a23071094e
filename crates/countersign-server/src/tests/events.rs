//! What is an administrator told, and what not?

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    http::{Method, StatusCode},
    routing::post,
};
use countersign_proto::key::{KeyType, LocalKey};
use tokio::sync::{Mutex, mpsc};

use super::world::{Identity, World};
use crate::{
    config::Webhook,
    events::{self, Event, EventName},
};

/// What was told under this name.
fn told(world: &World, name: EventName) -> Vec<Event> {
    let mut told = world.platform.events().told();
    told.retain(|event| event.name == name);
    told
}

fn counted(world: &World, name: EventName) -> u64 {
    let line = format!("countersign_events_total{{name=\"{}\"}} ", name.as_str());
    let metrics = world.platform.metrics().render();
    let count = metrics.lines().find_map(|found| found.strip_prefix(&line));
    count.unwrap().parse().unwrap()
}

// security.md 67
#[tokio::test]
async fn a_refresh_token_that_comes_again_is_told_once_and_by_its_id() {
    let world = World::new().await;
    let mut terminal = world.terminal("anna").await;
    let first = terminal.refresh_token.clone();
    terminal.refresh(&world).await;
    terminal.refresh(&world).await;
    assert_eq!(told(&world, EventName::RefreshReused), []);
    world.advance(120);
    world.refresh(&terminal.key, &first, "").await;
    world.refresh(&terminal.key, &first, "").await;
    let told = told(&world, EventName::RefreshReused);
    let [event] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(event.subject, "anna");
    assert_eq!(event.token_id.as_deref(), Some(terminal.session.as_str()));
    assert_eq!(event.address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(event.at, world.now());
    assert!(!format!("{event:?}").contains(first.as_str()));
}

#[tokio::test]
async fn another_key_is_told_once_a_minute_and_counted_each_time() {
    let world = World::new().await;
    let terminal = world.terminal("anna").await;
    let thief = LocalKey::generate(KeyType::P256).unwrap().0;
    for _ in 0..3 {
        world.refresh(&thief, &terminal.refresh_token, "").await;
    }
    assert_eq!(told(&world, EventName::RefreshWrongKey).len(), 1);
    assert_eq!(counted(&world, EventName::RefreshWrongKey), 3);
    world.advance(60);
    world.platform.clean_up().await.unwrap();
    assert_eq!(told(&world, EventName::RefreshWrongKey).len(), 2);
    world.platform.clean_up().await.unwrap();
    assert_eq!(told(&world, EventName::RefreshWrongKey).len(), 2);
}

#[tokio::test]
async fn a_client_that_signed_well_and_is_not_believed_is_told_with_its_certificate() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    world.exchange(&assertion, "").await.token();
    assert_eq!(told(&world, EventName::AuthenticationRefused), []);
    let again = world.exchange(&assertion, "").await;
    again.refused("invalid_client", "assertion_replayed");
    let told = told(&world, EventName::AuthenticationRefused);
    let [event] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(event.subject, "orders");
    assert_eq!(event.certificate, Some(identity.id()));
}

#[tokio::test]
async fn who_is_not_recognised_is_told_by_his_source_and_not_by_what_he_sent() {
    let world = World::new().await;
    world.application("orders", &["anna"]).await;
    let stranger = Identity::fresh("stranger");
    let assertion = world.assertion("orders", &stranger);
    world.exchange(&assertion, "").await;
    world.introspect("csn_pat_unknown", "x").await;
    let told = told(&world, EventName::AuthenticationRefused);
    let [event] = told.as_slice() else {
        panic!("one source is one event: {told:?}");
    };
    assert_eq!(event.subject, "oauth2/token");
    assert_eq!(event.address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(event.certificate, None);
    assert_eq!(counted(&world, EventName::AuthenticationRefused), 2);
}

#[tokio::test]
async fn weak_settings_are_told_by_name() {
    let world = World::with(|settings| settings.lab_shared_certificate = true).await;
    assert_eq!(world.platform.events().told(), []);
    events::tell_of_settings(&world.platform);
    let subjects: Vec<String> = told(&world, EventName::SettingsWeak)
        .into_iter()
        .map(|event| event.subject)
        .collect();
    let lax = "limits.failures_per_source_per_minute";
    assert_eq!(subjects, ["lab.shared_certificate", "store.url", lax]);
}

#[tokio::test]
async fn a_token_that_comes_near_its_end_is_told_once() {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let body = serde_json::json!({ "kind": "personal", "name": "ci" });
    let given = world.api(Method::POST, "tokens", &admin, Some(body)).await;
    assert_eq!(given.status, StatusCode::CREATED, "{}", given.json());
    // It lives for 90 days, and is told of 14 days before its end.
    let look = async |last| {
        let platform = &world.platform;
        events::tell_of_tokens(platform, last).await.unwrap();
        (world.now(), told(&world, EventName::TokenExpiresSoon))
    };
    world.advance(76 * 86_400 - 3_600);
    let (before, nothing) = look(None).await;
    assert_eq!(nothing, []);
    world.advance(3_600);
    let (at, found) = look(Some(before)).await;
    let [event] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(event.subject, "admin");
    assert_eq!(event.detail.as_deref(), Some("it ends in 14 days"));
    let row = world.store.token(event.token_id.as_deref().unwrap()).await;
    assert_eq!(row.unwrap().unwrap().name, "ci");
    world.advance(3_600);
    let (_, found) = look(Some(at)).await;
    assert_eq!(found.len(), 1);
}

/// A platform with a receiver that answers with these, then with 204; and what it is sent.
async fn with_receiver(answers: Vec<StatusCode>) -> (World, mpsc::UnboundedReceiver<Bytes>) {
    let (sender, deliveries) = mpsc::unbounded_channel();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let take = move |body: Bytes| async move {
        sender.send(body).unwrap();
        let answer = answers.lock().await.next();
        let location = [("location", "/elsewhere")];
        (answer.unwrap_or(StatusCode::NO_CONTENT), location)
    };
    let elsewhere = || async { StatusCode::OK };
    let router = Router::new()
        .route("/hook", post(take))
        .route("/elsewhere", post(elsewhere).get(elsewhere));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let webhook = Webhook {
        url: url.parse().unwrap(),
        ca_bundle: None,
    };
    let world = World::with(|settings| settings.webhook = Some(webhook)).await;
    (world, deliveries)
}

fn raise(world: &World, id: &str) {
    let event = Event::new(EventName::TokenRevokedUsed, "anders", world.now());
    world.platform.events().raise(event.token(id));
}

fn member(body: &Bytes, name: &str) -> String {
    let event: serde_json::Value = serde_json::from_slice(body).unwrap();
    event[name].as_str().unwrap().to_owned()
}

// security.md 92
#[tokio::test]
async fn a_redirect_is_no_receipt_and_the_same_bytes_are_sent_again() {
    let (world, mut deliveries) = with_receiver(vec![StatusCode::TEMPORARY_REDIRECT]).await;
    raise(&world, "a");
    raise(&world, "b");
    let task = tokio::spawn(events::deliver(world.platform.clone()));
    let first = deliveries.recv().await.unwrap();
    let again = deliveries.recv().await.unwrap();
    assert_eq!(first, again);
    assert_eq!(member(&first, "token_id"), "a");
    let next = deliveries.recv().await.unwrap();
    assert_eq!(member(&next, "token_id"), "b");
    assert!(member(&next, "id") != member(&first, "id"));
    task.abort();
}

#[tokio::test]
async fn what_waits_when_a_server_stops_is_sent_before_it_is_gone() {
    let (world, mut deliveries) = with_receiver(vec![StatusCode::BAD_REQUEST]).await;
    for id in ["a", "b", "c"] {
        raise(&world, id);
    }
    events::deliver_rest(&world.platform).await;
    for id in ["a", "b", "c"] {
        assert_eq!(member(&deliveries.try_recv().unwrap(), "token_id"), id);
    }
    assert!(deliveries.try_recv().is_err());
    let metrics = world.platform.metrics().render();
    for count in ["{outcome=\"delivered\"} 2", "{outcome=\"refused\"} 1"] {
        let line = format!("countersign_event_deliveries_total{count}");
        assert!(metrics.contains(&line), "{metrics}");
    }
}
