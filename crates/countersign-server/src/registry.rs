//! Who and what is registered?
//!
//! The registry is a value held whole in memory: a token request reads it without touching the
//! store. A change is a value too; the store makes it durable, [`Registry::apply`] makes it visible.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use countersign_proto::{
    assertion::PLATFORM_CLIENT_ID,
    management::{
        Application, CertificateUsage, Principal, PrincipalMapping, RegisteredCertificate, Role,
    },
    thumbprint::Thumbprint,
};

mod change;
pub use change::{Change, RegistryError};

mod entry;
pub use entry::CertificateEntry;

mod built_in;
pub use built_in::{
    ADMINISTRATOR, DEVELOPER, OPERATOR, PLATFORM_PRINCIPAL, PLATFORM_ROLE, READER, is_built_in_role,
};
pub(crate) use built_in::{SCOPE, is_permission, permitted_scope};

mod text;
pub(crate) use text::{
    client_id as check_client_id, description as check_display_name,
    principal_name as check_principal_name, token_name as check_token_name,
};

/// Everything registered, indexed for the questions that a token request asks.
///
/// Cheap to clone: a clone shares every table, and a change copies only the tables it touches.
/// From the start it holds the built-in roles and the principal `platform`.
#[derive(Clone, Debug)]
pub struct Registry {
    rules: Rules,
    version: u64,
    applications: Arc<BTreeMap<String, Arc<Application>>>,
    certificates: Arc<Certificates>,
    principals: Arc<BTreeMap<String, Arc<Principal>>>,
    roles: Arc<BTreeMap<String, Arc<Role>>>,
    mappings: Arc<Mappings>,
}

/// Which rules an operator may loosen, in a laboratory only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// One certificate may be registered for usage `client` and for usage `platform`.
    ///
    /// While this is off, a certificate that was registered for both does not sign for the
    /// platform: [`Registry::certificate_by_kid`] does not find it there.
    pub shared_certificate: bool,
}

/// Everything that a store keeps of a registry, as it was read.
#[derive(Clone, Debug, Default)]
pub struct RegistryRows {
    /// Applications.
    pub applications: Vec<Application>,
    /// Certificates, revoked ones too.
    pub certificates: Vec<RegisteredCertificate>,
    /// Principals; `platform` is added when it is missing.
    pub principals: Vec<Principal>,
    /// Roles without the built-in ones.
    pub roles: Vec<Role>,
    /// Mappings.
    pub mappings: Vec<PrincipalMapping>,
}

#[derive(Clone, Debug, Default)]
struct Certificates {
    /// By SHA-256; two rows only for a certificate shared by both usages, the client's first.
    by_id: BTreeMap<String, Vec<Arc<CertificateEntry>>>,
    by_client: HashMap<String, Vec<Arc<CertificateEntry>>>,
}

#[derive(Clone, Debug, Default)]
struct Mappings {
    by_id: BTreeMap<String, Arc<PrincipalMapping>>,
    /// By client, then by the certificate's SHA-256.
    by_certificate: HashMap<String, HashMap<String, Vec<Arc<PrincipalMapping>>>>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new(Rules::default())
    }
}

impl Registry {
    /// A registry with the built-in roles and the principal `platform`, and nothing else.
    pub fn new(rules: Rules) -> Registry {
        let platform = built_in::platform_principal();
        Registry {
            rules,
            version: 0,
            applications: Arc::default(),
            certificates: Arc::default(),
            principals: Arc::new(BTreeMap::from([(
                platform.name.clone(),
                Arc::new(platform),
            )])),
            roles: Arc::new(
                built_in::roles()
                    .into_iter()
                    .map(|role| (role.name.clone(), Arc::new(role)))
                    .collect(),
            ),
            mappings: Arc::default(),
        }
    }

    /// Builds a registry from what a store kept.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] when the rows do not belong together: a reference that leads
    /// nowhere, or a certificate whose columns are not those of its PEM.
    pub fn from_rows(
        rules: Rules,
        version: u64,
        rows: RegistryRows,
    ) -> Result<Registry, RegistryError> {
        change::rebuild(rules, version, rows)
    }

    /// The rules that changes are held to.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Counts changes; grows by one with each.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The application with this client id.
    pub fn application(&self, client_id: &str) -> Option<&Arc<Application>> {
        self.applications.get(client_id)
    }

