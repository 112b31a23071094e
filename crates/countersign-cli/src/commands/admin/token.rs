//! How are the tokens of everybody managed?

use countersign::{
    admin::Admin,
    proto::management::{GrantedKind, TokensRevocation},
};
use serde_json::json;

use super::view;
use crate::{
    args::{AdminTokenCommand, Kind},
    commands::granted,
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    command: &AdminTokenCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    match command {
        AdminTokenCommand::List { kind, list } => {
            let kind = kind.map(|kind| match kind {
                Kind::Personal => GrantedKind::Personal,
                Kind::App => GrantedKind::App,
                Kind::System => GrantedKind::System,
            });
            granted::list(kind, list, admin, output).await
        }
        AdminTokenCommand::Revoke { which, reason } => {
            let which = TokensRevocation {
                owner: which.owner.clone(),
                application: which.application.clone(),
                certificate: which.certificate.clone(),
                created_through: which.created_through.clone(),
                created_by: which.created_by.clone(),
                reason: reason.clone(),
            };
            let revoked = admin.revoke_tokens(&which).await?;
            Ok(view::record(&json!(revoked), &[]))
        }
    }
}
