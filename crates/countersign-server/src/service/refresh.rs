//! How does a refresh token become the next token of its session, counted exactly once?
//!
//! The key proves itself; the session is loaded and judged; policy says yes; then one conditional
//! write counts, with its audit row, and only whoever wins it mints. Whoever loses a race loads and
//! judges again, and finds the answer of the winner.

use std::net::IpAddr;

use countersign_proto::{
    dpop::{ProofRequest, VerifiedProof},
    exchange::{Presented, RefreshToken, TokenResponse},
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    scope::Scope,
    time::UnixTime,
    token::{self, Binding, TokenKind},
};

use super::{Permissions, record_proof};
use crate::{
    Platform, audit,
    events::{Event, EventName},
    issuer,
    limits::Identity,
    metrics::{Alarm, Refreshed},
    policy::{self, Permit, SessionFacts},
    random,
    refresh::{self, Denial, LiveSession, Verdict},
    refusal::{Failure, Fault, Refusal},
    registry::Registry,
    store::{SessionAdvance, SessionRow},
};

/// A race is lost to somebody who counted or ended the session, and one attempt more finds what he
/// did. More than a few mean that something else is wrong.
const ATTEMPTS: u32 = 8;

/// Why a session ended one of whose refresh tokens came again.
const REUSED: &str = "refresh_token_reused";

/// A refresh as it was asked for.
pub(super) struct Asked<'a> {
    pub(super) refresh_token: &'a Presented,
    pub(super) scope: &'a Scope,
    pub(super) proof: Option<&'a str>,
    pub(super) peer: Option<IpAddr>,
}

/// Answers a refresh. What was counted is durable, with its audit row, before the token leaves.
pub(super) async fn refresh(
    platform: &Platform,
    asked: &Asked<'_>,
) -> Result<TokenResponse, Failure> {
    let now = platform.now();
    let registry = platform.registry();
    let presented = read(platform, asked.refresh_token.expose())?;
    let proof = prove(platform, asked.proof, now)?;
    let mut unrecorded = Some(&proof);
    for _ in 0..ATTEMPTS {
        let found = find(platform, &presented)
            .await?
            .ok_or(Refusal::RefreshTokenUnknown)?;
        let session = &found.session;
        if let Some(proof) = unrecorded.take_if(|proof| found.belongs_to(proof)) {
            let counted = Identity::Principal(session.principal.clone());
            platform.limiter().admit_identity(&counted, asked.peer)?;
            record_proof(platform.store().as_ref(), proof).await?;
        }
        let idle = platform.settings().session.idle;
        match refresh::judge(session, found.presented, proof.thumbprint(), idle, now) {
            Verdict::Advance => {
                let permit = permitted(platform, &registry, session, asked, now).await?;
                if let Some(answer) =
                    advance(platform, &presented, session, permit, asked.peer, now).await?
                {
                    return Ok(answer);
                }
            }
            Verdict::SameAgain(live) => {
                let permit = permitted(platform, &registry, session, asked, now).await?;
                let next = refresh::successor(
                    platform.secrets(),
                    prefix(platform),
                    &presented,
                    session.generation,
                    session.key_version,
                )?;
                if !is_current(platform, session, &next)? {
                    return Err(Fault::new(format!(
                        "the refresh token of session {} cannot be made again: refresh key {} is \
                         not the one of its time",
                        session.id, session.key_version
                    ))
                    .into());
                }
                let answer = answer(platform, *live, permit, &next)?;
                platform.metrics().refreshed(Refreshed::Again);
                return Ok(answer);
            }
            Verdict::Refused(denial) => {
                if let Some(refusal) = refuse(platform, session, denial, asked.peer, now).await? {
                    return Err(refusal.into());
                }
            }
        }
    }
    Err(Fault::new("a refresh lost every race").into())
}

/// The token of a login, for a terminal that accepted the identity: the same one, however often it
/// is delivered. Policy is asked each time.
pub(crate) async fn deliver(
    platform: &Platform,
    session: SessionRow,
) -> Result<TokenResponse, Failure> {
    let registry = platform.registry();
    let nothing = Scope::default();
    let permit = permit(&registry, &session, &nothing)?;
    let key_version = session.key_version;
    let live = LiveSession::of_login(session, platform.now()).ok_or(Refusal::SessionEnded)?;
    let id = TokenId::parse(&live.row().id)
        .map_err(|error| Fault::new(format!("the id of a session: {error}")))?;
    let first = refresh::first_token(platform.secrets(), prefix(platform), &id, key_version)?;
    answer(platform, live, permit, &first)
}

