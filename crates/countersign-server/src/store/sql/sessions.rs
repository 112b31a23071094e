//! How does a session stand in its table?

use countersign_proto::{
    management::{Page, SessionFilter},
    time::UnixTime,
};

use super::{Columns, Made, Request, Sql, accounts, page, values};
use crate::store::{
    Changed, NOT_ACKNOWLEDGED, NewAuditEntry, PastSecret, SESSION_KEPT_AFTER_END, SessionAdvance,
    SessionQuery, SessionRow, SessionState, StoreError, session,
};

/// The columns of a session, in the order of `SessionRow`.
macro_rules! columns {
    () => {
        "id, principal, proof, scope, binding, address, client, provider, created_at, ends_at, \
         refresh_limit, generation, state, end_reason, ended_at, pending_until, secret, \
         pepper_version, key_version, jti, issued_at, expires_at, refreshed_at"
    };
}

/// Whether `$1` is absent or where a session stands at `$2`, as `SessionRow::state_at` says it.
macro_rules! in_state {
    () => {
        "($1 IS NULL OR $1 = CASE WHEN state = 'pending' AND $2 > pending_until THEN 'ended' \
         WHEN state = 'active' AND $2 >= ends_at THEN 'ended' ELSE state END)"
    };
}

pub(super) async fn create(connection: &mut impl Sql, new: SessionRow) -> Result<(), StoreError> {
    connection
        .execute(
            concat!(
                "INSERT INTO session (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
                 $17, $18, $19, $20, $21, $22, $23)"
            ),
            values![
                new.id,
                new.principal,
                new.proof,
                new.scope,
                new.binding,
                new.address,
                new.client,
                new.provider,
                new.created_at,
                new.ends_at,
                new.refresh_limit,
                new.generation,
                new.state.name(),
                new.end_reason,
                new.ended_at,
                new.pending_until,
                new.secret,
                new.pepper_version,
                new.key_version,
                new.jti,
                new.issued_at,
                new.expires_at,
                new.refreshed_at,
            ],
        )
        .await
        .map(drop)
}

fn session_row(row: &impl Columns) -> Result<SessionRow, StoreError> {
    let state = row.text(12)?;
    Ok(SessionRow {
        id: row.text(0)?,
        principal: row.text(1)?,
        proof: row.text(2)?,
        scope: row.text(3)?,
        binding: row.text(4)?,
        address: row.text_or_none(5)?,
        client: row.text(6)?,
        provider: row.text(7)?,
        created_at: row.time(8)?,
        ends_at: row.time(9)?,
        refresh_limit: row.small(10)?,
        generation: row.small(11)?,
        state: SessionState::from_name(&state)
            .ok_or_else(|| StoreError::Fault(format!("no session is in the state `{state}`")))?,
        end_reason: row.text_or_none(13)?,
        ended_at: row.time_or_none(14)?,
        pending_until: row.time(15)?,
        secret: row.bytes(16)?,
        pepper_version: row.small(17)?,
        key_version: row.small(18)?,
        jti: row.text(19)?,
        issued_at: row.time(20)?,
        expires_at: row.time(21)?,
        refreshed_at: row.time(22)?,
    })
}

pub(in crate::store) async fn by_id(
    connection: &mut impl Sql,
    id: String,
) -> Result<Option<SessionRow>, StoreError> {
    let row = connection
        .row(
            concat!("SELECT ", columns!(), " FROM session WHERE id = $1"),
            values![id],
        )
        .await?;
    row.as_ref().map(session_row).transpose()
}

pub(in crate::store) async fn list(
    connection: &mut impl Sql,
    query: SessionQuery,
) -> Result<Page<SessionRow>, StoreError> {
    let SessionFilter { principal, state } = query.filter;
    let state = state.map(|state| state.name().to_owned());
    // Greater than the id of any session.
    let after = query.after.unwrap_or_else(|| "~".to_owned());
    let limit_and_one = u64::from(query.limit) + 1;
    let rows = match principal {
        Some(principal) => {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM session WHERE ",
                in_state!(),
                " AND id < $3 AND principal = $5 ORDER BY id DESC LIMIT $4"
            );
            let values = values![state, query.now, after, limit_and_one, principal];
            connection.rows(sql, values).await?
        }
        None => {
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM session WHERE ",
                in_state!(),
                " AND id < $3 ORDER BY id DESC LIMIT $4"
            );
            let values = values![state, query.now, after, limit_and_one];
            connection.rows(sql, values).await?
        }
    };
    page(&rows, query.limit, session_row, |last| last.id.clone())
}

