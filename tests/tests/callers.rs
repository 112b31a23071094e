//! What do ten thousand callers of one client cost?

use std::time::Duration;

use countersign_testkit::{Fault, Pair};

use crate::wire_form::TOKEN;

const CALLERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_callers_of_a_cold_client_make_one_request() {
    let Pair {
        client,
        wire,
        clock,
        ..
    } = Pair::new().await.unwrap();
    // Discovery and the token request both wait, so that every caller comes while they are under way.
    wire.next(Fault::Delay(Duration::from_secs(1)));
    wire.next(Fault::Delay(Duration::from_secs(1)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.token().await })
        })
        .collect();
    let turning = tokio::spawn({
        let wire = wire.clone();
        async move {
            // Turn the clock whenever a request waits on the wire, until both have passed.
            while wire.requests() < 2 {
                clock.until_sleeping(1).await;
                clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(1));
        }
    });
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap().unwrap().access_token.clone());
    }
    turning.await.unwrap();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(tokens.len(), CALLERS);
    assert_eq!((wire.requests_to(TOKEN), wire.requests()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_wait_for_a_failure_all_get_it_and_the_next_one_tries_again() {
    let Pair { client, wire, .. } = Pair::new().await.unwrap();
    wire.always(Fault::Answer {
        status: 401,
        body: r#"{"error":"invalid_client"}"#.to_owned(),
    });
    client.token().await.unwrap_err();
    wire.heal();
    client.token().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_of_an_ageing_token_make_one_request_and_none_waits_for_it() {
    let Pair {
        client,
        wire,
        clock,
        ..
    } = Pair::new().await.unwrap();
    client.token().await.unwrap();
    clock.advance(Duration::from_secs(880));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.token().await })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(wire.requests_to(TOKEN), 2);
}
