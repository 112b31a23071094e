//! Who may register a principal, and give it roles?
//!
//! Nobody gives a role that may do more than he may, and nobody changes somebody who may do more.

use std::sync::Arc;

use countersign_proto::management::Principal;

use super::{ChangeRefusal, apply, must_cover, permissions_of, present};
use crate::{
    Platform,
    registry::Change,
    service::{Caller, Permissions},
};

const READ: &str = "principals:read";
const WRITE: &str = "principals:write";

/// All, in stable order.
pub(crate) fn list(
    platform: &Platform,
    caller: &Caller,
) -> Result<Vec<Arc<Principal>>, ChangeRefusal> {
    caller.must_have(READ)?;
    Ok(platform.registry().principals().cloned().collect())
}

/// One.
pub(crate) fn find(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<Arc<Principal>, ChangeRefusal> {
    caller.must_have(READ)?;
    present(
        platform.registry().principal(name).cloned(),
        "principal",
        name,
    )
}

/// Registers a new one.
pub(crate) async fn create(
    platform: &Platform,
    caller: &Caller,
    principal: Principal,
) -> Result<Arc<Principal>, ChangeRefusal> {
    caller.must_have(WRITE)?;
    let given = Permissions::of(&principal.roles, &platform.registry());
    must_cover(caller, &given, "a holder of these roles")?;
    let name = principal.name.clone();
    let change = Change::CreatePrincipal(principal);
    let registry = apply(platform, caller, change, "principal.create", &name).await?;
    present(registry.principal(&name).cloned(), "principal", &name)
}

/// Changes one.
pub(crate) async fn update(
    platform: &Platform,
    caller: &Caller,
    principal: Principal,
) -> Result<Arc<Principal>, ChangeRefusal> {
    caller.must_have(WRITE)?;
    let before = platform.registry();
    must_cover(
        caller,
        &permissions_of(&before, &principal.name),
        "this principal",
    )?;
    let given = Permissions::of(&principal.roles, &before);
    must_cover(caller, &given, "a holder of these roles")?;
    let name = principal.name.clone();
    let change = Change::UpdatePrincipal(principal);
    let registry = apply(platform, caller, change, "principal.update", &name).await?;
    present(registry.principal(&name).cloned(), "principal", &name)
}

/// Takes one away.
pub(crate) async fn delete(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE)?;
    must_cover(
        caller,
        &permissions_of(&platform.registry(), name),
        "this principal",
    )?;
    let change = Change::DeletePrincipal {
        name: name.to_owned(),
    };
    apply(platform, caller, change, "principal.delete", name).await?;
    Ok(())
}
