//! Is an assertion good for one token only, whatever happens?

use countersign_proto::assertion::Assertion;
use futures_util::future::join_all;
use serde_json::json;

use super::world::{ISSUER, World};
use crate::store::{JtiPurpose, JtiRecord};

// security.md 36, B2
#[tokio::test]
async fn an_assertion_is_accepted_once() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    world.exchange(&assertion, "").await.token();
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
}

#[tokio::test]
async fn a_cleanup_goes_on_until_nothing_is_left_that_is_over() {
    let world = World::new().await;
    // More than it forgets at a time.
    for number in 0..100 {
        let record = JtiRecord {
            client_id: "orders".to_owned(),
            purpose: JtiPurpose::Proof,
            jti: format!("over-{number}"),
            forget_after: world.now(),
        };
        world.store.record_jti(record).await.unwrap();
    }
    world.advance(1);
    world.platform.clean_up().await.unwrap();
    assert_eq!(world.store.cleanup(world.now(), 1).await.unwrap(), 0);
}

// security.md B2
#[tokio::test]
async fn of_a_thousand_copies_at_once_exactly_one_is_accepted() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    let answers = join_all((0..1000).map(|_| world.exchange(&assertion, ""))).await;
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status.is_success())
            .count(),
        1
    );
}

// security.md B2, B5
#[tokio::test]
async fn a_clock_that_steps_back_revives_no_assertion() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    world.exchange(&assertion, "").await.token();
    world.advance(60);
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
    world.set_back(60);
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
}

// security.md B2, B3
#[tokio::test]
async fn a_record_outlives_the_assertion_and_is_then_forgotten() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    world.exchange(&assertion, "").await.token();
    // exp is 55 s ahead, and the leeway is 10 s: at its very end it is still a replay.
    world.advance(64);
    world.platform.clean_up().await.unwrap();
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
    world.advance(10);
    world.platform.clean_up().await.unwrap();
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "clock_skew");
}

// security.md B2
#[tokio::test]
async fn another_platform_on_the_same_store_refuses_it_too() {
    let world = World::with_secrets_file().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    world.exchange(&assertion, "").await.token();
    let second = world.beside(world.platform.settings().clone()).await;
    second
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
}

// security.md B3
#[tokio::test]
async fn nothing_is_recorded_for_an_assertion_that_is_not_believed() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let mut claims = world.claims("orders");
    claims["aud"] = json!("https://other.example");
    let wrong = world.sign_raw(json!({}), &claims, &identity);
    world
        .exchange(&wrong, "")
        .await
        .refused("invalid_client", "wrong_audience");
    claims["aud"] = json!(ISSUER);
    let right = world.sign_raw(json!({}), &claims, &identity);
    world.exchange(&right, "").await.token();
}

// security.md 36
#[tokio::test]
async fn the_same_jti_of_another_client_is_another_assertion() {
    let world = World::new().await;
    let orders = world.application("orders", &["anna"]).await;
    let billing = world.application("billing", &["bert"]).await;
    for (client, identity) in [("orders", &orders), ("billing", &billing)] {
        let minted = Assertion::client(client, ISSUER)
            .mint(
                &identity.chain,
                &identity.key,
                identity.algorithm(),
                world.now(),
                "the-same-jti",
            )
            .unwrap();
        world.exchange(minted.expose(), "").await.token();
    }
}
