//! How much may one source begin, and what do idle sockets cost?

use std::time::Duration;

use countersign_proto::login::LoginErrorCode;

use super::{
    scene::{Scene, TERMINAL},
    terminal::{Offer, Terminal, open, welcomed},
};

fn from(address: &'static str) -> Offer {
    Offer {
        address,
        ..Offer::default()
    }
}

async fn limited(under_way: u64, per_minute: u32) -> Scene {
    Scene::with(|settings| {
        settings.limits.logins_per_source = under_way;
        settings.limits.logins_per_source_per_minute = per_minute;
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_source_has_so_many_under_way_and_no_more() {
    let scene = limited(20, 1000).await;
    let mut terminals = Vec::new();
    for _ in 0..20 {
        terminals.push(scene.terminal().await);
    }
    assert_eq!(
        scene.refused(Offer::default()).await,
        LoginErrorCode::TooMany
    );
    scene.terminal_that(from("192.0.2.11")).await;
    // One that ends makes room.
    let mut first = terminals.remove(0);
    first
        .send(countersign_proto::login::ClientMessage::Cancel)
        .await;
    assert_eq!(first.failed().await, LoginErrorCode::Cancelled);
    scene.terminal().await;
    assert_eq!(
        scene.refused(Offer::default()).await,
        LoginErrorCode::TooMany
    );
    // And so does time.
    tokio::time::sleep(Duration::from_secs(601)).await;
    scene.terminal().await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_gone_for_good_counts_no_more() {
    let scene = limited(1, 1000).await;
    let gone = scene.terminal().await.cut();
    tokio::time::sleep(Duration::from_secs(119)).await;
    assert_eq!(
        scene.refused(Offer::default()).await,
        LoginErrorCode::TooMany
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.terminal().await;
    drop(gone);
}

#[tokio::test(start_paused = true)]
async fn all_sources_together_begin_so_many_a_minute() {
    let scene = Scene::with(|settings| settings.limits.logins_per_minute = 2).await;
    scene.terminal_that(from("192.0.2.11")).await;
    scene.terminal_that(from("192.0.2.12")).await;
    assert_eq!(
        scene.refused(from("192.0.2.13")).await,
        LoginErrorCode::TooMany
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_costs_nothing() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut late = scene.signed_in(&terminal, "anna").await;
    let page = late.review(&terminal).await;
    let form = format!("token={}", super::browser::form_token(&page));
    terminal.until("signed_in").await;
    terminal.waits(121).await;
    for _ in 0..20 {
        let path = format!("{}/allow", terminal.url.path());
        late.post(&path, &form).await;
    }
    let value = scene.allowed(&mut terminal, "bert").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

#[tokio::test(start_paused = true)]
async fn those_who_begin_at_once_are_counted_too() {
    let scene = limited(5, 1000).await;
    let attempts = (0..20).map(|_| async {
        let mut socket = open(&scene, TERMINAL).await;
        let nonce = welcomed(&mut socket).await;
        let hello = super::terminal::hello(&scene, &Offer::default(), nonce);
        let key = super::scene::new_key();
        let jws = hello
            .mint(&*key, scene.world.now(), "jti of a hello")
            .unwrap();
        let message = countersign_proto::login::ClientMessage::Hello { jws };
        super::terminal::send(&mut socket, &message).await;
        let answer = super::terminal::next(&mut socket).await.body;
        (answer.name() == "session").then_some(socket)
    });
    let begun = futures_util::future::join_all(attempts).await;
    assert_eq!(begun.into_iter().flatten().count(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_source_begins_so_many_a_minute_and_no_more() {
    let scene = limited(1000, 30).await;
    for _ in 0..30 {
        scene.terminal().await;
    }
    assert_eq!(
        scene.refused(Offer::default()).await,
        LoginErrorCode::TooMany
    );
    scene.terminal_that(from("192.0.2.11")).await;
}

#[tokio::test(start_paused = true)]
async fn a_network_of_ipv6_is_one_source() {
    let scene = limited(2, 1000).await;
    let mut held: Vec<Terminal> = Vec::new();
    for address in ["2001:db8::1", "2001:db8::2"] {
        held.push(scene.terminal_that(from(address)).await);
    }
    assert_eq!(
        scene.refused(from("2001:db8::3")).await,
        LoginErrorCode::TooMany
    );
    scene.terminal_that(from("2001:db8:0:1::1")).await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_nobody_is_counted_and_no_address_is_shown() {
    let scene = Scene::with(|settings| {
        settings.behind_proxy = true;
        settings.limits.logins_per_source = 1;
        settings.limits.logins_per_source_per_minute = 1;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(scene.terminal().await);
    }
    let mut browser = scene.signed_in(&held[0], "anna").await;
    let page = super::browser::text(&browser.review(&held[0]).await);
    assert!(!page.contains(TERMINAL), "{page}");
    assert_eq!(page.matches("<dd>not known</dd>").count(), 2, "{page}");
}
