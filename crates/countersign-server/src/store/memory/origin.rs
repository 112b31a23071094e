//! Does that still stand by which a token is granted while the process lives?

use super::State;
use crate::store::{
    ROTATED, SessionState, StoreError, TokenRow,
    token::{origin_deleted, origin_revoked},
};

impl State {
    /// Refuses a token that would be granted by what was revoked or deleted meanwhile.
    pub(super) fn require_origin(&self, row: &TokenRow) -> Result<(), StoreError> {
        self.require_roles(row)?;
        match self.origin(row) {
            Some(origin) if origin.revoked_at.is_some() => {
                return Err(origin_revoked("token").into());
            }
            Some(_) => {}
            // Not by a granted token, which would rest on this itself.
            None => {
                self.require_session(row)?;
                self.require_registered(row)?;
            }
        }
        self.require_certificate(row)
    }

    /// The same of a token that takes the place of another, which lives: what that was granted with
    /// may have been replaced since.
    pub(super) fn require_origin_of_line(&self, row: &TokenRow) -> Result<(), StoreError> {
        self.require_roles(row)?;
        let replaced = |origin: &TokenRow| origin.revocation_reason.as_deref() == Some(ROTATED);
        match self.origin(row) {
            Some(origin) if origin.revoked_at.is_some() && !replaced(origin) => {
                Err(origin_revoked("token").into())
            }
            _ => self.require_certificate(row),
        }
    }

    fn origin(&self, row: &TokenRow) -> Option<&TokenRow> {
        self.tokens.get(row.created_through.as_ref()?)
    }

    fn require_roles(&self, row: &TokenRow) -> Result<(), StoreError> {
        let gone = |role: &&String| self.registry.role(role).is_none();
        match row.roles.iter().find(gone) {
            Some(_) => Err(origin_deleted("role").into()),
            None => Ok(()),
        }
    }

    fn require_session(&self, row: &TokenRow) -> Result<(), StoreError> {
        let through = row.created_through.as_ref();
        let session = through.and_then(|id| self.sessions.get(id));
        match session.is_some_and(|session| session.state == SessionState::Ended) {
            true => Err(origin_revoked("session").into()),
            false => Ok(()),
        }
    }

    fn require_registered(&self, row: &TokenRow) -> Result<(), StoreError> {
        if let Some(client_id) = &row.application {
            let application = self.registry.application(client_id);
            application.ok_or_else(|| origin_deleted("application"))?;
        }
        if let Some(certificate) = &row.certificate {
            let mapping = self.registry.mappings().find(|mapping| {
                mapping.certificate == *certificate && mapping.principal == row.created_by
            });
            mapping.ok_or_else(|| origin_deleted("mapping"))?;
        }
        Ok(())
    }

    fn require_certificate(&self, row: &TokenRow) -> Result<(), StoreError> {
        let certificate = row.certificate.as_deref();
        let mut entries = certificate
            .into_iter()
            .flat_map(|sha256| self.registry.certificate_rows(sha256));
        match entries.any(|entry| entry.record.revoked_at.is_some()) {
            true => Err(origin_revoked("certificate").into()),
            false => Ok(()),
        }
    }
}
