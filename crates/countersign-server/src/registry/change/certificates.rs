//! When may a certificate be registered or revoked?

use std::sync::Arc;

use countersign_proto::{
    assertion::PLATFORM_CLIENT_ID,
    management::{CertificateUsage, RegisteredCertificate},
    thumbprint::Thumbprint,
    time::UnixTime,
};

use super::present;
use crate::registry::{
    CertificateEntry, Registry, RegistryError,
    text::{self, invalid},
};

impl Registry {
    pub(super) fn register_certificate(
        &mut self,
        record: &RegisteredCertificate,
    ) -> Result<(), RegistryError> {
        let entry = CertificateEntry::from_record(record.clone())?;
        entry.may_sign()?;
        match record.usage {
            CertificateUsage::Client if record.client_id == PLATFORM_CLIENT_ID => {
                return Err(invalid(
                    "certificate",
                    "usage `client` cannot belong to the platform".to_owned(),
                ));
            }
            CertificateUsage::Client => {
                present(
                    "application",
                    &record.client_id,
                    self.applications.get(&record.client_id),
                )?;
            }
            CertificateUsage::Platform if record.client_id != PLATFORM_CLIENT_ID => {
                return Err(invalid(
                    "certificate",
                    format!("usage `platform` belongs to `{PLATFORM_CLIENT_ID}`"),
                ));
            }
            CertificateUsage::Platform => {}
        }
        self.refuse_same_certificate(&entry)?;
        if let Some(alias) = &record.kid_alias {
            self.refuse_alias(&record.client_id, alias)?;
        }
        if record.revoked_at.is_some() || record.revocation_reason.is_some() {
            return Err(invalid(
                "certificate",
                "a revoked certificate cannot be registered".to_owned(),
            ));
        }
        self.insert_certificate(entry);
        Ok(())
    }

    /// One certificate, one row; one key, one usage. The lab switch permits one row of each usage.
    pub(super) fn refuse_same_certificate(
        &self,
        new: &CertificateEntry,
    ) -> Result<(), RegistryError> {
        for old in self.certificates() {
            let same_usage = old.record.usage == new.record.usage;
            if old.certificate == new.certificate {
                if same_usage {
                    return Err(RegistryError::Exists {
                        what: "certificate",
                        name: new.record.sha256.clone(),
                    });
                }
                if old.record.revoked_at.is_some() {
                    return Err(invalid(
                        "certificate",
                        format!("{} was revoked", new.record.sha256),
                    ));
                }
            } else if old.record.sha1 == new.record.sha1 {
                return Err(invalid(
                    "certificate",
                    format!(
                        "its SHA-1 {} is that of the registered certificate {}; \
                         two certificates with one SHA-1 are forged",
                        new.record.sha1, old.record.sha256
                    ),
                ));
            }
            if !same_usage
                && !self.rules.shared_certificate
                && old.certificate.public_key() == new.certificate.public_key()
            {
                return Err(invalid(
                    "certificate",
                    format!(
                        "its key is registered for usage `{}`; one key never signs for both usages \
                         (the setting lab.shared_certificate permits it in a laboratory)",
                        old.usage_name()
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn refuse_alias(&self, client_id: &str, alias: &str) -> Result<(), RegistryError> {
        text::identifier("kid alias", alias)?;
        if Thumbprint::from_kid(alias).is_some() || Thumbprint::parse(alias).is_ok() {
            return Err(invalid(
                "kid alias",
                format!("`{alias}` looks like a thumbprint; choose a name that does not"),
            ));
        }
        let taken = self.certificates_of(client_id).iter().any(|entry| {
            entry.record.revoked_at.is_none() && entry.record.kid_alias.as_deref() == Some(alias)
        });
        if taken {
            return Err(RegistryError::Exists {
                what: "kid alias",
                name: alias.to_owned(),
            });
        }
        Ok(())
    }

    pub(super) fn revoke_certificate(
        &mut self,
        sha256: &str,
        at: UnixTime,
        reason: &str,
    ) -> Result<(), RegistryError> {
        text::description("revocation reason", reason)?;
        let rows = self.certificate_rows(sha256);
        if rows.is_empty() {
            return Err(RegistryError::NotFound {
                what: "certificate",
                name: sha256.to_owned(),
            });
        }
        let living: Vec<CertificateEntry> = rows
            .iter()
            .filter(|row| row.record.revoked_at.is_none())
            .map(|row| CertificateEntry::clone(row))
            .collect();
        if living.is_empty() {
            return Err(RegistryError::Exists {
                what: "revocation of certificate",
                name: sha256.to_owned(),
            });
        }
        for mut entry in living {
            entry.record.revoked_at = Some(at);
            entry.record.revocation_reason = Some(reason.to_owned());
            self.insert_certificate(entry);
        }
        Ok(())
    }

    /// Adds the row, or takes the place of the row with the same id and usage.
    pub(super) fn insert_certificate(&mut self, entry: CertificateEntry) {
        let entry = Arc::new(entry);
        let tables = Arc::make_mut(&mut self.certificates);
        let by_id = tables.by_id.entry(entry.record.sha256.clone()).or_default();
        let by_client = tables
            .by_client
            .entry(entry.record.client_id.clone())
            .or_default();
        for rows in [&mut *by_id, by_client] {
            match rows.iter_mut().find(|row| {
                row.record.sha256 == entry.record.sha256 && row.record.usage == entry.record.usage
            }) {
                Some(row) => *row = Arc::clone(&entry),
                None => rows.push(Arc::clone(&entry)),
            }
        }
        by_id.sort_by_key(|row| row.record.usage == CertificateUsage::Platform);
    }
}
