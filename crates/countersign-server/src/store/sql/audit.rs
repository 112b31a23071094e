//! How is the audit read?

use countersign_proto::{
    management::{AuditEntry, AuditFilter, AuditOutcome, Page},
    time::UnixTime,
};

use super::{Columns, Sql, page, values};
use crate::store::{AuditQuery, StoreError};

/// The rows that `$which` is true for; one text for each index.
macro_rules! list {
    ($which:literal) => {
        concat!(
            columns!(),
            $which,
            " AND sequence < $1 AND ",
            matching!(),
            " ORDER BY sequence DESC LIMIT $2"
        )
    };
}

macro_rules! columns {
    () => {
        "SELECT sequence, at, actor, subject, action, outcome, token_id, certificate, address, \
         reason FROM audit WHERE "
    };
}

macro_rules! matching {
    () => {
        "($3 IS NULL OR actor = $3) AND ($4 IS NULL OR subject = $4) \
         AND ($5 IS NULL OR action = $5) AND ($6 IS NULL OR outcome = $6) \
         AND ($7 IS NULL OR token_id = $7) AND ($8 IS NULL OR certificate = $8) \
         AND at >= $9 AND at <= $10"
    };
}

/// Rows of a time. They are sorted by what its index holds, and only those of the page are read: a
/// clock may have been set, so their numbers need not grow with it.
const OF_A_TIME: &str = concat!(
    columns!(),
    "sequence IN (SELECT sequence FROM audit WHERE ",
    matching!(),
    " AND +sequence < $1 ORDER BY +sequence DESC LIMIT $2) ORDER BY sequence DESC"
);

/// By what is the rarest of what is asked for.
fn list_by(filter: &AuditFilter) -> &'static str {
    if filter.token_id.is_some() {
        return list!("token_id = $7");
    }
    if filter.certificate.is_some() {
        return list!("certificate = $8");
    }
    if filter.subject.is_some() {
        return list!("subject = $4");
    }
    if filter.actor.is_some() {
        return list!("actor = $3");
    }
    match (&filter.action, filter.from, filter.to) {
        (_, Some(_), Some(_)) => OF_A_TIME,
        (Some(_), ..) => list!("action = $5"),
        (None, None, None) if filter.outcome == Some(AuditOutcome::Refused) => {
            list!("outcome = 'refused'")
        }
        (None, None, None) => list!("sequence >= 0"),
        (None, ..) => OF_A_TIME,
    }
}

pub(in crate::store) async fn list(
    connection: &mut impl Sql,
    query: AuditQuery,
) -> Result<Page<AuditEntry>, StoreError> {
    let AuditQuery {
        filter,
        after,
        limit,
    } = query;
    let sql = list_by(&filter);
    let rows = connection
        .rows(
            sql,
            values![
                after.unwrap_or(u64::MAX),
                u64::from(limit) + 1,
                filter.actor,
                filter.subject,
                filter.action,
                filter.outcome.map(|outcome| outcome.name().to_owned()),
                filter.token_id,
                filter.certificate,
                filter.from.unwrap_or(UnixTime::from_secs(0)),
                filter.to.unwrap_or(UnixTime::from_secs(u64::MAX)),
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
