//! What is written down about an issuance, a refusal and a change?
//!
//! Nothing secret can stand in a row: there is no place for it.

mod login;
pub(crate) use login::{
    login_allowed, login_refused, login_reported, login_signed_in, session_never_begun,
};

mod console;
pub(crate) use console::{console_entered, console_left};

mod granted;
pub(crate) use granted::{granted_first_used, granted_given_back, granted_refused, granted_token};

mod session;
pub(crate) use session::session_started;
pub(crate) use session::{refresh_refused, refreshed, session_ended, wrong_proof_key};

use std::net::IpAddr;

use countersign_proto::time::UnixTime;

use crate::{
    issuer::IssuedToken,
    refusal::Refusal,
    service::{Caller, Identified},
    store::{NewAuditEntry, Outcome},
};

/// A token that is about to leave.
pub(crate) fn issued(token: &IssuedToken, peer: Option<IpAddr>) -> NewAuditEntry {
    let claims = token.claims();
    NewAuditEntry {
        at: claims.issued_at,
        actor: claims.client_id.clone(),
        subject: claims.principal.clone(),
        action: "token.issue",
        outcome: Outcome::Ok,
        token_id: Some(claims.jti.clone()),
        certificate: token.certificate().map(str::to_owned),
        address: peer.map(|address| address.to_string()),
        reason: None,
    }
}

/// A refusal of somebody whose signature was good.
pub(crate) fn refused(
    who: &Identified,
    refusal: &Refusal,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        actor: who.client_id.clone(),
        subject: who.client_id.clone(),
        action: "token.refuse",
        outcome: Outcome::Refused,
        token_id: None,
        certificate: Some(who.certificate.clone()),
        address: peer.map(|address| address.to_string()),
        reason: Some(refusal.reason()),
    }
}

/// A change by somebody who was authorized.
pub(crate) fn changed(
    caller: &Caller,
    action: &'static str,
    subject: impl Into<String>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        actor: caller.claims.principal.clone(),
        subject: subject.into(),
        action,
        outcome: Outcome::Ok,
        token_id: Some(caller.claims.jti.clone()),
        certificate: None,
        address: caller.peer.map(|address| address.to_string()),
        reason: None,
    }
}

/// A change that somebody tried to make and may not.
pub(crate) fn turned_away(
    caller: &Caller,
    permission: &'static str,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        outcome: Outcome::Refused,
        reason: Some("insufficient_permission".to_owned()),
        ..changed(caller, "change.refuse", permission, now)
    }
}

/// A token that was given back.
pub(crate) fn token_revoked(
    actor: &str,
    principal: &str,
    jti: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        actor: actor.to_owned(),
        subject: principal.to_owned(),
        action: "token.revoke",
        outcome: Outcome::Ok,
        token_id: Some(jti.to_owned()),
        certificate: None,
        address: peer.map(|address| address.to_string()),
        reason: None,
    }
}

/// Somebody who is not let in, though it is known who he is, or says he is, and such a principal
/// is there.
pub(crate) fn sign_in_refused(
    name: &str,
    reason: &str,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        actor: name.to_owned(),
        subject: name.to_owned(),
        action: "sign_in.refuse",
        outcome: Outcome::Refused,
        token_id: None,
        certificate: None,
        address: peer.map(|address| address.to_string()),
        reason: Some(reason.to_owned()),
    }
}

/// What the platform does by itself.
pub(crate) fn by_system(action: &'static str, subject: &str, now: UnixTime) -> NewAuditEntry {
    NewAuditEntry {
        at: now,
        actor: "system".to_owned(),
        subject: subject.to_owned(),
        action,
        outcome: Outcome::Ok,
        token_id: None,
        certificate: None,
        address: None,
        reason: None,
    }
}
