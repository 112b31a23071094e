//! Who sits at the console, and may he still?
//!
//! A request of the console becomes the same [`Caller`] that a token becomes, with the roles and the
//! permissions of its principal as they are now. It calls what the management API calls, so it can do
//! nothing else.

use std::{net::IpAddr, sync::Arc};

use countersign_proto::{
    management::Principal,
    token::{TokenClaims, TokenKind},
};

use super::{Caller, Permissions, sign_in::SignedIn};
use crate::{
    Platform, audit,
    console::{self, Beginning, CLIENT_ID, Pass},
    policy,
    refusal::Fault,
    store::SessionRow,
};

/// Why a session of the console ended whose person signed out.
pub(crate) const SIGNED_OUT: &str = "signed_out";
/// Why a session of the console ended in whose place another began.
pub(crate) const SIGNED_IN_AGAIN: &str = "signed_in_again";

/// Somebody whose pass opened a session.
#[derive(Debug)]
pub(crate) struct AtConsole {
    pub(crate) caller: Caller,
    pub(crate) principal: Arc<Principal>,
    pub(crate) session: SessionRow,
    pub(crate) pass: Pass,
}

/// Begins a session for somebody who proved who he is.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn begin(
    platform: &Platform,
    person: &SignedIn,
    address: Option<IpAddr>,
) -> Result<Pass, Fault> {
    let beginning = Beginning {
        principal: &person.principal.name,
        provider: &person.identity.provider,
        address,
        now: platform.now(),
    };
    let rules = &platform.settings().console;
    let (row, pass) = console::begin(&beginning, rules, platform.secrets())?;
    let entry = audit::console_entered(&row, address);
    platform.store().create_session(row, entry).await?;
    Ok(pass)
}

/// Whoever holds this pass, if it opens its session now; `None` when it does not, whatever the
/// reason.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn enter(
    platform: &Platform,
    pass: Pass,
    peer: Option<IpAddr>,
) -> Result<Option<AtConsole>, Fault> {
    let (rules, now) = (&platform.settings().console, platform.now());
    let found = platform.store().session(&pass.id().to_string()).await?;
    let opened = |row: &SessionRow| console::opens(&pass, row, rules, platform.secrets(), now);
    let Some(session) = found.filter(opened) else {
        return Ok(None);
    };
    let registry = platform.registry();
    let principal = registry.principal(&session.principal);
    let Some(principal) =
        principal.filter(|principal| policy::may_use_console(Some(principal.as_ref())))
    else {
        return Ok(None);
    };
    let caller = Caller {
        claims: claims(platform, &session),
        roles: principal.roles.clone(),
        permissions: Permissions::of(&principal.roles, &registry),
        peer,
        granted: None,
    };
    Ok(Some(AtConsole {
        caller,
        principal: principal.clone(),
        session,
        pass,
    }))
}

/// Ends a session by its own pass.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn leave(
    platform: &Platform,
    who: &AtConsole,
    reason: &'static str,
) -> Result<(), Fault> {
    let now = platform.now();
    let entry = audit::console_left(&who.session, reason, who.caller.peer, now);
    let ended = platform
        .store()
        .end_session(&who.session.id, reason, now, entry);
    ended.await?;
    Ok(())
}

/// A session as the claims of a token, which is never made: the id of the session stands where that
/// of a token does.
fn claims(platform: &Platform, session: &SessionRow) -> TokenClaims {
    let issuer = platform.issuer().to_owned();
    let mut claims = TokenClaims::new(
        issuer.clone(),
        session.principal.clone(),
        issuer,
        CLIENT_ID.to_owned(),
        TokenKind::Interactive,
        session.created_at,
        session.ends_at,
        session.id.clone(),
    );
    claims.session = Some(session.id.clone());
    claims
}
