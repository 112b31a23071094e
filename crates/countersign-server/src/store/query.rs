//! Which rows of a list are asked for?

use countersign_proto::{
    management::{AuditEntry, AuditFilter, SessionFilter},
    time::UnixTime,
};

use super::SessionRow;

/// Which rows of the audit are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// As it was asked for.
    pub filter: AuditFilter,
    /// Sequences smaller than this.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

impl AuditQuery {
    /// Whether this row is one of them.
    pub(super) fn takes(&self, entry: &AuditEntry) -> bool {
        let filter = &self.filter;
        let same = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        let outcome = filter.outcome.map(|outcome| outcome.name());
        self.after.is_none_or(|after| entry.sequence < after)
            && same(&filter.actor, Some(&entry.actor))
            && same(&filter.subject, Some(&entry.subject))
            && same(&filter.action, Some(&entry.action))
            && same(&filter.token_id, entry.token_id.as_ref())
            && same(&filter.certificate, entry.certificate.as_ref())
            && outcome.is_none_or(|outcome| outcome == entry.outcome)
            && filter.from.is_none_or(|from| entry.at >= from)
            && filter.to.is_none_or(|to| entry.at <= to)
    }
}

/// Which sessions are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionQuery {
    /// As it was asked for.
    pub filter: SessionFilter,
    /// Ids smaller than this.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
    /// For the state.
    pub now: UnixTime,
}

impl SessionQuery {
    /// Whether this session is one of them.
    pub(super) fn takes(&self, row: &SessionRow) -> bool {
        let SessionFilter { principal, state } = &self.filter;
        self.after.as_ref().is_none_or(|after| row.id < *after)
            && principal.as_ref().is_none_or(|it| row.principal == *it)
            && state.is_none_or(|state| row.state_at(self.now) == state)
    }
}
