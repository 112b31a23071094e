//! How is it looked after by which keys the platform signs?

use countersign::{admin::Admin, proto::management::KeyRotation};
use serde_json::json;

use super::{page, view};
use crate::{
    args::KeyCommand,
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    command: &KeyCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let key = match command {
        KeyCommand::List(options) => {
            let keys = admin.keys(&page(options)).await?;
            let columns = [
                "kid",
                "algorithm",
                "state",
                "created_at",
                "active_at",
                "retires_at",
            ];
            return Ok(view::list(&keys, &columns, output));
        }
        KeyCommand::Rotate {
            at_once,
            retire_old,
            reason,
        } => {
            let rotation = KeyRotation {
                at_once: *at_once,
                retire_old: *retire_old,
                reason: reason.clone(),
            };
            admin.rotate_keys(&rotation).await?
        }
        KeyCommand::Retire { kid, reason } => admin.retire_key(kid, reason).await?,
    };
    Ok(view::record(&json!(key), &["kid", "algorithm", "state"]))
}
