//! Who does the current token stand for?

use serde_json::json;

use crate::{
    args::{Environment, Global},
    commands::admin::view,
    failure::Failure,
    output::Output,
    session::{Session, block_on},
    token_view,
};

/// The platform is asked, since roles change; any other server has nothing to ask, so the token
/// itself must do.
pub(crate) fn run(
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let session = Session::of_profile(global, environment, output)?;
    let lead = [
        ("profile", session.name.as_str()),
        ("server", &session.profile.server),
    ];
    // The token that is in use, not another one: it is the one that was asked about.
    let held = session.token()?;
    let answer = block_on(async {
        let (metadata, admin) = session.management(&held).await?;
        match metadata.countersign_api {
            Some(_) => Ok(Some(admin.whoami().await?)),
            None => Ok(None),
        }
    })?;
    let shown = match answer {
        Some(whoami) => view::record(&json!(whoami), &["principal", "roles", "kind"]),
        None => token_view::object(&held),
    };
    output.show(&token_view::with_lead(&lead, shown))
}
