//! Is one assertion worth exactly one token, however often and wherever it is sent?

use std::{path::Path, sync::Arc, time::Duration};

use countersign::proto::oauth_error::Reason;
use countersign_server::config::{Settings, StoreUrl};
use countersign_testkit::{ManualClock, TestPlatform, fixtures};
use http::Request;

use crate::wire_form;

const COPIES: usize = 1000;

fn on_disk(folder: &Path) -> Settings {
    let mut settings = TestPlatform::settings();
    settings.store = StoreUrl::Sqlite(folder.join("platform.db"));
    settings.secrets_file = Some(folder.join("secrets"));
    settings
}

/// Sends copies of one request at once. How many got a token; everybody else is told `assertion_replayed`.
async fn tokens_for(platform: &TestPlatform, request: &Request<Vec<u8>>, copies: usize) -> usize {
    let wire = wire_form::wire(platform);
    let sending: Vec<_> = (0..copies)
        .map(|_| {
            let (wire, request) = (Arc::clone(&wire), request.clone());
            tokio::spawn(async move { wire_form::exchange(&*wire, request).await })
        })
        .collect();
    let mut tokens = 0;
    for answer in sending {
        match answer.await.unwrap() {
            Ok(_) => tokens += 1,
            Err((_, refusal)) => assert_eq!(refusal.reason, Some(Reason::AssertionReplayed)),
        }
    }
    tokens
}

async fn request(platform: &TestPlatform, jti: &str) -> Request<Vec<u8>> {
    let assertion = wire_form::mint(platform, "service", &fixtures::service(), jti);
    wire_form::client_credentials(platform, "service", &assertion)
}

// security.md 36
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_assertion_sent_a_thousand_times_at_once_gives_one_token() {
    let folder = tempfile::tempdir().unwrap();
    let memory = TestPlatform::settings();
    for settings in [memory, on_disk(folder.path())] {
        let platform = TestPlatform::with_settings(settings, ManualClock::default())
            .await
            .unwrap();
        platform.application("service").register().await.unwrap();
        let request = request(&platform, "sent a thousand times").await;
        assert_eq!(tokens_for(&platform, &request, COPIES).await, 1);
    }
}

// security.md 36
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_assertion_gives_one_token_across_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let before = TestPlatform::with_settings(on_disk(folder.path()), clock.clone())
        .await
        .unwrap();
    before.application("service").register().await.unwrap();
    let request = request(&before, "sent before and after").await;
    let first = tokens_for(&before, &request, COPIES / 2).await;
    before.platform().close().await.unwrap();
    drop(before);

    // The clock was set back meanwhile: the record must live as long as the assertion does.
    clock.set(clock.now().minus(Duration::from_secs(30)));
    let after = TestPlatform::with_settings(on_disk(folder.path()), clock)
        .await
        .unwrap();
    let second = tokens_for(&after, &request, COPIES / 2).await;
    assert_eq!((first, second), (1, 0));
}

#[tokio::test]
async fn the_same_jti_of_another_client_is_another_assertion() {
    let platform = TestPlatform::new().await.unwrap();
    platform.application("service").register().await.unwrap();
    platform
        .application("other")
        .credential(fixtures::service_rsa())
        .register()
        .await
        .unwrap();
    for (client_id, credential) in [
        ("service", fixtures::service()),
        ("other", fixtures::service_rsa()),
    ] {
        let assertion = wire_form::mint(&platform, client_id, &credential, "the same for both");
        let request = wire_form::client_credentials(&platform, client_id, &assertion);
        wire_form::exchange(platform.wire(), request).await.unwrap();
    }
}

#[tokio::test]
async fn an_assertion_that_was_not_believed_does_not_use_up_its_jti() {
    let platform = TestPlatform::new().await.unwrap();
    platform.application("service").register().await.unwrap();
    // By a key that is not registered for the client.
    let assertion = wire_form::mint(
        &platform,
        "service",
        &fixtures::service_rsa(),
        "used by a thief",
    );
    let stolen = wire_form::client_credentials(&platform, "service", &assertion);
    wire_form::exchange(platform.wire(), stolen)
        .await
        .unwrap_err();
    let request = request(&platform, "used by a thief").await;
    wire_form::exchange(platform.wire(), request).await.unwrap();
}
