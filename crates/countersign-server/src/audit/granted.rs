//! What is written down about a granted token?

use std::net::IpAddr;

use countersign_proto::time::UnixTime;

use super::changed;
use crate::{
    issuer,
    service::Caller,
    store::{NewAuditEntry, Outcome, TokenRow},
};

/// A change of a token: who made it, to whom the token belongs, and which one it is.
pub(crate) fn granted_token(
    caller: &Caller,
    action: &'static str,
    row: &TokenRow,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        token_id: Some(row.id.clone()),
        ..changed(caller, action, issuer::granted_subject(row), now)
    }
}

/// The first use of a token, by which the one before it ends. Its id is written down; whose
/// they are, both say.
pub(crate) fn granted_first_used(
    row: &TokenRow,
    predecessor: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        token_id: Some(predecessor.to_owned()),
        ..by_holder("granted_token.first_use", row, peer, now)
    }
}

/// A token that was given back by whoever held it.
pub(crate) fn granted_given_back(
    row: &TokenRow,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    by_holder("granted_token.revoke", row, peer, now)
}

/// A token that was used though it is over: `expired` or `revoked`.
pub(crate) fn granted_refused(
    row: &TokenRow,
    reason: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        outcome: Outcome::Refused,
        reason: Some(reason.to_owned()),
        ..by_holder("granted_token.refuse", row, peer, now)
    }
}

fn by_holder(
    action: &'static str,
    row: &TokenRow,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    let subject = issuer::granted_subject(row);
    NewAuditEntry {
        at: now,
        actor: subject.clone(),
        subject,
        action,
        outcome: Outcome::Ok,
        token_id: Some(row.id.clone()),
        certificate: None,
        address: peer.map(|address| address.to_string()),
        reason: None,
    }
}
