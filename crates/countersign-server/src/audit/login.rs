//! What is written down about a sign-in through a browser? Never a value, a handle or an id of it.

use std::net::IpAddr;

use countersign_proto::{time::UnixTime, token::Binding};

use crate::store::{NewAuditEntry, Outcome};

/// Somebody has signed in at a browser. There is no token yet.
pub(crate) fn login_signed_in(
    principal: &str,
    browser: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    entry("login.sign_in", principal, browser, now)
}

/// Somebody has allowed a terminal to act in his name.
pub(crate) fn login_allowed(
    principal: &str,
    binding: Binding,
    browser: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        reason: Some(binding.name().to_owned()),
        ..entry("login.allow", principal, browser, now)
    }
}

/// Somebody says that he did not start this. Who has not signed in is nobody.
pub(crate) fn login_reported(
    principal: &str,
    browser: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        outcome: Outcome::Refused,
        reason: Some("reported".to_owned()),
        ..entry("login.report", principal, browser, now)
    }
}

/// Somebody was recognised, and there is no token for him.
pub(crate) fn login_refused(
    principal: &str,
    reason: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        outcome: Outcome::Refused,
        reason: Some(reason.to_owned()),
        ..entry("login.refuse", principal, peer, now)
    }
}

/// A session that was made for a terminal which never said that it has the token.
pub(crate) fn session_never_begun(
    principal: &str,
    session: &str,
    reason: &str,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        actor: "system".to_owned(),
        token_id: Some(session.to_owned()),
        reason: Some(reason.to_owned()),
        ..entry("session.end", principal, None, now)
    }
}

fn entry(
    action: &'static str,
    principal: &str,
    address: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    let who = if principal.is_empty() {
        "anonymous"
    } else {
        principal
    };
    NewAuditEntry {
        at: now,
        actor: who.to_owned(),
        subject: who.to_owned(),
        action,
        outcome: Outcome::Ok,
        token_id: None,
        certificate: None,
        address: address.map(|address| address.to_string()),
        reason: None,
    }
}
