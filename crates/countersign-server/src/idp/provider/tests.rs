//! Are documents of a provider fetched seldom, kept long enough, and refused when they are bad?

use countersign_proto::key::{KeyType, LocalKey, SigningKey as _};
use serde_json::{Value, json};

use super::*;
use crate::idp::fixtures::{CONFIGURATION, Fake, JWKS, Reply, changed};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const OAUTH: &str = "/.well-known/oauth-authorization-server";

fn provider(fake: &Fake) -> Provider {
    let outbound = Outbound::new(None, 8).unwrap();
    Provider::new(&fake.issuer, fake.issuer.parse().unwrap(), outbound)
}

fn after(secs: u64) -> UnixTime {
    NOW.plus(Duration::from_secs(secs))
}

/// Once the provider has been asked so often: documents that are old and usable are renewed beside.
async fn asked(fake: &Fake, path: &str, times: usize) {
    let until = async {
        while fake.asked(path).len() < times {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), until).await;
    assert!(
        waited.is_ok(),
        "it was asked {} times",
        fake.asked(path).len()
    );
    assert_eq!(fake.asked(path).len(), times);
}

/// Once a document that was fetched beside is in use.
async fn settled<T>(kept: &Kept<T>, now: UnixTime) {
    let _flight = kept.flight.lock().await;
    assert!(!kept.state().is_due(now));
}

async fn es256(provider: &Provider, kid: Option<&str>, now: UnixTime) -> Result<Jwk, IdpRefusal> {
    provider.key(kid, Algorithm::ES256, now).await
}

#[tokio::test]
async fn a_description_is_fetched_once_an_hour() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    for (at, fetched) in [(0, 1), (1, 1), (3599, 1), (3600, 2), (7199, 2), (7200, 3)] {
        let found = provider.description(after(at)).await.unwrap();
        assert_eq!(found.token_endpoint.path(), "/token");
        asked(&fake, CONFIGURATION, fetched).await;
        settled(&provider.inner.description, after(at)).await;
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_it_look_again() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    provider.description(after(100)).await.unwrap();
    let refused = provider.description(NOW).await;
    assert!(
        refused.is_ok(),
        "what is of the future is not used: {refused:?}"
    );
    assert_eq!(fake.asked(CONFIGURATION).len(), 2);
}

#[tokio::test]
async fn the_document_of_oauth_is_taken_where_there_is_none_of_openid() {
    let fake = Fake::start().await;
    fake.reply(CONFIGURATION, Reply::status(404));
    fake.reply(OAUTH, Reply::json(&fake.description(&json!({}))));
    assert!(provider(&fake).description(NOW).await.is_ok());
    assert_eq!(fake.asked(OAUTH).len(), 1);
}

#[tokio::test]
async fn the_last_good_description_stays_in_use_for_a_day() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    provider.description(NOW).await.unwrap();
    fake.reply(CONFIGURATION, Reply::status(500));
    assert!(provider.description(after(3600)).await.is_ok());
    assert!(provider.description(after(86_399)).await.is_ok());
    let gone = provider.description(after(86_400)).await;
    assert!(matches!(gone, Err(IdpRefusal::Unavailable(_))), "{gone:?}");
}

