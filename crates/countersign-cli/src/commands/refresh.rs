//! How is a token renewed without saying anything again?

use crate::{
    args::{Environment, Global},
    failure::Failure,
    output::Output,
    session::Session,
    token_view,
};

/// What a person signed in for is refreshed, which is counted. A token that was got with a
/// certificate cannot be; a fresh assertion is made from what was remembered at sign-in.
pub(crate) fn run(
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let session = Session::of_profile(global, environment, output)?;
    let held = session.renewed()?;
    let lead = [
        ("profile", session.name.as_str()),
        ("server", &session.profile.server),
    ];
    output.show(&token_view::with_lead(&lead, token_view::object(&held)))
}
