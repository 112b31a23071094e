//! Who may register an application, change it, and take it away?

use std::sync::Arc;

use countersign_proto::management::Application;

use super::{ChangeRefusal, apply, present};
use crate::{Platform, registry::Change, service::Caller};

const READ: &str = "applications:read";
const WRITE: &str = "applications:write";

/// All, in stable order.
pub(crate) fn list(
    platform: &Platform,
    caller: &Caller,
) -> Result<Vec<Arc<Application>>, ChangeRefusal> {
    caller.must_have(READ)?;
    Ok(platform.registry().applications().cloned().collect())
}

/// One.
pub(crate) fn find(
    platform: &Platform,
    caller: &Caller,
    client_id: &str,
) -> Result<Arc<Application>, ChangeRefusal> {
    caller.must_have(READ)?;
    present(
        platform.registry().application(client_id).cloned(),
        "application",
        client_id,
    )
}

/// Registers a new one.
pub(crate) async fn create(
    platform: &Platform,
    caller: &Caller,
    application: Application,
) -> Result<Arc<Application>, ChangeRefusal> {
    caller.must_have(WRITE)?;
    let client_id = application.client_id.clone();
    let change = Change::CreateApplication(application);
    let registry = apply(platform, caller, change, "application.create", &client_id).await?;
    present(
        registry.application(&client_id).cloned(),
        "application",
        &client_id,
    )
}

/// Changes one. Opening or closing a compatibility switch has an action of its own in the audit.
pub(crate) async fn update(
    platform: &Platform,
    caller: &Caller,
    application: Application,
) -> Result<Arc<Application>, ChangeRefusal> {
    caller.must_have(WRITE)?;
    let client_id = application.client_id.clone();
    let before = present(
        platform.registry().application(&client_id).cloned(),
        "application",
        &client_id,
    )?;
    let switched = before.accept_token_endpoint_audience
        != application.accept_token_endpoint_audience
        || before.assertion_lifetime_max_s != application.assertion_lifetime_max_s;
    let action = if switched {
        "application.compatibility"
    } else {
        "application.update"
    };
    let change = Change::UpdateApplication(application);
    let registry = apply(platform, caller, change, action, &client_id).await?;
    present(
        registry.application(&client_id).cloned(),
        "application",
        &client_id,
    )
}

/// Takes one away.
pub(crate) async fn delete(
    platform: &Platform,
    caller: &Caller,
    client_id: &str,
) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE)?;
    let change = Change::DeleteApplication {
        client_id: client_id.to_owned(),
    };
    apply(platform, caller, change, "application.delete", client_id).await?;
    Ok(())
}
