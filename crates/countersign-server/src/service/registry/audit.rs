//! Who may read what happened?

use countersign_proto::management::{AuditEntry, Page};

use super::{ChangeRefusal, fault};
use crate::{Platform, service::Caller};

pub(crate) use crate::store::AuditQuery;

/// Newest first: the rows that the query lets through.
pub(crate) async fn list(
    platform: &Platform,
    caller: &Caller,
    query: AuditQuery,
) -> Result<Page<AuditEntry>, ChangeRefusal> {
    caller.must_have("audit:read")?;
    platform.store().audit_matching(query).await.map_err(fault)
}
