//! What do idle terminals cost the platform, and whom do they hinder?
//!
//! The real binary, with a thousand of them; ten thousand are a matter of `scripts/bench sockets`.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use countersign::proto::{
    login::{ClientMessage, ConfirmValue, LoginErrorCode, ServerBody},
    token::Binding,
};
use tokio::task::JoinSet;

use crate::parts::{
    listener::dead_target,
    person::Person,
    serving::Site,
    sign_in::{PASSWORD, World},
    terminal::{Ended, Terminal},
};

/// The limits that the platform has unless told.
const LIMITS: &str = "[limits]\nlogins_per_source = 20\nlogins_per_source_per_minute = 30\n";
const PER_SOURCE: u8 = 20;
const SOURCES: u8 = 50;
/// What one idle terminal may cost, with what its sign-in takes in the cache of the store. Measured: 11.
const KILOBYTES_EACH: u64 = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_terminals_cost_little_and_honest_people_sign_in_meanwhile() {
    let world = World::with_accounts(Site::with("sqlite:platform.db", LIMITS)).await;
    sign_in(&world).await; // whatever is made once
    let before = world.resident_kilobytes();
    let mut opening = JoinSet::new();
    for source in 1..=SOURCES {
        let issuer = world.site().issuer().to_owned();
        opening.spawn(async move {
            let mut terminals = Vec::new();
            for _ in 0..PER_SOURCE {
                let mut terminal = Terminal::connect_from(&issuer, address(source))
                    .await
                    .unwrap();
                terminal
                    .begin(&[Binding::Loopback], Some(dead_target()))
                    .await;
                terminals.push(terminal);
            }
            terminals
        });
    }
    let mut idle: Vec<Terminal> = opening.join_all().await.into_iter().flatten().collect();
    assert_eq!(idle.len(), usize::from(SOURCES) * usize::from(PER_SOURCE));
    let each = world.resident_kilobytes().saturating_sub(before) / idle.len() as u64;
    assert!(each <= KILOBYTES_EACH, "{each} kB for each");

    for _ in 0..3 {
        let signed_in = tokio::time::timeout(Duration::from_secs(10), sign_in(&world)).await;
        assert!(
            signed_in.is_ok(),
            "an honest sign-in takes more than ten seconds"
        );
    }
    // They are there, each of them.
    for terminal in &mut idle {
        terminal.say(ClientMessage::Cancel).await;
    }
    for terminal in &mut idle {
        let (_, ended) = terminal.hear_all().await;
        assert_eq!(ended, Ended { code: 4012 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_source_holds_as_many_sign_ins_as_the_limit_says_and_hinders_no_other() {
    let world = World::with_accounts(Site::with("memory:", LIMITS)).await;
    let issuer = world.site().issuer();
    let mut idle = Vec::new();
    for _ in 0..PER_SOURCE {
        let mut terminal = Terminal::connect_from(issuer, address(1)).await.unwrap();
        terminal
            .begin(&[Binding::Loopback], Some(dead_target()))
            .await;
        idle.push(terminal);
    }
    assert_refused(issuer, address(1)).await;
    let mut other = Terminal::connect_from(issuer, address(2)).await.unwrap();
    other.begin(&[Binding::Loopback], Some(dead_target())).await;

    // One that ends makes room for one; what counts then is how many were tried within a minute.
    for tried in PER_SOURCE + 1..30 {
        idle.pop().expect("one more").cancel().await;
        let mut terminal = Terminal::connect_from(issuer, address(1)).await.unwrap();
        terminal
            .begin(&[Binding::Loopback], Some(dead_target()))
            .await;
        idle.insert(0, terminal);
        assert!(idle.len() == usize::from(PER_SOURCE), "{tried}");
    }
    idle.pop().expect("one more").cancel().await;
    assert_refused(issuer, address(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_whose_terminal_never_says_hello_is_cut() {
    let settings = format!("{LIMITS}[login]\nhello_s = 1\n");
    let world = World::with_accounts(Site::with("memory:", &settings)).await;
    let mut silent = Vec::new();
    for source in 1..=100 {
        let terminal = Terminal::connect_from(world.site().issuer(), address(source)).await;
        silent.push(terminal.unwrap());
    }
    for terminal in &mut silent {
        let (heard, ended) = terminal.hear_all().await;
        assert!(
            matches!(
                heard.as_slice(),
                [ServerBody::Error {
                    code: LoginErrorCode::Expired,
                    ..
                }]
            ),
            "{heard:?}"
        );
        assert_eq!(ended.code, 4008);
    }
    sign_in(&world).await;
}

/// A whole sign-in of alice, from 127.0.0.1.
async fn sign_in(world: &World) {
    let (mut terminal, session) = world
        .terminal(&[Binding::Loopback], Some(dead_target()))
        .await;
    let mut alice = Person::new(world.site().transport());
    alice
        .sign_in(&session.url, "alice", PASSWORD)
        .await
        .unwrap();
    let sent = alice.allow(&session.url).await.unwrap();
    let to = sent.redirect().expect("to the terminal");
    let (_, value) = to.query_pairs().next().expect("a value");
    terminal
        .confirm(ConfirmValue::parse(Binding::Loopback, &value).unwrap())
        .await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
}

async fn assert_refused(issuer: &str, from: IpAddr) {
    let mut refused = Terminal::connect_from(issuer, from).await.unwrap();
    let hello = refused.hello(&[Binding::Loopback], Some(dead_target()));
    refused.say_hello(&hello).await;
    let (heard, ended) = refused.hear_all().await;
    assert!(
        matches!(
            heard.as_slice(),
            [ServerBody::Error {
                code: LoginErrorCode::TooMany,
                ..
            }]
        ),
        "{heard:?}"
    );
    assert_eq!(ended.code, 4029);
}

/// One of the many addresses of loopback.
fn address(source: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, source))
}
