//! What do ten thousand callers of one client cost?

use std::{sync::Arc, time::Duration};

use countersign_testkit::{Fault, Pair};
use tokio::sync::Barrier;

use crate::wire_form::TOKEN;

const CALLERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_callers_of_a_cold_client_make_one_request() {
    let Pair { client, wire, .. } = Pair::new().await.unwrap();
    // Discovery and the token request both wait on the wire, so that every caller comes meanwhile.
    wire.always(Fault::Hold);
    let all = Arc::new(Barrier::new(CALLERS));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (client, all) = (client.clone(), all.clone());
            tokio::spawn(async move {
                all.wait().await;
                client.token().await
            })
        })
        .collect();
    for _ in 0..2 {
        wire.until_held(1).await;
        wire.release();
    }
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap().unwrap().access_token.clone());
    }
    assert!(tokens.iter().all(|token| *token == tokens[0]));
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
