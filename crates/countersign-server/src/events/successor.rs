//! Was a certificate replaced, so that its end does no harm?

use std::time::Duration;

use countersign_proto::{
    certificate::Validity,
    management::{AuditFilter, AuditOutcome},
    time::UnixTime,
};

use crate::{
    registry::{CertificateEntry, Registry},
    store::{AuditQuery, Store, StoreError},
};

/// A certificate that signed within this time is still used.
const QUIET: Duration = Duration::from_secs(7 * 86_400);

/// Whether a newer certificate may do all that this one does: of the same name, application and usage,
/// valid now and for longer, and mapped to each principal that this one is mapped to.
///
/// The name must be the same, because machines that share an application have certificates of their
/// own: the one of a machine does not replace that of another.
pub(super) fn is_there(registry: &Registry, entry: &CertificateEntry, now: UnixTime) -> bool {
    let principals = |entry: &CertificateEntry| {
        let record = &entry.record;
        let mappings = registry.mappings_of(&record.client_id, &record.sha256);
        let names = mappings.iter().map(|mapping| mapping.principal.clone());
        names.collect::<std::collections::BTreeSet<String>>()
    };
    registry.certificates().any(|other| {
        (&other.record.client_id, other.record.usage)
            == (&entry.record.client_id, entry.record.usage)
            && other.certificate.subject() == entry.certificate.subject()
            && other.record.revoked_at.is_none()
            && other.record.not_after > entry.record.not_after
            && matches!(other.certificate.validity(now), Validity::Valid)
            && principals(other).is_superset(&principals(entry))
    })
}

/// Whether it signed for a token lately, by the audit.
pub(super) async fn is_still_used(
    store: &dyn Store,
    entry: &CertificateEntry,
    now: UnixTime,
) -> Result<bool, StoreError> {
    let query = AuditQuery {
        filter: AuditFilter {
            action: Some("token.issue".to_owned()),
            outcome: Some(AuditOutcome::Ok),
            certificate: Some(entry.record.sha256.clone()),
            from: Some(now.minus(QUIET)),
            ..AuditFilter::default()
        },
        after: None,
        limit: 1,
    };
    Ok(!store.audit_matching(query).await?.items.is_empty())
}