/// A session, and which of its refresh tokens was presented.
pub(super) struct Found {
    pub(super) session: SessionRow,
    pub(super) presented: refresh::Presented,
}

impl Found {
    /// Whether a token of the session came with a proof by its key.
    fn belongs_to(&self, proof: &VerifiedProof) -> bool {
        self.presented != refresh::Presented::Unknown && self.session.proof == proof.thumbprint()
    }
}

/// The session of a refresh token; `None` when there is none.
///
/// The session is read first: what was presented was handed out before that, so it is the current
/// one or is found among the past ones afterwards.
pub(super) async fn find(
    platform: &Platform,
    token: &OpaqueToken,
) -> Result<Option<Found>, Failure> {
    let id = token.id().to_string();
    let store = platform.store();
    let Some(session) = store.session(&id).await? else {
        return Ok(None);
    };
    let mut presented = refresh::Presented::Unknown;
    if is_current(platform, &session, token)? {
        presented = refresh::Presented::Current;
    } else {
        for digest in refresh::digests_of(platform.secrets(), token) {
            if let Some(past) = store.past_secret(&id, &digest).await? {
                presented = refresh::Presented::Past {
                    successor_used_at: past.successor_used_at,
                };
                break;
            }
        }
    }
    Ok(Some(Found { session, presented }))
}

/// A refresh token of this platform, by its form. A token that an assertion earned is told that it
/// has no refresh.
pub(super) fn read(platform: &Platform, text: &str) -> Result<OpaqueToken, Refusal> {
    if let Ok(token) = OpaqueToken::parse(text, prefix(platform))
        && token.kind() == OpaqueKind::Refresh
    {
        return Ok(token);
    }
    let kind = token::inspect(text)
        .and_then(|parts| parts.claims.get("type")?.as_u64())
        .and_then(TokenKind::from_number);
    Err(match kind {
        Some(TokenKind::Interactive) | None => Refusal::RefreshTokenUnknown,
        Some(_) => Refusal::NotRefreshable,
    })
}

/// What policy says to one token of a session.
pub(super) fn permit(
    registry: &Registry,
    session: &SessionRow,
    requested_scope: &Scope,
) -> Result<Permit, Failure> {
    let damaged = |what: &str| Fault::new(format!("the {what} of session {}", session.id));
    let binding = Binding::from_name(&session.binding).ok_or_else(|| damaged("binding"))?;
    let scope = Scope::parse(&session.scope).map_err(|_| damaged("scope"))?;
    let asked = Terms {
        principal: &session.principal,
        binding,
        scope: &scope,
        requested_scope,
    };
    Ok(permit_terms(registry, &asked)?)
}

/// What a person asks to sign in with.
pub(crate) struct Terms<'a> {
    /// Whom the identity provider proved.
    pub(crate) principal: &'a str,
    /// How the token is to come to the terminal.
    pub(crate) binding: Binding,
    /// What the session has; empty at the sign-in itself.
    pub(crate) scope: &'a Scope,
    /// What is asked for.
    pub(crate) requested_scope: &'a Scope,
}

/// The facts as they are now, and what policy says to them.
pub(crate) fn permit_terms(registry: &Registry, terms: &Terms<'_>) -> Result<Permit, Refusal> {
    let principal = registry.principal(terms.principal);
    let roles = principal.map_or(&[][..], |principal| &principal.roles);
    let loopback_role = roles.iter().find(|name| {
        registry
            .role(name)
            .is_some_and(|role| role.require_loopback)
    });
    policy::permit(&SessionFacts {
        principal: principal.map(|principal| &**principal),
        permissions: &Permissions::of(roles, registry),
        loopback_role: loopback_role.map(String::as_str),
        binding: terms.binding,
        scope: terms.scope,
        requested_scope: terms.requested_scope,
    })
}

/// A proof of the terminal's key for this request, with a nonce of ours. Not yet recorded.
fn prove(
    platform: &Platform,
    proof: Option<&str>,
    now: UnixTime,
) -> Result<VerifiedProof, Refusal> {
    let request = ProofRequest {
        method: &http::Method::POST,
        uri: platform.token_endpoint(),
        access_token: None,
        nonce: None,
    };
    let proof = proof.ok_or(Refusal::ProofRequired)?;
    platform.proofs().verify(proof, &request, now)
}

/// Policy comes before the count: a refresh that is not permitted costs nothing.
async fn permitted(
    platform: &Platform,
    registry: &Registry,
    session: &SessionRow,
    asked: &Asked<'_>,
    now: UnixTime,
) -> Result<Permit, Failure> {
    match permit(registry, session, asked.scope) {
        Err(Failure::Refused(refusal)) => {
            let entry = audit::refresh_refused(session, &refusal.reason(), asked.peer, now);
            platform.store().append_audit(entry).await?;
            Err(Failure::Refused(refusal))
        }
        other => other,
    }
}

