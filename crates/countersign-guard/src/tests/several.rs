//! Is a token judged by the one issuer that it names, where several are believed?

use std::{convert::Infallible, sync::Arc, time::Duration};

use countersign_proto::jwt::Signer;
use http::{Request, Response};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{BuildError, Guard, Require, TransportError, scripted::*};

const OTHER: &str = "https://other.example";

struct Two {
    guard: Guard,
    issuers: [Arc<ScriptedIssuer>; 2],
    signers: [Signer; 2],
    clock: Arc<TestClock>,
}

fn two() -> Two {
    let signers = [signer(), signer()];
    let issuers = [
        ScriptedIssuer::named(ISSUER, &[&signers[0]]),
        ScriptedIssuer::named(OTHER, &[&signers[1]]),
    ];
    let clock = TestClock::new();
    let guards = issuers.each_ref().map(|issuer| {
        let builder = builder(issuer, &clock).introspect_with(introspector());
        builder.build().unwrap()
    });
    Two {
        guard: Guard::several(guards).unwrap(),
        issuers,
        signers,
        clock,
    }
}

#[tokio::test]
async fn a_token_is_verified_by_the_keys_of_the_issuer_that_it_names() {
    let Two {
        guard,
        issuers,
        signers,
        ..
    } = two();
    let of = |issuer: &str, signer| built(&token_builder().issuer(issuer), signer);
    let caller = guard.check(&bearer(&of(OTHER, &signers[1]))).await.unwrap();
    assert_eq!(caller.issuer(), OTHER);
    assert_eq!(issuers[0].requests(), 0);
    assert_eq!(word(&guard, &of(ISSUER, &signers[0])).await, "believed");
    // Signed by the one, in the name of the other.
    assert_eq!(word(&guard, &of(ISSUER, &signers[1])).await, "key");
    assert_eq!(word(&guard, &of(OTHER, &signers[0])).await, "key");
    assert_eq!(
        word(&guard, &of("https://third.example", &signers[0])).await,
        "issuer"
    );
}

#[tokio::test]
async fn an_opaque_token_is_asked_of_one_after_the_other() {
    let Two {
        guard,
        issuers,
        clock,
        ..
    } = two();
    let mut answer = active();
    answer["iss"] = json!(OTHER);
    issuers[1].know("theirs", answer);
    let caller = guard.check(&bearer("theirs")).await.unwrap();
    assert_eq!(caller.issuer(), OTHER);
    assert_eq!(
        issuers.each_ref().map(|issuer| issuer.count("/introspect")),
        [1, 1]
    );
    // The one that does not know it is not asked again while the other is known to.
    clock.advance(Duration::from_secs(4));
    assert!(guard.check_at_once(&bearer("theirs")).unwrap().is_ok());
    assert_eq!(word(&guard, "of-nobody").await, "inactive");
    // One that speaks for the other is not believed.
    let mut lie = active();
    lie["iss"] = json!(OTHER);
    issuers[0].know("lie", lie);
    assert_eq!(word(&guard, "lie").await, "inactive");
}

#[tokio::test]
async fn while_one_is_away_a_token_that_it_may_know_is_not_called_bad() {
    let Two { guard, issuers, .. } = two();
    let why = TransportError::Connect("refused".to_owned());
    issuers[0].always(Some(Instead::Fails(why)));
    assert_eq!(word(&guard, "may-be-theirs").await, "unavailable");
    let mut answer = active();
    answer["iss"] = json!(OTHER);
    issuers[1].know("theirs", answer);
    assert_eq!(word(&guard, "theirs").await, "believed");
}

#[test]
fn an_issuer_stands_in_a_guard_once() {
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let guard = || builder(&issuer, &clock).build().unwrap();
    let twice = Guard::several([guard(), guard()]).unwrap_err();
    assert_eq!(twice, BuildError::IssuerTwice(ISSUER.to_owned()));
    assert_eq!(Guard::several([]).unwrap_err(), BuildError::NoIssuer);
}

// A role is a role whichever issuer gave it, unless the route says which.
#[tokio::test]
async fn a_route_can_demand_a_caller_of_one_of_the_issuers() {
    let signers = [signer(), signer()];
    let clock = TestClock::new();
    let guard = |name: &str, signer| {
        let issuer = ScriptedIssuer::named(name, &[signer]);
        builder(&issuer, &clock).build().unwrap()
    };
    let [ours, theirs] = [guard(ISSUER, &signers[0]), guard(OTHER, &signers[1])];
    let all = Guard::several([ours.clone(), theirs]).unwrap();
    let tokens = [
        token(&signers[0]),
        built(&token_builder().issuer(OTHER), &signers[1]),
    ];
    for (by, wanted) in [(&all, [200, 200]), (&ours, [200, 401])] {
        for (token, wanted) in tokens.iter().zip(wanted) {
            let served = service_fn(|_: Request<()>| async {
                Ok::<_, Infallible>(Response::new(String::new()))
            });
            let route = by.require(Require::caller().role("Reader")).layer(served);
            let request = Request::from_parts(bearer(token), ());
            let answer = all.layer().layer(route).oneshot(request).await;
            assert_eq!(answer.unwrap().status(), wanted);
        }
    }
}

// security.md 76: of each, and not of those again that know nothing of it.
#[tokio::test]
async fn what_one_issuer_vouched_for_is_not_asked_of_the_others_again() {
    let Two {
        guard,
        issuers,
        clock,
        ..
    } = two();
    let text = "2YotnFZFEjr1zCsicMWpAA";
    let mut answer = active();
    answer["iss"] = json!(OTHER);
    issuers[1].know(text, answer);
    assert_eq!(word(&guard, text).await, "believed");
    // The first one's word has aged, the second one's has not.
    clock.advance(Duration::from_secs(2));
    assert_eq!(word(&guard, text).await, "believed");
    let asked = issuers.each_ref().map(|issuer| issuer.count("/introspect"));
    assert_eq!(asked, [1, 1]);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_keeps_nobody_from_the_others() {
    let Two {
        guard,
        issuers,
        clock,
        ..
    } = two();
    // Both are known, and then one of them hangs.
    assert_eq!(word(&guard, "nobodys").await, "inactive");
    issuers[0].always(Some(Instead::Hangs));
    let text = "2YotnFZFEjr1zCsicMWpAA";
    let mut answer = active();
    answer["iss"] = json!(OTHER);
    issuers[1].know(text, answer);
    let ask = |text: &str| {
        let (guard, head) = (guard.clone(), bearer(text));
        tokio::spawn(async move { guard.check(&head).await })
    };
    let theirs = ask(text);
    while issuers[0].count("/introspect") < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    // Whoever comes later does not see a token that an earlier one may answer for at once.
    assert_eq!(issuers[1].count("/introspect"), 1);
    clock.advance(Duration::from_secs(1));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(theirs.is_finished());
    assert_eq!(theirs.await.unwrap().unwrap().issuer(), OTHER);

    // What nobody knows may still be of the one that is away.
    let nobodys = ask("another");
    for seconds in [1, 9] {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!nobodys.is_finished());
        clock.advance(Duration::from_secs(seconds));
    }
    assert_eq!(nobodys.await.unwrap().unwrap_err().word(), "unavailable");
}
