//! How does whoever holds a certificate sign in?

use super::remember;
use crate::{
    args::Environment,
    failure::Failure,
    output::Output,
    profile::Profile,
    session::{Session, block_on},
    token_view,
};

pub(super) fn run(
    name: &str,
    profile: Profile,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let session = Session::new(name, profile, environment, output);
    let client = session.client()?;
    session.check_writable()?;
    let token = block_on(async {
        output.detail(&format!("connecting to {}", session.profile.server));
        let metadata = client.metadata().await?;
        output.detail(&format!("token endpoint {}", metadata.token_endpoint));
        Ok(client.renew().await?)
    })?;

    remember(name, &session.profile, environment)?;
    session.remember(&token)?;
    let lead = [
        ("profile", name),
        ("server", session.profile.server.as_str()),
    ];
    output.show(&token_view::with_lead(
        &lead,
        token_view::object(&token.into()),
    ))
}
