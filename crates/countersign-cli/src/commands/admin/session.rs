//! How is managed what people are signed in with?

use countersign::{
    admin::Admin,
    proto::management::{SessionFilter, SessionState},
};
use serde_json::json;

use super::{page, view};
use crate::{
    args::{SessionCommand, SessionStanding},
    failure::Failure,
    output::{Output, Shown},
};

/// What is shown before the rest.
const FIRST: &[&str] = &["id", "principal", "state", "end_reason"];

pub(crate) async fn run(
    command: &SessionCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    match command {
        SessionCommand::List {
            principal,
            state,
            page: options,
        } => {
            let filter = SessionFilter {
                principal: principal.clone(),
                state: state.map(|state| match state {
                    SessionStanding::Pending => SessionState::Pending,
                    SessionStanding::Active => SessionState::Active,
                    SessionStanding::Ended => SessionState::Ended,
                }),
            };
            let sessions = admin.sessions(&filter, &page(options)).await?;
            let columns = [
                "id",
                "principal",
                "state",
                "binding",
                "generation",
                "refresh_limit",
                "created_at",
                "ends_at",
                "address",
                "client",
            ];
            Ok(view::list(&sessions, &columns, output))
        }
        SessionCommand::Show { id } => {
            let session = admin.session(id).await?;
            Ok(view::record(&json!(session), FIRST))
        }
        SessionCommand::End { id, with_tokens } => {
            let session = match with_tokens {
                true => admin.end_session_with_tokens(id).await?,
                false => admin.end_session(id).await?,
            };
            Ok(view::record(&json!(session), FIRST))
        }
    }
}
