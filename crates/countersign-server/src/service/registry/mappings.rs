//! Who may say whom a certificate stands for?
//!
//! A mapping gives the holder of a certificate what the principal has, so nobody maps to a
//! principal that may do more than he may.

use std::sync::Arc;

use countersign_proto::management::{NewMapping, PrincipalMapping};
use uuid::{NoContext, Timestamp, Uuid};

use super::{ChangeRefusal, apply, must_cover, permissions_of, present};
use crate::{
    Platform,
    registry::{Change, Registry},
    service::Caller,
};

const READ: &str = "mappings:read";
const WRITE: &str = "mappings:write";

/// All, in stable order.
pub(crate) fn list(
    platform: &Platform,
    caller: &Caller,
) -> Result<Vec<Arc<PrincipalMapping>>, ChangeRefusal> {
    caller.must_have(READ)?;
    Ok(platform.registry().mappings().cloned().collect())
}

/// One.
pub(crate) fn find(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<Arc<PrincipalMapping>, ChangeRefusal> {
    caller.must_have(READ)?;
    present(platform.registry().mapping(id).cloned(), "mapping", id)
}

/// Maps a certificate, named by thumbprint or alias, to a principal.
pub(crate) async fn create(
    platform: &Platform,
    caller: &Caller,
    asked: NewMapping,
) -> Result<Arc<PrincipalMapping>, ChangeRefusal> {
    caller.must_have(WRITE)?;
    let registry = platform.registry();
    must_cover(
        caller,
        &permissions_of(&registry, &asked.principal),
        "this principal",
    )?;
    let mapping = PrincipalMapping {
        id: fresh_id(platform),
        certificate: certificate_id(&registry, &asked)?,
        client_id: asked.client_id,
        principal: asked.principal,
        is_default: asked.is_default,
    };
    let id = mapping.id.clone();
    let change = Change::CreateMapping(mapping);
    let registry = apply(platform, caller, change, "mapping.create", &id).await?;
    present(registry.mapping(&id).cloned(), "mapping", &id)
}

/// Takes a mapping away: what it earned is inactive from now on.
pub(crate) async fn delete(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE)?;
    let registry = platform.registry();
    let mapping = present(registry.mapping(id), "mapping", id)?;
    must_cover(
        caller,
        &permissions_of(&registry, &mapping.principal),
        "this principal",
    )?;
    let change = Change::DeleteMapping { id: id.to_owned() };
    apply(platform, caller, change, "mapping.delete", id).await?;
    Ok(())
}

/// Sorted by time of making, so that lists keep their order.
fn fresh_id(platform: &Platform) -> String {
    let at = Timestamp::from_unix(NoContext, platform.now().as_secs(), 0);
    Uuid::new_v7(at).to_string()
}

fn certificate_id(registry: &Registry, asked: &NewMapping) -> Result<String, ChangeRefusal> {
    let by_id = registry
        .certificate(&asked.certificate)
        .filter(|entry| entry.record.client_id == asked.client_id);
    let found = by_id.or_else(|| registry.certificate_by_kid(&asked.client_id, &asked.certificate));
    present(found, "certificate", &asked.certificate).map(|entry| entry.record.sha256.clone())
}
