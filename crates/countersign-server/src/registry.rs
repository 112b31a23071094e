//! Who and what is registered, and how does that change?
//!
//! The registry is a value held whole in memory: a token request reads it without touching the
//! store. A change is a value too; the store makes it durable, `apply` makes it visible.

use std::{collections::HashMap, sync::Arc};

use countersign_proto::{
    certificate::Certificate,
    management::{Application, Principal, PrincipalMapping, RegisteredCertificate, Role},
    time::UnixTime,
};

/// Everything registered, indexed for the questions that a token request asks. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Registry {/* Arc'd maps; grows by apply */}

/// A registered certificate, parsed once.
#[derive(Clone, Debug)]
pub struct CertificateEntry {
    pub record: RegisteredCertificate,
    pub certificate: Certificate,
}

/// One change of the registry. Applied in one transaction with its audit row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    CreateApplication(Application),
    UpdateApplication(Application),
    DeleteApplication {
        client_id: String,
    },
    RegisterCertificate(RegisteredCertificate),
    RevokeCertificate {
        sha256: String,
        at: UnixTime,
        reason: String,
    },
    CreatePrincipal(Principal),
    UpdatePrincipal(Principal),
    DeletePrincipal {
        name: String,
    },
    CreateRole(Role),
    UpdateRole(Role),
    DeleteRole {
        name: String,
    },
    CreateMapping(PrincipalMapping),
    DeleteMapping {
        id: String,
    },
    /** several, all or none: the bootstrap */
    All(Vec<Change>),
}

/// Why a change does not fit the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    NotFound {
        what: &'static str,
        name: String,
    },
    Exists {
        what: &'static str,
        name: String,
    },
    InUse {
        what: &'static str,
        name: String,
        by: String,
    },
    Invalid {
        what: &'static str,
        problem: String,
    },
}

impl Registry {
    /// The registry with `change`, or why it does not fit. Pure; every store applies the same rules.
    pub fn apply(&self, _change: &Change) -> Result<Registry, RegistryError> {
        todo!()
    }
    /// Counts changes; grows by one with each.
    pub fn version(&self) -> u64 {
        todo!()
    }
    pub fn application(&self, _client_id: &str) -> Option<&Arc<Application>> {
        todo!()
    }
    pub fn principal(&self, _name: &str) -> Option<&Arc<Principal>> {
        todo!()
    }
    pub fn role(&self, _name: &str) -> Option<&Arc<Role>> {
        todo!()
    }
    /// Every certificate of one client, revoked ones too.
    pub fn certificates_of(&self, _client_id: &str) -> &[Arc<CertificateEntry>] {
        todo!()
    }
    pub fn certificate(&self, _sha256: &str) -> Option<&Arc<CertificateEntry>> {
        todo!()
    }
    /// The certificate of `client_id` that `kid` names: SHA-1, SHA-256 or this client's literal alias.
    pub fn certificate_by_kid(
        &self,
        _client_id: &str,
        _kid: &str,
    ) -> Option<&Arc<CertificateEntry>> {
        todo!()
    }
    /// The mapping rows of one certificate for one client.
    pub fn mappings_of(&self, _client_id: &str, _sha256: &str) -> &[Arc<PrincipalMapping>] {
        todo!()
    }
    pub fn mapping(&self, _id: &str) -> Option<&Arc<PrincipalMapping>> {
        todo!()
    }
    /// In stable order by id, for lists.
    pub fn applications(&self) -> impl Iterator<Item = &Arc<Application>> {
        HashMap::<String, Arc<Application>>::new()
            .into_values()
            .collect::<Vec<_>>()
            .leak()
            .iter()
    }
}
