//! Who may see the sessions of people, and end them?

use countersign_proto::{
    management::{Page, Session, SessionEnd, SessionFilter},
    time::UnixTime,
};

use super::{ChangeRefusal, attempt, fault, must_cover, permissions_of, present};
use crate::{
    Platform, audit,
    service::{Caller, tokens},
    store::{NOT_ACKNOWLEDGED, SessionQuery, SessionRow, SessionState},
};

const READ: &str = "sessions:read";
const WRITE: &str = "sessions:write";
const NAME: &str = "session";

/// Why a session ended that somebody else ended.
const BY_ADMINISTRATOR: &str = "ended_by_administrator";
/// Why a session is over that nobody ended.
const AT_ITS_END: &str = "expired";

/// Those that the filter lets through, newest first; those that ended are listed for 30 days.
pub(crate) async fn list(
    platform: &Platform,
    caller: &Caller,
    filter: SessionFilter,
    after: Option<String>,
    limit: u32,
) -> Result<Page<Session>, ChangeRefusal> {
    caller.must_have(READ)?;
    let now = platform.now();
    let query = SessionQuery {
        filter,
        after,
        limit,
        now,
    };
    let found = platform.store().sessions_matching(query).await;
    let page = found.map_err(fault)?;
    Ok(Page {
        items: page.items.into_iter().map(|row| shown(row, now)).collect(),
        next: page.next,
    })
}

/// One.
pub(crate) async fn find(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<Session, ChangeRefusal> {
    caller.must_have(READ)?;
    let found = platform.store().session(id).await.map_err(fault)?;
    Ok(shown(present(found, NAME, id)?, platform.now()))
}

/// Ends one, at once and for good, with every token of it; and with those that were granted in it, if
/// that is asked for. One that has ended stays as it is.
pub(crate) async fn end(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    asked: &SessionEnd,
) -> Result<Session, ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        caller.must_have(WRITE)?;
        let (store, now) = (platform.store(), platform.now());
        let found = store.session(id).await.map_err(fault)?;
        let session = present(found, NAME, id)?;
        let held = permissions_of(&platform.registry(), &session.principal);
        must_cover(caller, &held, "this principal")?;
        if asked.with_tokens {
            tokens::may_revoke_all_through(platform, caller, id).await?;
        }
        let entry = audit::changed(caller, "session.end", id, now);
        store
            .end_session(id, BY_ADMINISTRATOR, now, entry)
            .await
            .map_err(fault)?;
        // The session first: nothing is granted in one that has ended.
        if asked.with_tokens {
            tokens::revoke_all_through(platform, caller, id, BY_ADMINISTRATOR).await?;
        }
        let ended = store.session(id).await.map_err(fault)?;
        Ok(shown(present(ended, NAME, id)?, now))
    })
    .await
}

/// As the management API shows it: what is over is ended, though nobody has ended it yet.
fn shown(row: SessionRow, now: UnixTime) -> Session {
    let state = row.state_at(now);
    let end_reason = match row.state {
        before if before == state => row.end_reason,
        SessionState::Pending => Some(NOT_ACKNOWLEDGED.to_owned()),
        _ => Some(AT_ITS_END.to_owned()),
    };
    Session {
        id: row.id,
        principal: row.principal,
        binding: row.binding,
        created_at: row.created_at,
        refreshed_at: row.refreshed_at,
        ends_at: row.ends_at,
        generation: row.generation,
        refresh_limit: row.refresh_limit,
        state: state.name().to_owned(),
        end_reason,
        proof: row.proof,
        address: row.address,
        client: row.client,
        provider: row.provider,
    }
}
