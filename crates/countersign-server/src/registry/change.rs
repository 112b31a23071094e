//! When does a change fit the registry?

use std::sync::Arc;

use countersign_proto::{
    assertion::PLATFORM_CLIENT_ID,
    management::{
        Application, CertificateUsage, Principal, PrincipalMapping, RegisteredCertificate, Role,
    },
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
};

use super::{
    CertificateEntry, Registry, RegistryRows, Rules,
    built_in::{self, ADMINISTRATOR, PLATFORM_PRINCIPAL, is_built_in_role},
    text::{self, invalid},
};

/// One change of the registry. Applied in one transaction with its audit row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// Adds an application.
    CreateApplication(Application),
    /// Replaces an application of the same client id.
    UpdateApplication(Application),
    /// Removes an application that has no mapping and no certificate but revoked ones. Those stay
    /// on record, so that they are never registered again.
    DeleteApplication {
        /// Which one.
        client_id: String,
    },
    /// Adds a certificate; see [`CertificateEntry::new`] for the record.
    RegisterCertificate(RegisteredCertificate),
    /// Ends a certificate for good, in every usage that it has.
    RevokeCertificate {
        /// Its id.
        sha256: String,
        /// From when on.
        at: UnixTime,
        /// For the audit.
        reason: String,
    },
    /// Adds a principal.
    CreatePrincipal(Principal),
    /// Replaces a principal of the same name. `platform` may be given other roles.
    UpdatePrincipal(Principal),
    /// Removes a principal that no mapping names.
    DeletePrincipal {
        /// Which one.
        name: String,
    },
    /// Adds a role.
    CreateRole(Role),
    /// Replaces a role of the same name that is not built in.
    UpdateRole(Role),
    /// Removes a role that no principal has and that is not built in.
    DeleteRole {
        /// Which one.
        name: String,
    },
    /// Adds a mapping.
    CreateMapping(PrincipalMapping),
    /// Removes a mapping.
    DeleteMapping {
        /// Which one.
        id: String,
    },
    /// Several in this order, all or none: the bootstrap. Counts as one change.
    All(Vec<Change>),
}