#[tokio::test]
async fn a_try_that_failed_is_not_repeated_at_once_however_many_ask() {
    let fake = Fake::start().await;
    fake.reply(CONFIGURATION, Reply::status(503));
    let provider = provider(&fake);
    for at in [0, 0, 1, 9] {
        let refused = provider.description(after(at)).await;
        assert!(matches!(refused, Err(IdpRefusal::Unavailable(_))));
    }
    assert_eq!(fake.asked(CONFIGURATION).len(), 1);
    fake.reply(CONFIGURATION, Reply::json(&fake.description(&json!({}))));
    assert!(provider.description(after(10)).await.is_ok());
    assert_eq!(fake.asked(CONFIGURATION).len(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_question() {
    let fake = Fake::start().await;
    let provider = Arc::new(provider(&fake));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let provider = provider.clone();
            tokio::spawn(async move { provider.description(NOW).await.is_ok() })
        })
        .collect();
    for answer in asking {
        assert!(answer.await.unwrap());
    }
    assert_eq!(fake.asked(CONFIGURATION).len(), 1);
}

/// What no provider sends that is well: metadata and keys are held to the same.
fn bad_documents() -> Vec<(&'static str, Reply)> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let members: String = (0..5000).map(|n| format!("\"m{n}\":1,")).collect();
    vec![
        ("empty", Reply::text("")),
        ("no object", Reply::text("[]")),
        ("a page", {
            let mut reply = Reply::text("<html>");
            reply.content_type = "text/html";
            reply
        }),
        ("not said to be JSON", {
            let mut reply = Reply::text("{}");
            reply.content_type = "text/plain";
            reply
        }),
        ("too deep", Reply::text(&format!("{{\"issuer\":{deep}}}"))),
        (
            "too many members",
            Reply::text(&format!("{{{members}\"z\":1}}")),
        ),
        (
            "too long",
            Reply::text(&format!("{{\"x\":\"{}\"}}", "x".repeat(1024 * 1024))),
        ),
        (
            "twice",
            Reply::text(r#"{"issuer":"a","issuer":"b","keys":[],"keys":[]}"#),
        ),
        ("not UTF-8", {
            let mut reply = Reply::text("");
            reply.body = b"{\"issuer\":\"\xff\"}".to_vec();
            reply
        }),
        ("a redirect", {
            let mut reply = Reply::status(302);
            reply.location = Some("http://127.0.0.1:1/elsewhere");
            reply
        }),
        ("forbidden", Reply::status(403)),
        ("no content", Reply::status(204)),
    ]
}

#[tokio::test]
async fn a_description_that_cannot_be_used_is_refused_within_limits() {
    for (what, reply) in bad_documents() {
        let fake = Fake::start().await;
        fake.reply(CONFIGURATION, reply);
        let refused = provider(&fake).description(NOW).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Provider(_))),
            "{what}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_refused_within_limits() {
    let fake = Fake::start().await;
    let own = fake.jwks(&json!({}))["keys"][0].clone();
    let mut bad = bad_documents();
    bad.extend([
        ("no keys", Reply::json(&json!({ "keys": {} }))),
        (
            "a private key",
            Reply::json(&fake.jwks(&json!({ "d": "AAAA" }))),
        ),
        (
            "a secret key",
            Reply::json(&json!({ "keys": [own, { "kty": "oct", "k": "c2VjcmV0", "kid": "two" }] })),
        ),
        (
            "one name twice",
            Reply::json(&json!({ "keys": [own, own] })),
        ),
    ]);
    for (what, reply) in bad {
        let fake = Fake::start().await;
        fake.reply(JWKS, reply);
        let refused = es256(&provider(&fake), Some("one"), NOW).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Provider(_))),
            "{what}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_without_keys_signs_nothing() {
    let fake = Fake::start().await;
    let description = fake.description(&json!({ "jwks_uri": null }));
    fake.reply(CONFIGURATION, Reply::json(&description));
    let refused = es256(&provider(&fake), Some("one"), NOW).await;
    assert!(
        matches!(refused, Err(IdpRefusal::Provider(_))),
        "{refused:?}"
    );
}

// security.md 19, 20
#[tokio::test]
async fn a_key_is_found_by_its_exact_name() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    let found = es256(&provider, Some("one"), NOW).await.unwrap();
    assert_eq!(&found.key, fake.key.public_key());
    for kid in ["One", "one ", "", "../one", "' OR 1=1", "\0"] {
        let refused = es256(&provider, Some(kid), NOW).await;
        assert!(matches!(refused, Err(IdpRefusal::Provider(_))), "{kid:?}");
    }
}

