//! When may a token that names a key which is not there cause a fetch, and how is it refused?

use std::time::Duration;

use countersign_proto::jwt::Signer;
use serde_json::json;

use crate::{
    Clock as _,
    discovery::Discovery,
    fetch::Wire,
    keys::{Asked, Keys, Want},
    scripted::*,
};

const KEYS: &str = "/jwks.json";

#[tokio::test]
async fn an_issuer_may_rotate_again_at_once() {
    let signers: Vec<Signer> = (0..5).map(|_| signer()).collect();
    let (guard, issuer, clock) = setting(&signers[0]);
    for signer in &signers[..4] {
        issuer.publish(&[signer]);
        assert_eq!(word(&guard, &long(signer)).await, "believed");
    }
    assert_eq!(issuer.count(KEYS), 4);
    issuer.publish(&[&signers[4]]);
    // It may be good, and cannot be judged now.
    let head = bearer(&long(&signers[4]));
    let refused = guard.check(&head).await.unwrap_err();
    assert_eq!(refused.word(), "unavailable");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(5)));
    assert_eq!(issuer.count(KEYS), 4);
    clock.advance(Duration::from_secs(5));
    assert_eq!(word(&guard, &long(&signers[4])).await, "believed");
}

// What a token claims decides only how it is refused.
#[tokio::test]
async fn a_key_that_is_not_there_is_called_bad_only_when_it_cannot_be_newer() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    assert_eq!(word(&guard, &long(&signer)).await, "believed");
    clock.advance(Duration::from_secs(100));
    let key = key();
    let of = |claims: serde_json::Value| {
        let mut all = json!({"iss": ISSUER, "aud": API, "sub": "mallory", "exp": NOW + 9_000});
        let members = all.as_object_mut().unwrap();
        members.extend(claims.as_object().unwrap().clone());
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "stranger"});
        forged(&header, &all, &key)
    };
    // Asked for each, as long as that is permitted.
    let young = of(json!({"iat": NOW + 100}));
    for _ in 0..4 {
        assert_eq!(word(&guard, &young).await, "key");
    }
    // Of what was issued up to 10 s before the issuer was last asked, or at no time, nobody knows now.
    for (claims, wanted) in [
        (json!({"iat": NOW + 100}), "unavailable"),
        (json!({"iat": NOW + 91}), "unavailable"),
        (json!({}), "unavailable"),
        (json!({"iat": NOW + 90}), "key"),
        (json!({"iat": 0}), "key"),
    ] {
        assert_eq!(word(&guard, &of(claims.clone())).await, wanted, "{claims}");
    }
    let fetched = issuer.count(KEYS);
    clock.advance(Duration::from_secs(5));
    assert_eq!(word(&guard, &young).await, "key");
    assert_eq!(issuer.count(KEYS), fetched + 1);
}

#[tokio::test]
async fn keys_are_fetched_when_that_is_wanted_and_permitted() {
    let issuer = ScriptedIssuer::new(&[&signer()]);
    let clock = TestClock::new();
    let discovery = Discovery::new(ISSUER.into(), ISSUER.parse().unwrap());
    let wire = Wire {
        transport: issuer.clone(),
        clock: clock.clone(),
    };
    let keys = Keys::new();
    let mut asked = Vec::new();
    for want in [Want::Newer, Want::Newer, Want::Missing, Want::Newer] {
        asked.push(keys.refresh(&discovery, &wire, want).await);
    }
    assert_eq!(asked, [Asked::Now, Asked::Not, Asked::Now, Asked::Not]);
    for _ in 0..10 {
        keys.refresh(&discovery, &wire, Want::Missing).await;
    }
    assert_eq!(issuer.count(KEYS), 1 + 4);
    assert_eq!(keys.permitted_in(clock.elapsed()), Duration::from_secs(5));
}

// The answer that was under way may be from before the rotation.
#[tokio::test]
async fn a_caller_that_comes_while_somebody_asks_is_not_judged_by_an_old_answer() {
    let (old, new) = (signer(), signer());
    let (guard, issuer, _) = setting(&old);
    assert_eq!(word(&guard, &long(&old)).await, "believed");
    issuer.hold(true);
    let call = |token: String| {
        let guard = guard.clone();
        tokio::spawn(async move { guard.check(&bearer(&token)).await })
    };
    let stranger = call(long(&signer()));
    while issuer.count(KEYS) < 2 {
        tokio::task::yield_now().await;
    }
    // What that one will be answered was said before this.
    issuer.publish(&[&old, &new]);
    let calls: Vec<_> = (0..20).map(|_| call(long(&new))).collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    issuer.hold(false);
    assert_eq!(stranger.await.unwrap().unwrap_err().word(), "key");
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(issuer.count(KEYS), 3);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_makes_a_bounded_number_of_fetches() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    assert_eq!(word(&guard, &long(&signer)).await, "believed");
    let strangers: Vec<String> = (0..20).map(|_| long(&crate::scripted::signer())).collect();
    // They were signed long before the issuer was last asked: it has no such key.
    clock.advance(Duration::from_secs(11));
    assert_eq!(word(&guard, &strangers[0]).await, "key");
    // A minute with two hundred a second, all of them at once.
    for _ in 0..600 {
        let calls: Vec<_> = strangers
            .iter()
            .map(|text| {
                let (guard, head) = (guard.clone(), bearer(text));
                tokio::spawn(async move { guard.check(&head).await })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap_err().word(), "key");
        }
        clock.advance(Duration::from_millis(100));
    }
    let fetched = issuer.count(KEYS);
    // The first, a burst of 4, and one each 5 s.
    assert!((12..=17).contains(&fetched), "{fetched}");
    // Until the next one is permitted nobody waits for anything.
    assert!(guard.check(&bearer(&strangers[0])).await.is_err());
    let judged = guard.check_at_once(&bearer(&strangers[1]));
    assert_eq!(judged.expect("an answer").unwrap_err().word(), "key");
    assert_eq!(word(&guard, &long(&signer)).await, "believed");
}
