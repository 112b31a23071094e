//! When does a change fit the registry?

use countersign_proto::{
    management::{Application, Principal, PrincipalMapping, RegisteredCertificate, Role},
    time::UnixTime,
};

use super::{
    ADMINISTRATOR, CertificateEntry, PLATFORM_PRINCIPAL, Registry, RegistryRows, Rules,
    text::{self, invalid},
};

mod applications;

mod certificates;

mod principals;

mod roles;

mod mappings;

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
                text::principal_name(&principal.name)?;
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
                self.refuse_built_in(&role.name)?;
                absent("role", &role.name, self.roles.get(&role.name))?;
                self.put_role(role)
            }
            Change::UpdateRole(role) => {
                self.refuse_built_in(&role.name)?;
                present("role", &role.name, self.roles.get(&role.name))?;
                self.put_role(role)
            }
            Change::DeleteRole { name } => self.delete_role(name),
            Change::CreateMapping(mapping) => self.create_mapping(mapping),
            Change::DeleteMapping { id } => self.delete_mapping(id),
            Change::All(changes) => changes.iter().try_for_each(|change| self.admit(change)),
        }
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
        registry.keep_role(role)?;
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

fn has_administrator(registry: &Registry) -> bool {
    registry.principals().any(|principal| {
        principal.enabled
            && principal.name != PLATFORM_PRINCIPAL
            && principal.roles.iter().any(|role| role == ADMINISTRATOR)
    })
}

fn present<T>(what: &'static str, name: &str, found: Option<&T>) -> Result<(), RegistryError> {
    found.map(drop).ok_or_else(|| RegistryError::NotFound {
        what,
        name: name.to_owned(),
    })
}

fn absent<T>(what: &'static str, name: &str, found: Option<&T>) -> Result<(), RegistryError> {
    match found {
        None => Ok(()),
        Some(_) => Err(RegistryError::Exists {
            what,
            name: name.to_owned(),
        }),
    }
}
