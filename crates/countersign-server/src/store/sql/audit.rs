//! How is the audit read?

use countersign_proto::management::{AuditEntry, Page};

use super::{Columns, Sql, page, values};
use crate::store::{AuditQuery, StoreError};

pub(in crate::store) async fn list(
    connection: &mut impl Sql,
    query: AuditQuery,
) -> Result<Page<AuditEntry>, StoreError> {
    let AuditQuery {
        filter,
        after,
        limit,
    } = query;
    let rows = connection
        .rows(
            "SELECT sequence, at, actor, subject, action, outcome, token_id, certificate, \
             address, reason FROM audit WHERE sequence < $1 \
             AND ($3 IS NULL OR actor = $3) AND ($4 IS NULL OR subject = $4) \
             AND ($5 IS NULL OR action = $5) AND ($6 IS NULL OR outcome = $6) \
             AND ($7 IS NULL OR token_id = $7) AND ($8 IS NULL OR certificate = $8) \
             AND ($9 IS NULL OR at >= $9) AND ($10 IS NULL OR at <= $10) \
             ORDER BY sequence DESC LIMIT $2",
            values![
                after.unwrap_or(u64::MAX),
                u64::from(limit) + 1,
                filter.actor,
                filter.subject,
                filter.action,
                filter.outcome.map(|outcome| outcome.name().to_owned()),
                filter.token_id,
                filter.certificate,
                filter.from,
                filter.to,
            ],
        )
        .await?;
    page(&rows, limit, entry, |last| last.sequence.to_string())
}

fn entry(row: &impl Columns) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        sequence: row.number(0)?,
        at: row.time(1)?,
        actor: row.text(2)?,
        subject: row.text(3)?,
        action: row.text(4)?,
        outcome: row.text(5)?,
        token_id: row.text_or_none(6)?,
        certificate: row.text_or_none(7)?,
        address: row.text_or_none(8)?,
        reason: row.text_or_none(9)?,
    })
}
