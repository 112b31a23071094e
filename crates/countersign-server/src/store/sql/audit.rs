//! How is the audit read?

use countersign_proto::management::{AuditEntry, Page};

use super::{Columns, Sql, values};
use crate::store::StoreError;

pub(in crate::store) async fn list(
    connection: &mut impl Sql,
    after: Option<u64>,
    limit: u32,
) -> Result<Page<AuditEntry>, StoreError> {
    let rows = connection
        .rows(
            "SELECT sequence, at, actor, subject, action, outcome, token_id, certificate, \
             address, reason FROM audit WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2",
            values![after.unwrap_or(u64::MAX), u64::from(limit) + 1],
        )
        .await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = rows
        .iter()
        .take(wanted)
        .map(entry)
        .collect::<Result<Vec<_>, _>>()?;
    let next = match items.last() {
        Some(last) if rows.len() > wanted => Some(last.sequence.to_string()),
        _ => None,
    };
    Ok(Page { items, next })
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
