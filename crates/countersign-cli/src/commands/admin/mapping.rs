//! How is it managed which certificate stands for which principal?

use countersign::{admin::Admin, proto::management::NewMapping};
use serde_json::json;

use super::{deleted, page, view, which_certificate::named};
use crate::{
    args::MappingCommand,
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    command: &MappingCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    match command {
        MappingCommand::List(options) => {
            let mappings = admin.mappings(&page(options)).await?;
            let columns = ["id", "certificate", "client_id", "principal", "is_default"];
            Ok(view::list(&mappings, &columns, output))
        }
        MappingCommand::Create {
            certificate,
            app_id,
            principal,
            default,
        } => {
            let mapping = NewMapping {
                certificate: named(certificate),
                client_id: app_id.clone(),
                principal: principal.clone(),
                is_default: *default,
            };
            let mapping = admin.create_mapping(&mapping).await?;
            Ok(view::record(&json!(mapping), &["id"]))
        }
        MappingCommand::Delete { id } => {
            admin.delete_mapping(id).await?;
            Ok(deleted("mapping", id))
        }
    }
}
