//! Who may say what a role permits? Only somebody who may do everything.

use std::sync::Arc;

use countersign_proto::management::Role;

use super::{ChangeRefusal, apply, present};
use crate::{Platform, registry::Change, service::Caller};

const READ: &str = "roles:read";
const WRITE: &str = "roles:write";

/// All, the built-in ones too, in stable order.
pub(crate) fn list(platform: &Platform, caller: &Caller) -> Result<Vec<Arc<Role>>, ChangeRefusal> {
    caller.must_have(READ)?;
    Ok(platform.registry().roles().cloned().collect())
}

/// One.
pub(crate) fn find(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<Arc<Role>, ChangeRefusal> {
    caller.must_have(READ)?;
    present(platform.registry().role(name).cloned(), "role", name)
}

/// Makes a new one.
pub(crate) async fn create(
    platform: &Platform,
    caller: &Caller,
    role: Role,
) -> Result<Arc<Role>, ChangeRefusal> {
    must_be_administrator(caller)?;
    let name = role.name.clone();
    let registry = apply(
        platform,
        caller,
        Change::CreateRole(role),
        "role.create",
        &name,
    )
    .await?;
    present(registry.role(&name).cloned(), "role", &name)
}

/// Changes one.
pub(crate) async fn update(
    platform: &Platform,
    caller: &Caller,
    role: Role,
) -> Result<Arc<Role>, ChangeRefusal> {
    must_be_administrator(caller)?;
    let name = role.name.clone();
    let registry = apply(
        platform,
        caller,
        Change::UpdateRole(role),
        "role.update",
        &name,
    )
    .await?;
    present(registry.role(&name).cloned(), "role", &name)
}

/// Takes one away.
pub(crate) async fn delete(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<(), ChangeRefusal> {
    must_be_administrator(caller)?;
    let change = Change::DeleteRole {
        name: name.to_owned(),
    };
    apply(platform, caller, change, "role.delete", name).await?;
    Ok(())
}

/// A role that may change roles could make itself anything, so it is not enough here.
fn must_be_administrator(caller: &Caller) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE)?;
    if caller.permissions.are_all() {
        Ok(())
    } else {
        Err(ChangeRefusal::Escalation(
            "only an administrator changes roles".to_owned(),
        ))
    }
}