#[tokio::test]
async fn a_token_without_a_name_is_of_the_only_key_that_signs_so() {
    let fake = Fake::start().await;
    let own = fake.jwks(&json!({}))["keys"][0].clone();
    assert!(es256(&provider(&fake), None, NOW).await.is_ok());
    let other = LocalKey::generate(KeyType::P256).unwrap().0;
    let other = Value::Object(countersign_proto::jwk::required_members(other.public_key()));
    let rs256 = changed(own.clone(), &json!({ "kid": "two", "alg": "ES384" }));
    for (keys, found) in [
        (
            json!([own, changed(other.clone(), &json!({ "kid": "two" }))]),
            false,
        ),
        (json!([own, rs256]), true),
        (json!([]), false),
    ] {
        fake.reply(JWKS, Reply::json(&json!({ "keys": keys })));
        let answer = es256(&provider(&fake), None, NOW).await;
        assert_eq!(answer.is_ok(), found, "{keys}: {answer:?}");
    }
}

// security.md 10
#[tokio::test]
async fn a_key_that_names_its_algorithm_signs_by_no_other() {
    let key = LocalKey::from_pem(include_str!(
        "../../../../../testdata/clients/rsa2048/rsa2048.key"
    ))
    .unwrap();
    let fake = Fake::with_key(key).await;
    fake.reply(JWKS, Reply::json(&fake.jwks(&json!({ "alg": "RS256" }))));
    let provider = provider(&fake);
    assert!(
        provider
            .key(Some("one"), Algorithm::RS256, NOW)
            .await
            .is_ok()
    );
    let refused = provider.key(Some("one"), Algorithm::PS256, after(60)).await;
    assert!(matches!(refused, Err(IdpRefusal::Provider(_))));
    let refused = provider
        .key(Some("one"), Algorithm::ES256, after(120))
        .await;
    assert!(matches!(refused, Err(IdpRefusal::Provider(_))));
}

#[tokio::test]
async fn a_name_that_is_not_known_makes_it_look_again_but_not_often() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    assert!(es256(&provider, Some("one"), NOW).await.is_ok());
    // Fetched just now: nothing newer is there.
    assert!(es256(&provider, Some("two"), after(9)).await.is_err());
    assert_eq!(fake.asked(JWKS).len(), 1);
    assert!(es256(&provider, Some("two"), after(10)).await.is_err());
    assert_eq!(fake.asked(JWKS).len(), 2);
    fake.reply(JWKS, Reply::json(&fake.jwks(&json!({ "kid": "two" }))));
    for at in 11..20 {
        assert!(es256(&provider, Some("two"), after(at)).await.is_err());
    }
    assert_eq!(fake.asked(JWKS).len(), 2);
    assert!(es256(&provider, Some("two"), after(20)).await.is_ok());
    assert!(es256(&provider, Some("one"), after(21)).await.is_err());
    assert_eq!(fake.asked(JWKS).len(), 3);
}

#[tokio::test]
async fn the_last_good_keys_stay_in_use_while_they_cannot_be_fetched() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    assert!(es256(&provider, Some("one"), NOW).await.is_ok());
    for reply in [Reply::status(500), Reply::text("nonsense")] {
        fake.reply(JWKS, reply);
        assert!(es256(&provider, Some("one"), after(3600)).await.is_ok());
        assert!(es256(&provider, Some("two"), after(3620)).await.is_err());
        assert!(es256(&provider, Some("one"), after(3640)).await.is_ok());
    }
}

#[tokio::test]
async fn a_slow_provider_slows_nobody_down_who_knows_what_it_said() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    provider.description(NOW).await.unwrap();
    fake.reply(CONFIGURATION, Reply::never());
    for _ in 0..5 {
        assert!(provider.description(after(3600)).await.is_ok());
    }
    asked(&fake, CONFIGURATION, 2).await;
}

#[tokio::test]
async fn who_goes_away_does_not_stop_what_others_wait_for() {
    let fake = Fake::start().await;
    let provider = provider(&fake);
    {
        let first = std::pin::pin!(provider.description(NOW));
        let waker = std::task::Waker::noop();
        let polled = first.poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
    }
    assert!(provider.description(NOW).await.is_ok());
    assert_eq!(fake.asked(CONFIGURATION).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_unavailable() {
    let fake = Fake::start().await;
    fake.reply(CONFIGURATION, Reply::never());
    let refused = provider(&fake).description(NOW).await;
    assert!(
        matches!(refused, Err(IdpRefusal::Unavailable(_))),
        "{refused:?}"
    );
}
