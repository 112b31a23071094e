//! When may a certificate stand for a principal?

use std::sync::Arc;

use countersign_proto::management::PrincipalMapping;

use super::{absent, present};
use crate::registry::{
    PLATFORM_PRINCIPAL, Registry, RegistryError,
    text::{self, invalid},
};

impl Registry {
    pub(super) fn create_mapping(
        &mut self,
        mapping: &PrincipalMapping,
    ) -> Result<(), RegistryError> {
        text::identifier("mapping id", &mapping.id)?;
        absent("mapping", &mapping.id, self.mapping(&mapping.id))?;
        self.check_mapping(mapping)?;
        let revoked = self
            .certificate_rows(&mapping.certificate)
            .iter()
            .any(|row| row.record.revoked_at.is_some());
        if revoked {
            return Err(invalid(
                "mapping",
                format!("certificate {} is revoked", mapping.certificate),
            ));
        }
        self.insert_mapping(mapping);
        Ok(())
    }

    pub(super) fn check_mapping(&self, mapping: &PrincipalMapping) -> Result<(), RegistryError> {
        if mapping.principal == PLATFORM_PRINCIPAL {
            return Err(invalid(
                "mapping",
                "no certificate maps to `platform`; platform tokens are signed for".to_owned(),
            ));
        }
        present(
            "application",
            &mapping.client_id,
            self.applications.get(&mapping.client_id),
        )?;
        present(
            "principal",
            &mapping.principal,
            self.principals.get(&mapping.principal),
        )?;
        let rows = self.certificate_rows(&mapping.certificate);
        present("certificate", &mapping.certificate, rows.first())?;
        if !rows
            .iter()
            .any(|row| row.record.client_id == mapping.client_id)
        {
            return Err(invalid(
                "mapping",
                format!(
                    "certificate {} does not belong to application {}",
                    mapping.certificate, mapping.client_id
                ),
            ));
        }
        for row in self.mappings_of(&mapping.client_id, &mapping.certificate) {
            if row.principal == mapping.principal {
                return Err(RegistryError::Exists {
                    what: "mapping to principal",
                    name: mapping.principal.clone(),
                });
            }
            if row.is_default && mapping.is_default {
                return Err(invalid(
                    "mapping",
                    format!(
                        "mapping {} to `{}` is the default of this certificate already; remove it first",
                        row.id, row.principal
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn insert_mapping(&mut self, mapping: &PrincipalMapping) {
        let mapping = Arc::new(mapping.clone());
        let tables = Arc::make_mut(&mut self.mappings);
        tables
            .by_id
            .insert(mapping.id.clone(), Arc::clone(&mapping));
        tables
            .by_certificate
            .entry(mapping.client_id.clone())
            .or_default()
            .entry(mapping.certificate.clone())
            .or_default()
            .push(mapping);
    }

    pub(super) fn delete_mapping(&mut self, id: &str) -> Result<(), RegistryError> {
        let tables = Arc::make_mut(&mut self.mappings);
        let Some(mapping) = tables.by_id.remove(id) else {
            return Err(RegistryError::NotFound {
                what: "mapping",
                name: id.to_owned(),
            });
        };
        if let Some(certificates) = tables.by_certificate.get_mut(&mapping.client_id)
            && let Some(rows) = certificates.get_mut(&mapping.certificate)
        {
            rows.retain(|row| row.id != id);
        }
        Ok(())
    }
}