/// Why a change does not fit the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// What is to be changed, or what is referred to, is not there.
    #[error("{what} `{}` does not exist", name.escape_debug())]
    NotFound {
        /// The noun.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It is there already.
    #[error("{what} `{}` exists already", name.escape_debug())]
    Exists {
        /// The noun.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something else needs it.
    #[error("{what} `{}` is in use by {by}; remove that first", name.escape_debug())]
    InUse {
        /// The noun.
        what: &'static str,
        /// Its name.
        name: String,
        /// What needs it.
        by: String,
    },
    /// A value breaks a rule.
    #[error("{what}: {problem}")]
    Invalid {
        /// The noun.
        what: &'static str,
        /// The rule, and what to do.
        problem: String,
    },
}

impl Registry {
    /// The registry with `change`, or why it does not fit. Pure; every store applies the same rules.
    ///
    /// # Errors
    /// [`RegistryError`]; the registry is then as it was.
    pub fn apply(&self, change: &Change) -> Result<Registry, RegistryError> {
        let mut next = self.clone();
        next.admit(change)?;
        if has_administrator(self) && !has_administrator(&next) {
            return Err(invalid(
                "principal",
                "this would leave no enabled principal with the role Administrator; \
                 make another administrator first"
                    .to_owned(),
            ));
        }
        next.version = self.version + 1;
        Ok(next)
    }

    fn admit(&mut self, change: &Change) -> Result<(), RegistryError> {
        match change {
            Change::CreateApplication(application) => {
                absent(
                    "application",
                    &application.client_id,
                    self.applications.get(&application.client_id),
                )?;
                self.put_application(application)
            }
            Change::UpdateApplication(application) => {
                present(
                    "application",
                    &application.client_id,
                    self.applications.get(&application.client_id),
                )?;
                self.put_application(application)
            }
            Change::DeleteApplication { client_id } => self.delete_application(client_id),
            Change::RegisterCertificate(record) => self.register_certificate(record),
            Change::RevokeCertificate { sha256, at, reason } => {
                self.revoke_certificate(sha256, *at, reason)
            }
            Change::CreatePrincipal(principal) => {
                if text::is_reserved(&principal.name) {
                    return Err(invalid(
                        "principal",
                        format!(
                            "`{}` is reserved for the platform",
                            principal.name.escape_debug()
                        ),
                    ));
                }
                absent(
                    "principal",
                    &principal.name,
                    self.principals.get(&principal.name),
                )?;
                self.put_principal(principal)
            }
            Change::UpdatePrincipal(principal) => {
                present(
                    "principal",
                    &principal.name,
                    self.principals.get(&principal.name),
                )?;
                self.put_principal(principal)
            }
            Change::DeletePrincipal { name } => self.delete_principal(name),
            Change::CreateRole(role) => {
                absent("role", &role.name, self.roles.get(&role.name))?;
                self.put_role(role)
            }
            Change::UpdateRole(role) => {
                present("role", &role.name, self.roles.get(&role.name))?;
                self.put_role(role)
            }
            Change::DeleteRole { name } => self.delete_role(name),
            Change::CreateMapping(mapping) => self.create_mapping(mapping),
            Change::DeleteMapping { id } => self.delete_mapping(id),
            Change::All(changes) => changes.iter().try_for_each(|change| self.admit(change)),
        }
    }

    fn put_application(&mut self, application: &Application) -> Result<(), RegistryError> {
        text::client_id(&application.client_id)?;
        text::description("application name", &application.name)?;
        for scope in &application.scopes {
            let one_token = !scope.is_empty()
                && !scope.contains(' ')
                && Scope::parse(scope).is_ok_and(|parsed| parsed.contains(scope));
            if !one_token {
                return Err(invalid(
                    "scope",
                    format!(
                        "`{}` is not one scope token (RFC 6749, 3.3)",
                        scope.escape_debug()
                    ),
                ));
            }
        }
        if let Some(audience) = &application.audience {
            text::identifier("audience", audience)?;
        }
        if let Some(seconds) = application.assertion_lifetime_max_s
            && !(1..=ASSERTION_LIFETIME_MAX_S).contains(&seconds)
        {
            return Err(invalid(
                "assertion_lifetime_max_s",
                format!("{seconds} is not between 1 and {ASSERTION_LIFETIME_MAX_S} seconds"),
            ));
        }
        Arc::make_mut(&mut self.applications)
            .insert(application.client_id.clone(), Arc::new(application.clone()));
        Ok(())
    }

    fn delete_application(&mut self, client_id: &str) -> Result<(), RegistryError> {
        present("application", client_id, self.applications.get(client_id))?;
        let in_use = |by: String| RegistryError::InUse {
            what: "application",
            name: client_id.to_owned(),
            by,
        };
        if let Some(mapping) = self.mappings().find(|row| row.client_id == client_id) {
            return Err(in_use(format!("mapping {}", mapping.id)));
        }
        if let Some(entry) = self
            .certificates_of(client_id)
            .iter()
            .find(|entry| entry.record.revoked_at.is_none())
        {
            return Err(in_use(format!(
                "certificate {}, which is not revoked",
                entry.record.sha256
            )));
        }
        Arc::make_mut(&mut self.applications).remove(client_id);
        Ok(())
    }

    fn register_certificate(
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
    fn refuse_same_certificate(&self, new: &CertificateEntry) -> Result<(), RegistryError> {
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
                        usage_name(old.record.usage)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn refuse_alias(&self, client_id: &str, alias: &str) -> Result<(), RegistryError> {
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

    fn revoke_certificate(
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
    fn insert_certificate(&mut self, entry: CertificateEntry) {
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

    fn put_principal(&mut self, principal: &Principal) -> Result<(), RegistryError> {
        text::identifier("principal", &principal.name)?;
        text::description("display name", &principal.display_name)?;
        for (at, role) in principal.roles.iter().enumerate() {
            present("role", role, self.roles.get(role))?;
            if principal
                .roles
                .iter()
                .take(at)
                .any(|earlier| earlier == role)
            {
                return Err(invalid("role", format!("`{role}` is given twice")));
            }
        }
        Arc::make_mut(&mut self.principals)
            .insert(principal.name.clone(), Arc::new(principal.clone()));
        Ok(())
    }

    fn delete_principal(&mut self, name: &str) -> Result<(), RegistryError> {
        if name == PLATFORM_PRINCIPAL {
            return Err(invalid(
                "principal",
                "`platform` stands for the platform's own components and cannot be deleted"
                    .to_owned(),
            ));
        }
        present("principal", name, self.principals.get(name))?;
        if let Some(mapping) = self.mappings().find(|row| row.principal == name) {
            return Err(RegistryError::InUse {
                what: "principal",
                name: name.to_owned(),
                by: format!("mapping {}", mapping.id),
            });
        }
        Arc::make_mut(&mut self.principals).remove(name);
        Ok(())
    }

    fn put_role(&mut self, role: &Role) -> Result<(), RegistryError> {
        refuse_built_in(&role.name)?;
        text::identifier("role", &role.name)?;
        text::description("role description", &role.description)?;
        if role.built_in {
            return Err(invalid(
                "role",
                "only the platform makes built-in roles".to_owned(),
            ));
        }
        if let Some(unknown) = role
            .permissions
            .iter()
            .find(|text| !built_in::is_permission(text))
        {
            return Err(invalid(
                "permission",
                format!(
                    "`{}` is unknown; permitted are `*`, and `read` or `write` of {} (as `audit:read`)",
                    unknown.escape_debug(),
                    built_in::NOUNS.join(", ")
                ),
            ));
        }
        Arc::make_mut(&mut self.roles).insert(role.name.clone(), Arc::new(role.clone()));
        Ok(())
    }

    fn delete_role(&mut self, name: &str) -> Result<(), RegistryError> {
        refuse_built_in(name)?;
        present("role", name, self.roles.get(name))?;
        if let Some(principal) = self
            .principals()
            .find(|principal| principal.roles.iter().any(|role| role == name))
        {
            return Err(RegistryError::InUse {
                what: "role",
                name: name.to_owned(),
                by: format!("principal {}", principal.name),
            });
        }
        Arc::make_mut(&mut self.roles).remove(name);
        Ok(())
    }

    fn create_mapping(&mut self, mapping: &PrincipalMapping) -> Result<(), RegistryError> {
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

    fn check_mapping(&self, mapping: &PrincipalMapping) -> Result<(), RegistryError> {
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

    fn insert_mapping(&mut self, mapping: &PrincipalMapping) {
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

    fn delete_mapping(&mut self, id: &str) -> Result<(), RegistryError> {
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

/// Builds a registry from the rows of a store, whose integrity is checked again.
pub(super) fn rebuild(
    rules: Rules,
    version: u64,
    rows: RegistryRows,
) -> Result<Registry, RegistryError> {
    let mut registry = Registry::new(rules);
    for role in &rows.roles {
        registry.put_role(role)?;
    }
    for principal in &rows.principals {
        registry.put_principal(principal)?;
    }
    for application in &rows.applications {
        registry.put_application(application)?;
    }
    for record in rows.certificates {
        registry.insert_certificate(CertificateEntry::from_record(record)?);
    }
    for mapping in &rows.mappings {
        registry.check_mapping(mapping)?;
        registry.insert_mapping(mapping);
    }
    registry.version = version;
    Ok(registry)
}

/// Longest `exp - iat` that an application may be granted, in seconds.
const ASSERTION_LIFETIME_MAX_S: u64 = 3600;

fn has_administrator(registry: &Registry) -> bool {
    registry.principals().any(|principal| {
        principal.enabled
            && principal.name != PLATFORM_PRINCIPAL
            && principal.roles.iter().any(|role| role == ADMINISTRATOR)
    })
}

fn refuse_built_in(name: &str) -> Result<(), RegistryError> {
    if is_built_in_role(name) {
        return Err(invalid(
            "role",
            format!("`{name}` is built in and cannot be made, changed or deleted"),
        ));
    }
    Ok(())
}

fn present<T>(what: &'static str, name: &str, found: Option<T>) -> Result<(), RegistryError> {
    found.map(drop).ok_or_else(|| RegistryError::NotFound {
        what,
        name: name.to_owned(),
    })
}

fn absent<T>(what: &'static str, name: &str, found: Option<T>) -> Result<(), RegistryError> {
    match found {
        None => Ok(()),
        Some(_) => Err(RegistryError::Exists {
            what,
            name: name.to_owned(),
        }),
    }
}

const fn usage_name(usage: CertificateUsage) -> &'static str {
    match usage {
        CertificateUsage::Client => "client",
        CertificateUsage::Platform => "platform",
    }
}
