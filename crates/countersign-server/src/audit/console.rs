//! What is written down about somebody at the console: that he came, and that he left?

use std::net::IpAddr;

use countersign_proto::time::UnixTime;

use crate::store::{NewAuditEntry, Outcome, SessionRow};

/// Somebody has signed in to the console.
pub(crate) fn console_entered(session: &SessionRow, browser: Option<IpAddr>) -> NewAuditEntry {
    NewAuditEntry {
        at: session.created_at,
        actor: session.principal.clone(),
        subject: session.principal.clone(),
        action: "session.begin",
        outcome: Outcome::Ok,
        token_id: Some(session.id.clone()),
        certificate: None,
        address: browser.map(|address| address.to_string()),
        reason: Some(session.binding.clone()),
    }
}

/// Somebody has signed out of the console.
pub(crate) fn console_left(
    session: &SessionRow,
    reason: &str,
    browser: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        action: "session.end",
        reason: Some(reason.to_owned()),
        ..console_entered(session, browser)
    }
}
