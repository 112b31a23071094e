//! Who may say whom a certificate stands for?
//!
//! A mapping gives the holder of a certificate what the principal has, so nobody maps to a
//! principal that may do more than he may, or has a role that he has not.

use std::sync::Arc;

use countersign_proto::{
    management::{MappingFilter, NewMapping, PrincipalMapping},
    time::UnixTime,
};
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    ChangeRefusal, Step, must_be_able_to_give, must_cover,
    noun::{Facts, Noun, is},
    permissions_of, present,
};
use crate::registry::{Change, Registry};

/// The mappings. One is made and taken away, never changed: what it earned hangs on it.
pub(crate) enum Mappings {}

impl Noun for Mappings {
    type Item = PrincipalMapping;
    type New = NewMapping;
    type Filter = MappingFilter;

    const NAME: &'static str = "mapping";
    const READ: &'static str = "mappings:read";
    const WRITE: &'static str = "mappings:write";
    const ID: &'static str = "id";

    fn id(item: &PrincipalMapping) -> &str {
        &item.id
    }

    fn takes(filter: &MappingFilter, it: &PrincipalMapping) -> bool {
        is(&filter.certificate, &it.certificate)
            && is(&filter.client_id, &it.client_id)
            && is(&filter.principal, &it.principal)
    }

    fn all(registry: &Registry) -> Vec<Arc<PrincipalMapping>> {
        registry.mappings().cloned().collect()
    }

    fn one(registry: &Registry, id: &str) -> Option<Arc<PrincipalMapping>> {
        registry.mapping(id).cloned()
    }

    /// The certificate may be named by thumbprint or alias.
    fn creation(facts: &Facts<'_>, asked: NewMapping) -> Result<Step, ChangeRefusal> {
        must_be_able_to_give(facts.caller, &asked.principal, facts.registry)?;
        let mapping = PrincipalMapping {
            id: fresh_id(facts.now),
            certificate: certificate_id(facts.registry, &asked)?,
            client_id: asked.client_id,
            principal: asked.principal,
            is_default: asked.is_default,
        };
        Ok(Step {
            subject: mapping.id.clone(),
            action: "mapping.create",
            change: Change::CreateMapping(mapping),
        })
    }

    /// What it earned is inactive from now on.
    fn removal(facts: &Facts<'_>, id: &str) -> Result<Step, ChangeRefusal> {
        let mapping = present(facts.registry.mapping(id), Self::NAME, id)?;
        must_cover_principal(facts, &mapping.principal)?;
        Ok(Step {
            subject: id.to_owned(),
            action: "mapping.delete",
            change: Change::DeleteMapping { id: id.to_owned() },
        })
    }
}

fn must_cover_principal(facts: &Facts<'_>, name: &str) -> Result<(), ChangeRefusal> {
    let held = permissions_of(facts.registry, name);
    must_cover(facts.caller, &held, "this principal")
}

/// Sorted by time of making, so that lists keep their order.
fn fresh_id(now: UnixTime) -> String {
    let at = Timestamp::from_unix(NoContext, now.as_secs(), 0);
    Uuid::new_v7(at).to_string()
}

fn certificate_id(registry: &Registry, asked: &NewMapping) -> Result<String, ChangeRefusal> {
    let by_id = registry
        .certificate(&asked.certificate)
        .filter(|entry| entry.record.client_id == asked.client_id);
    let found = by_id.or_else(|| registry.certificate_by_kid(&asked.client_id, &asked.certificate));
    present(found, "certificate", &asked.certificate).map(|entry| entry.record.sha256.clone())
}