pub(in crate::store) async fn past_secret(
    connection: &mut impl Sql,
    id: String,
    digest: Vec<u8>,
) -> Result<Option<PastSecret>, StoreError> {
    let row = connection
        .row(
            "SELECT past.generation, past.used_at, next.used_at FROM past_secret AS past \
             LEFT JOIN past_secret AS next \
             ON next.session = past.session AND next.generation = past.generation + 1 \
             WHERE past.session = $1 AND past.digest = $2",
            values![id, digest],
        )
        .await?;
    row.map(|row| {
        Ok(PastSecret {
            generation: row.small(0)?,
            used_at: row.time(1)?,
            successor_used_at: row.time_or_none(2)?,
        })
    })
    .transpose()
}

/// Whether it was pending.
pub(super) async fn acknowledge(connection: &mut impl Sql, id: String) -> Result<bool, StoreError> {
    let acknowledged = connection
        .execute(
            "UPDATE session SET state = 'active' WHERE id = $1 AND state = 'pending'",
            values![id],
        )
        .await?;
    Ok(acknowledged == 1)
}

/// Counts a refresh: one conditional update, which only one of many equal ones can win.
impl Request for SessionAdvance {
    type Answer = Option<SessionRow>;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        _: &mut Made,
    ) -> Result<Option<SessionRow>, StoreError> {
        // The row is held from here on, so that its secret is the one that this update replaces.
        let past = connection
            .row(
                "UPDATE session SET generation = generation + 1 WHERE id = $1 AND generation = $2 \
             AND generation < refresh_limit AND state = 'active' AND ends_at > $3 \
             RETURNING secret",
                values![self.id.as_str(), self.from_generation, self.at],
            )
            .await?;
        let Some(past) = past else {
            return Ok(None);
        };
        connection
            .execute(
                "INSERT INTO past_secret (session, digest, generation, used_at) \
             VALUES ($1, $2, $3, $4)",
                values![
                    self.id.as_str(),
                    past.bytes(0)?,
                    self.from_generation,
                    self.at,
                ],
            )
            .await?;
        let now = connection
        .row(
            concat!(
                "UPDATE session SET secret = $2, pepper_version = $3, key_version = $4, jti = $5, \
                 issued_at = $6, expires_at = $7, refreshed_at = $8 WHERE id = $1 RETURNING ",
                columns!()
            ),
            values![
                self.id,
                self.secret,
                self.pepper_version,
                self.key_version,
                self.jti,
                self.issued_at,
                self.expires_at,
                self.at,
            ],
        )
        .await?;
        connection.append_audit(vec![self.audit]).await?;
        now.as_ref().map(session_row).transpose()
    }
}

/// A session that begins without a login.
#[derive(Clone, Debug)]
pub(in crate::store) struct BeginSession {
    pub(in crate::store) row: SessionRow,
    pub(in crate::store) audit: NewAuditEntry,
}

impl Request for BeginSession {
    type Answer = ();

    async fn perform<C: Sql>(self, connection: &mut C, made: &mut Made) -> Result<(), StoreError> {
        accounts::require_principal(connection, &self.row.principal).await?;
        let id = self.row.id.clone();
        create(connection, self.row).await?;
        connection.append_audit(vec![self.audit]).await?;
        made.changes.push(Changed::Session(id));
        Ok(())
    }
}

/// A session that ends, by its id.
#[derive(Clone, Debug)]
pub(in crate::store) struct EndSession(pub(in crate::store) Ending);

/// A session that ends, by its id, while it is in this generation.
#[derive(Clone, Debug)]
pub(in crate::store) struct EndUnrefreshedSession {
    pub(in crate::store) ending: Ending,
    pub(in crate::store) generation: u32,
}