/// Counts, and answers; `None` when somebody else was faster.
async fn advance(
    platform: &Platform,
    presented: &OpaqueToken,
    session: &SessionRow,
    permit: Permit,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> Result<Option<TokenResponse>, Failure> {
    let secrets = platform.secrets();
    let (key_version, _) = secrets
        .refresh_key()
        .ok_or_else(|| Fault::new("the secrets hold no refresh key"))?;
    let next = refresh::successor(
        secrets,
        prefix(platform),
        presented,
        session.generation + 1,
        key_version,
    )?;
    let kept = refresh::kept_of(secrets, &next)?;
    let lifetime = platform.settings().token.interactive;
    let jti = random::token_id()?;
    let counted = SessionAdvance {
        id: session.id.clone(),
        from_generation: session.generation,
        secret: kept.digest,
        pepper_version: kept.pepper_version,
        key_version,
        audit: audit::refreshed(session, &jti, peer, now),
        jti,
        issued_at: now,
        expires_at: now.plus(lifetime).min(session.ends_at),
        at: now,
    };
    let Some(row) = platform.store().advance_session(counted).await? else {
        return Ok(None);
    };
    let answer = answer(platform, LiveSession::advanced(row), permit, &next)?;
    platform.metrics().refreshed(Refreshed::Counted);
    platform.metrics().issued(TokenKind::Interactive);
    Ok(Some(answer))
}

fn answer(
    platform: &Platform,
    live: LiveSession,
    permit: Permit,
    refresh_token: &OpaqueToken,
) -> Result<TokenResponse, Failure> {
    let session = live.row();
    let remaining = session.refresh_limit.saturating_sub(session.generation);
    let grant = permit.grant(live)?;
    let token = issuer::mint_interactive(grant, &platform.keys(), platform.issuer())?;
    let mut response = token.into_response(platform.now());
    let refresh_token = RefreshToken::new(refresh_token.expose())
        .map_err(|error| Fault::new(format!("a refresh token: {error}")))?;
    response.refresh_token = Some(refresh_token);
    response.refreshes_remaining = Some(remaining);
    Ok(response)
}

fn prefix(platform: &Platform) -> &str {
    &platform.settings().tokens.prefix
}

fn is_current(
    platform: &Platform,
    session: &SessionRow,
    token: &OpaqueToken,
) -> Result<bool, Fault> {
    let digest = refresh::digest_of(platform.secrets(), token, session.pepper_version)?;
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(&digest, &session.secret);
    Ok(same.is_ok())
}

/// Writes down what a denial means, and ends the session of a token that came again; `None` when it
/// must be judged anew.
async fn refuse(
    platform: &Platform,
    session: &SessionRow,
    denial: Denial,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> Result<Option<Refusal>, Failure> {
    let store = platform.store();
    let raise = |name, detail| {
        let event = Event::new(name, &session.principal, now)
            .token(&session.id)
            .address(peer)
            .detail(detail);
        platform.events().raise(event);
    };
    let told = match denial {
        Denial::Unknown => return Ok(Some(Refusal::RefreshTokenUnknown)),
        Denial::WrongKey => {
            platform.metrics().alarmed(Alarm::WrongKey);
            let entry = audit::wrong_proof_key(session, peer, now);
            store.append_audit(entry).await?;
            raise(EventName::RefreshWrongKey, "the proof is by another key");
            // Outside it looks like a token that is not known: whoever holds it learns nothing.
            return Ok(Some(Refusal::RefreshTokenUnknown));
        }
        Denial::Reused | Denial::Stale => {
            let (id, entry) = (
                &session.id,
                audit::session_ended(session, REUSED, peer, now),
            );
            let ended = match denial {
                Denial::Stale => {
                    let generation = session.generation;
                    store.end_unrefreshed_session(id, generation, REUSED, now, entry)
                }
                _ => store.end_session(id, REUSED, now, entry),
            };
            if !ended.await? {
                return Ok(None);
            }
            platform.metrics().alarmed(Alarm::Reused);
            raise(EventName::RefreshReused, "the session has ended");
            return Ok(Some(Refusal::SessionEnded));
        }
        Denial::Pending => Refusal::SessionPending,
        Denial::Ended => Refusal::SessionEnded,
        Denial::LimitReached => Refusal::RefreshLimitReached,
        Denial::Superseded => Refusal::Superseded,
    };
    let entry = audit::refresh_refused(session, &told.reason(), peer, now);
    store.append_audit(entry).await?;
    Ok(Some(told))
}
