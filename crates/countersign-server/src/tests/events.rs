//! What is an administrator told, and what not?

use countersign_proto::key::{KeyType, LocalKey};

use super::world::World;
use crate::events::{Event, EventName};

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