/// All sessions of a principal, by its name.
#[derive(Clone, Debug)]
pub(in crate::store) struct EndSessionsOf(pub(in crate::store) Ending);

/// What ends, why, when, and what is written down about it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Ending {
    of: String,
    reason: String,
    at: UnixTime,
    audit: NewAuditEntry,
}

impl Ending {
    pub(in crate::store) fn new(
        of: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> Ending {
        Ending {
            of: of.to_owned(),
            reason: reason.to_owned(),
            at,
            audit,
        }
    }
}

impl Request for EndSession {
    type Answer = bool;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<bool, StoreError> {
        let EndSession(ending) = self;
        let id = ending.of.clone();
        let ended = mark_ended(connection, ending.of, ending.reason, ending.at).await?;
        if ended {
            connection.append_audit(vec![ending.audit]).await?;
            made.changes.push(Changed::Session(id));
        }
        Ok(ended)
    }
}

impl Request for EndUnrefreshedSession {
    type Answer = bool;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<bool, StoreError> {
        let EndUnrefreshedSession { ending, generation } = self;
        let ended = connection
            .execute(
                "UPDATE session SET state = 'ended', end_reason = $2, ended_at = $3 \
                 WHERE id = $1 AND state <> 'ended' AND generation = $4",
                values![ending.of.as_str(), ending.reason, ending.at, generation],
            )
            .await?
            == 1;
        if ended {
            connection.append_audit(vec![ending.audit]).await?;
            made.changes.push(Changed::Session(ending.of));
        }
        Ok(ended)
    }
}

impl Request for EndSessionsOf {
    type Answer = u64;

    async fn perform<C: Sql>(self, connection: &mut C, made: &mut Made) -> Result<u64, StoreError> {
        let EndSessionsOf(ending) = self;
        let ids = mark_all_ended(connection, ending.of, ending.reason, ending.at).await?;
        let ended = ids.len() as u64;
        if ended > 0 {
            connection.append_audit(vec![ending.audit]).await?;
            made.changes.extend(ids.into_iter().map(Changed::Session));
        }
        Ok(ended)
    }
}

/// Whether it had not ended yet.
pub(super) async fn mark_ended(
    connection: &mut impl Sql,
    id: String,
    reason: String,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let ended = connection
        .execute(
            "UPDATE session SET state = 'ended', end_reason = $2, ended_at = $3 \
             WHERE id = $1 AND state <> 'ended'",
            values![id, reason, at],
        )
        .await?;
    Ok(ended == 1)
}

/// The ids of those that had not ended yet.
pub(super) async fn mark_all_ended(
    connection: &mut impl Sql,
    principal: String,
    reason: String,
    at: UnixTime,
) -> Result<Vec<String>, StoreError> {
    let rows = connection
        .rows(
            "UPDATE session SET state = 'ended', end_reason = $2, ended_at = $3 \
             WHERE principal = $1 AND state <> 'ended' RETURNING id",
            values![principal, reason, at],
        )
        .await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Ends those that were not acknowledged in time: their ids.
pub(super) async fn end_unacknowledged(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    let rows = connection
        .rows(
            "UPDATE session SET state = 'ended', end_reason = $1, ended_at = $2 \
             WHERE state = 'pending' AND id IN (SELECT id FROM session WHERE state = 'pending' AND pending_until < $2 \
             ORDER BY pending_until LIMIT $3) RETURNING id, principal, jti",
            values![NOT_ACKNOWLEDGED, now, limit],
        )
        .await?;
    let audit = rows
        .iter()
        .map(|row| Ok(session::not_acknowledged(&row.text(1)?, row.text(2)?, now)))
        .collect::<Result<_, StoreError>>()?;
    connection.append_audit(audit).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Their past secrets go with them.
pub(super) async fn forget(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<u64, StoreError> {
    connection
        .execute(
            "DELETE FROM session WHERE coalesce(ended_at, ends_at) < $1 AND id IN \
             (SELECT id FROM session WHERE coalesce(ended_at, ends_at) < $1 ORDER BY coalesce(ended_at, ends_at) LIMIT $2)",
            values![now.minus(SESSION_KEPT_AFTER_END), limit],
        )
        .await
}
