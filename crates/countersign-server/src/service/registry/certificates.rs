//! Who may register a certificate, and revoke it?

use std::sync::Arc;

use countersign_proto::{
    management::{
        CertificateFilter, CertificateState, CertificateUsage, NewCertificate,
        RegisteredCertificate,
    },
    thumbprint::Thumbprint,
    time::UnixTime,
};

use super::{
    ChangeRefusal, Step, apply, attempt, must_be_able_to_give, must_cover, permissions_of, present,
};
use crate::{
    Platform,
    registry::{CertificateEntry, Change, PLATFORM_PRINCIPAL, Registry, RegistryError},
    service::Caller,
};

const READ: &str = "certificates:read";
const WRITE: &str = "certificates:write";

/// Those that `filter` lets through, revoked ones too, in stable order.
pub(crate) fn list(
    platform: &Platform,
    caller: &Caller,
    filter: &CertificateFilter,
) -> Result<Vec<Arc<CertificateEntry>>, ChangeRefusal> {
    caller.must_have(READ)?;
    let thumbprint = filter.thumbprint.as_deref().map(Thumbprint::parse);
    let thumbprint = thumbprint.transpose().map_err(|_| RegistryError::Invalid {
        what: "thumbprint",
        problem: "has to be 40 or 64 hexadecimal digits".to_owned(),
    })?;
    let now = platform.now();
    let wanted = |entry: &&Arc<CertificateEntry>| {
        let record = &entry.record;
        let client = filter.client_id.as_ref();
        client.is_none_or(|client| *client == record.client_id)
            && filter.usage.is_none_or(|usage| usage == record.usage)
            && filter.state.is_none_or(|it| it == state(record, now))
            && thumbprint
                .as_ref()
                .is_none_or(|it| entry.certificate.has_thumbprint(it))
    };
    Ok(platform
        .registry()
        .certificates()
        .filter(wanted)
        .cloned()
        .collect())
}

/// Where one stands.
pub(crate) fn state(record: &RegisteredCertificate, now: UnixTime) -> CertificateState {
    if record.revoked_at.is_some() {
        CertificateState::Revoked
    } else if now < record.not_before {
        CertificateState::NotYetValid
    } else if now > record.not_after {
        CertificateState::Expired
    } else {
        CertificateState::Valid
    }
}

/// One.
pub(crate) fn find(
    platform: &Platform,
    caller: &Caller,
    sha256: &str,
) -> Result<RegisteredCertificate, ChangeRefusal> {
    caller.must_have(READ)?;
    let registry = platform.registry();
    let entry = present(registry.certificate(sha256), "certificate", sha256)?;
    Ok(entry.record.clone())
}

/// Registers one. A platform certificate gives its holder what the principal `platform` has.
pub(crate) async fn register(
    platform: &Platform,
    caller: &Caller,
    asked: NewCertificate,
) -> Result<RegisteredCertificate, ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        caller.must_have(WRITE)?;
        if asked.usage == CertificateUsage::Platform {
            must_be_able_to_give(caller, PLATFORM_PRINCIPAL, &platform.registry())?;
        }
        let record = CertificateEntry::new(&asked)?.record;
        let step = Step {
            subject: record.sha256.clone(),
            action: "certificate.register",
            change: Change::RegisterCertificate(record.clone()),
        };
        apply(platform, caller, step).await?;
        Ok(record)
    })
    .await
}

/// Revokes one, at once and for good: it signs nothing any more, and what it earned is inactive. Who
/// signs in by it is shut out, so nobody revokes that of somebody who may do more.
pub(crate) async fn revoke(
    platform: &Platform,
    caller: &Caller,
    sha256: &str,
    reason: String,
) -> Result<RegisteredCertificate, ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        caller.must_have(WRITE)?;
        must_cover_holders(caller, sha256, &platform.registry())?;
        let step = Step {
            subject: sha256.to_owned(),
            action: "certificate.revoke",
            change: Change::RevokeCertificate {
                sha256: sha256.to_owned(),
                at: platform.now(),
                reason,
            },
        };
        let registry = apply(platform, caller, step).await?;
        let entry = present(registry.certificate(sha256), "certificate", sha256)?;
        Ok(entry.record.clone())
    })
    .await
}

/// Whoever signs in by a certificate, in every usage that it has.
fn must_cover_holders(
    caller: &Caller,
    sha256: &str,
    registry: &Registry,
) -> Result<(), ChangeRefusal> {
    let mappings = registry.mappings();
    let mapped = mappings.filter(|mapping| mapping.certificate == sha256);
    let mut holders: Vec<&str> = mapped.map(|mapping| mapping.principal.as_str()).collect();
    let rows = registry.certificate_rows(sha256);
    if rows
        .iter()
        .any(|entry| entry.record.usage == CertificateUsage::Platform)
    {
        holders.push(PLATFORM_PRINCIPAL);
    }
    holders.into_iter().try_for_each(|holder| {
        let held = permissions_of(registry, holder);
        must_cover(
            caller,
            &held,
            "a principal that signs in by this certificate",
        )
    })
}