    /// The principal with this name, compared exactly.
    pub fn principal(&self, name: &str) -> Option<&Arc<Principal>> {
        self.principals.get(name)
    }

    /// The role with this name.
    pub fn role(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(name)
    }

    /// Every certificate of one client, revoked ones too. The platform's are those of
    /// `countersign:platform`.
    pub fn certificates_of(&self, client_id: &str) -> &[Arc<CertificateEntry>] {
        self.certificates
            .by_client
            .get(client_id)
            .map_or(&[], Vec::as_slice)
    }

    /// The certificate with this id (lower-case hexadecimal SHA-256); the client's row where a
    /// certificate is shared.
    pub fn certificate(&self, sha256: &str) -> Option<&Arc<CertificateEntry>> {
        self.certificate_rows(sha256).first()
    }

    /// Every row of the certificate with this id: two where it is shared by both usages, else one.
    pub fn certificate_rows(&self, sha256: &str) -> &[Arc<CertificateEntry>] {
        self.certificates
            .by_id
            .get(sha256)
            .map_or(&[], Vec::as_slice)
    }

    /// The certificate of `client_id` that `kid` names: its SHA-1 or SHA-256 in one of the forms
    /// of [`Thumbprint::from_kid`], or this client's literal alias, compared exactly.
    ///
    /// A revoked certificate is found too, so that it can be refused by name; an alias that was
    /// given again after a revocation names the living certificate.
    pub fn certificate_by_kid(&self, client_id: &str, kid: &str) -> Option<&Arc<CertificateEntry>> {
        match Thumbprint::from_kid(kid) {
            Some(thumbprint) => self.certificate_by_thumbprint(client_id, &thumbprint),
            None => {
                let mut named = self
                    .usable_certificates_of(client_id)
                    .filter(|entry| entry.record.kid_alias.as_deref() == Some(kid));
                let first = named.next()?;
                if first.record.revoked_at.is_none() {
                    return Some(first);
                }
                named
                    .find(|entry| entry.record.revoked_at.is_none())
                    .or(Some(first))
            }
        }
    }

    /// The certificate of `client_id` with this thumbprint, of either kind.
    pub fn certificate_by_thumbprint(
        &self,
        client_id: &str,
        thumbprint: &Thumbprint,
    ) -> Option<&Arc<CertificateEntry>> {
        self.usable_certificates_of(client_id)
            .find(|entry| entry.certificate.has_thumbprint(thumbprint))
    }

    /// The mapping rows of one certificate for one client.
    pub fn mappings_of(&self, client_id: &str, sha256: &str) -> &[Arc<PrincipalMapping>] {
        self.mappings
            .by_certificate
            .get(client_id)
            .and_then(|certificates| certificates.get(sha256))
            .map_or(&[], Vec::as_slice)
    }

    /// The mapping with this id.
    pub fn mapping(&self, id: &str) -> Option<&Arc<PrincipalMapping>> {
        self.mappings.by_id.get(id)
    }

    /// Applications, sorted by client id.
    pub fn applications(&self) -> impl Iterator<Item = &Arc<Application>> {
        self.applications.values()
    }

    /// Certificates, sorted by SHA-256.
    pub fn certificates(&self) -> impl Iterator<Item = &Arc<CertificateEntry>> {
        self.certificates.by_id.values().flatten()
    }

    /// Principals, sorted by name.
    pub fn principals(&self) -> impl Iterator<Item = &Arc<Principal>> {
        self.principals.values()
    }

    /// Roles, the built-in ones too, sorted by name.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    /// Mappings, sorted by id.
    pub fn mappings(&self) -> impl Iterator<Item = &Arc<PrincipalMapping>> {
        self.mappings.by_id.values()
    }

    /// A certificate that both usages share signs for the platform only while the lab switch is on.
    fn usable_certificates_of(
        &self,
        client_id: &str,
    ) -> impl Iterator<Item = &Arc<CertificateEntry>> {
        let guarded = client_id == PLATFORM_CLIENT_ID && !self.rules.shared_certificate;
        self.certificates_of(client_id).iter().filter(move |entry| {
            !guarded
                || self
                    .certificate_rows(&entry.record.sha256)
                    .iter()
                    .all(|row| row.record.usage == CertificateUsage::Platform)
        })
    }
}

#[cfg(test)]
mod tests;
