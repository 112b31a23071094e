//! How does a login stand in its table?

use countersign_proto::time::UnixTime;

use super::{Columns, Made, Request, Sql, accounts, sessions, values};
use crate::store::{Changed, LOGIN_KEPT_AFTER_END, LoginRow, LoginUpdate, StoreError};

/// A login that begins.
impl Request for LoginRow {
    type Answer = ();

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<(), StoreError> {
        connection
            .execute(
                "INSERT INTO login (id, handle, version, source, live, expires_at, body) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                values![
                    self.id,
                    self.handle,
                    self.version,
                    self.source,
                    self.live,
                    self.expires_at,
                    self.body,
                ],
            )
            .await
            .map(drop)
    }
}

pub(in crate::store) async fn by_id(
    connection: &mut impl Sql,
    id: String,
) -> Result<Option<LoginRow>, StoreError> {
    let row = connection
        .row(
            "SELECT id, handle, version, source, live, expires_at, body FROM login WHERE id = $1",
            values![id],
        )
        .await?;
    row.as_ref().map(login).transpose()
}

pub(in crate::store) async fn by_handle(
    connection: &mut impl Sql,
    handle: String,
) -> Result<Option<LoginRow>, StoreError> {
    let row = connection
        .row(
            "SELECT id, handle, version, source, live, expires_at, body FROM login WHERE handle = $1",
            values![handle],
        )
        .await?;
    row.as_ref().map(login).transpose()
}

fn login(row: &impl Columns) -> Result<LoginRow, StoreError> {
    Ok(LoginRow {
        id: row.text(0)?,
        handle: row.text(1)?,
        version: row.number(2)?,
        source: row.text(3)?,
        live: row.number(4)? == 1,
        expires_at: row.time(5)?,
        body: row.text(6)?,
    })
}

pub(in crate::store) async fn count_live(
    connection: &mut impl Sql,
    source: String,
    now: UnixTime,
) -> Result<u64, StoreError> {
    let row = connection
        .row(
            "SELECT count(*) FROM login WHERE source = $1 AND live = 1 AND expires_at > $2",
            values![source, now],
        )
        .await?;
    row.map_or(Ok(0), |row| row.number(0))
}

/// Answers `false` when it does not fit; a part may be written by then.
impl Request for LoginUpdate {
    type Answer = bool;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<bool, StoreError> {
        let changed = Changed::by_update(&self);
        let row = self.row;
        let written = connection
            .execute(
                "UPDATE login SET version = version + 1, live = $3, expires_at = $4, body = $5 \
                 WHERE id = $1 AND version = $2",
                values![row.id, row.version, row.live, row.expires_at, row.body],
            )
            .await?;
        if written == 0 {
            return Ok(false);
        }
        if let Some(id) = self.acknowledge
            && !sessions::acknowledge(connection, id).await?
        {
            return Ok(false);
        }
        if let Some(new) = self.new_session {
            accounts::require_principal(connection, &new.principal).await?;
            sessions::create(connection, new).await?;
        }
        if let Some((id, reason, at)) = self.end_session {
            sessions::mark_ended(connection, id, reason, at).await?;
        }
        connection.append_audit(self.audit).await?;
        made.changes.extend(changed);
        Ok(true)
    }

    fn stays(updated: &bool) -> bool {
        *updated
    }
}

pub(super) async fn forget(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<u64, StoreError> {
    connection
        .execute(
            "DELETE FROM login WHERE expires_at < $1 AND id IN \
             (SELECT id FROM login WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            values![now.minus(LOGIN_KEPT_AFTER_END), limit],
        )
        .await
}
