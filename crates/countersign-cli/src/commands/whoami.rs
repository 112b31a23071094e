//! Who does the current token stand for?

use countersign::proto::management::WhoAmI;
use serde_json::json;

use crate::{
    args::{Environment, Global},
    commands::admin::view,
    failure::Failure,
    output::{Output, Shown},
    session::{Caller, block_on},
    token_view,
};

/// The platform is asked, since roles change; any other server has nothing to ask, so the token
/// itself must do.
pub(crate) fn run(
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let caller = Caller::of(global, environment, output)?;
    let (session, held) = match &caller {
        Caller::Profile(session, held) => (session, held),
        Caller::Granted(admin, server) => {
            let whoami = block_on(async { Ok(admin.whoami().await?) })?;
            let shown = token_view::with_lead(&[("server", server)], whoami_view(&whoami));
            return output.show(&shown);
        }
    };
    let lead = [
        ("profile", session.name.as_str()),
        ("server", &session.profile.server),
    ];
    if session.is_tachyon() {
        output.note("a server of the Tachyon dialect is not asked; this is what its token says");
        return output.show(&token_view::with_lead(&lead, token_view::object(held)));
    }
    // The token that is in use, not another one: it is the one that was asked about.
    let answer = block_on(async {
        let (metadata, admin) = session.management(held).await?;
        match metadata.countersign_api {
            Some(_) => Ok(Some(admin.whoami().await?)),
            None => Ok(None),
        }
    })?;
    let shown = match answer {
        Some(whoami) => whoami_view(&whoami),
        None => token_view::object(held),
    };
    output.show(&token_view::with_lead(&lead, shown))
}

fn whoami_view(whoami: &WhoAmI) -> Shown {
    view::record(&json!(whoami), &["principal", "roles", "kind"])
}
