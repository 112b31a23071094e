//! What is written down about a session: its beginning, each refresh, what was refused, its end?

use std::net::IpAddr;

use countersign_proto::{time::UnixTime, token::INTERACTIVE_CLIENT_ID};

use crate::store::{NewAuditEntry, Outcome, SessionRow};

/// A login that was completed, and the token that is about to leave.
pub(crate) fn session_started(session: &SessionRow, peer: Option<IpAddr>) -> NewAuditEntry {
    NewAuditEntry {
        token_id: Some(session.jti.clone()),
        ..row(session, "token.issue", peer, session.created_at)
    }
}

/// A counted refresh, and the token that is about to leave.
pub(crate) fn refreshed(
    session: &SessionRow,
    jti: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        token_id: Some(jti.to_owned()),
        ..row(session, "token.refresh", peer, now)
    }
}

/// A refresh by the right key that is not given.
pub(crate) fn refresh_refused(
    session: &SessionRow,
    reason: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        outcome: Outcome::Refused,
        reason: Some(reason.to_owned()),
        ..row(session, "token.refuse", peer, now)
    }
}

/// A refresh token that was presented with a proof by another key.
pub(crate) fn wrong_proof_key(
    session: &SessionRow,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        outcome: Outcome::Refused,
        reason: Some("wrong_proof_key".to_owned()),
        ..row(session, "session.alarm", peer, now)
    }
}

/// The end of a session by one of its own tokens.
pub(crate) fn session_ended(
    session: &SessionRow,
    reason: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        reason: Some(reason.to_owned()),
        ..row(session, "session.end", peer, now)
    }
}

/// The id of the session stands where that of a token does: it is in every refresh token of it.
fn row(
    session: &SessionRow,
    action: &'static str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        actor: INTERACTIVE_CLIENT_ID.to_owned(),
        subject: session.principal.clone(),
        action,
        outcome: Outcome::Ok,
        token_id: Some(session.id.clone()),
        certificate: None,
        address: peer.map(|address| address.to_string()),
        reason: None,
    }
}
