//! Does a login keep its rules, whatever happens to it in which order?

use std::time::Duration;

use countersign_proto::login::LoopbackTarget;

use super::{asked::Claimed, *};

mod table;

mod deadlines;

mod walk;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const PATH: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn after(seconds: u64) -> UnixTime {
    START.plus(Duration::from_secs(seconds))
}

fn target() -> LoopbackTarget {
    LoopbackTarget::new(43_210, PATH).unwrap()
}

fn asked(ways: Ways) -> Asked {
    Asked {
        proof: "thumbprint".to_owned(),
        address: Some("192.0.2.1".parse().unwrap()),
        label: "acid acorn alarm".to_owned(),
        client: Claimed::default(),
        scope: String::new(),
        login_hint: None,
        ways,
    }
}

/// Under the policy `same_device`.
fn same_device() -> Login {
    let ways = Ways::loopback(target(), None);
    Login::begin(asked(ways), LoginTimes::default(), START)
}

/// Where the value may go both ways.
fn both_ways() -> Login {
    let ways = Ways::loopback(target(), Some(Binding::Code));
    Login::begin(asked(ways), LoginTimes::default(), START)
}

fn seen() -> Seen {
    Seen {
        address: Some("192.0.2.2".parse().unwrap()),
        user_agent: "a browser".to_owned(),
    }
}

fn identity(principal: &str) -> Identity {
    Identity {
        principal: principal.to_owned(),
        name: principal.to_uppercase(),
        provider: "built-in".to_owned(),
        subject: principal.to_owned(),
    }
}

fn release(binding: Binding, digest: &str) -> Release {
    Release::new(binding, format!("nonce of {digest}"), digest.to_owned())
}

/// What happened since `seq`, but for what stands in the events.
fn told(login: &Login, seq: u64) -> Vec<&'static str> {
    login
        .events_after(seq)
        .map(|numbered| match numbered.event {
            Event::Session => "session",
            Event::Opened { .. } => "opened",
            Event::SignedIn { .. } => "signed_in",
            Event::NeedConfirm { .. } => "need_confirm",
            Event::ValueExpired => "value_expired",
            Event::ConfirmResult { ok: true, .. } => "confirmed",
            Event::ConfirmResult { ok: false, .. } => "not_confirmed",
            Event::Identity(_) => "identity",
            Event::Token => "token",
            Event::Bye => "bye",
            Event::Ended(end) => end.reason(),
        })
        .collect()
}
