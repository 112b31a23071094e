//! How do many audit rows become one statement?

use sqlx::{Postgres, postgres::PgArguments, query::Query};

use super::work::storable;
use crate::store::{NewAuditEntry, sql::signed};

/// Rows as one array for each column.
#[derive(Default)]
pub(super) struct AuditRows {
    at: Vec<i64>,
    actor: Vec<String>,
    subject: Vec<String>,
    action: Vec<&'static str>,
    outcome: Vec<&'static str>,
    token_id: Vec<Option<String>>,
    certificate: Vec<Option<String>>,
    address: Vec<Option<String>>,
    reason: Vec<Option<String>>,
}

impl FromIterator<NewAuditEntry> for AuditRows {
    fn from_iter<I: IntoIterator<Item = NewAuditEntry>>(entries: I) -> AuditRows {
        let mut rows = AuditRows::default();
        for entry in entries {
            rows.at.push(signed(entry.at.as_secs()));
            rows.actor.push(storable(entry.actor));
            rows.subject.push(storable(entry.subject));
            rows.action.push(entry.action);
            rows.outcome.push(entry.outcome.name());
            rows.token_id.push(entry.token_id.map(storable));
            rows.certificate.push(entry.certificate.map(storable));
            rows.address.push(entry.address.map(storable));
            rows.reason.push(entry.reason.map(storable));
        }
        rows
    }
}

impl AuditRows {
    /// The statement whose parameters from `first` on are those of [`bind`](AuditRows::bind).
    pub(super) fn insert(first: u32) -> String {
        let [a, b, c, d, e, f, g, h, i] = std::array::from_fn(|at| first + at as u32);
        format!(
            "INSERT INTO audit (at, actor, subject, action, outcome, token_id, certificate, \
             address, reason) SELECT at, actor, subject, action, outcome, token_id, certificate, \
             address, reason FROM UNNEST(${a}::BIGINT[], ${b}::TEXT[], ${c}::TEXT[], ${d}::TEXT[], \
             ${e}::TEXT[], ${f}::TEXT[], ${g}::TEXT[], ${h}::TEXT[], ${i}::TEXT[]) WITH ORDINALITY \
             AS new (at, actor, subject, action, outcome, token_id, certificate, address, reason, \
             number) ORDER BY number"
        )
    }

    pub(super) fn bind(
        self,
        query: Query<'static, Postgres, PgArguments>,
    ) -> Query<'static, Postgres, PgArguments> {
        query
            .bind(self.at)
            .bind(self.actor)
            .bind(self.subject)
            .bind(self.action)
            .bind(self.outcome)
            .bind(self.token_id)
            .bind(self.certificate)
            .bind(self.address)
            .bind(self.reason)
    }
}
