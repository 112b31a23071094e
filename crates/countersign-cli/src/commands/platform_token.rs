//! How is a platform token got without keeping it?

use crate::{
    args::{Environment, PlatformTokenArgs},
    commands::token::{self, Form},
    failure::Failure,
    output::Output,
    profile::Profile,
    session::{Session, block_on},
};

pub(crate) fn run(
    args: &PlatformTokenArgs,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    if !args.certificate.name_one() {
        return Err(Failure::usage("no certificate is named")
            .hint("say which with --cert-subject, --cert-thumbprint, --cert or --cert-store"));
    }
    if args.assertion.principal.is_some() {
        return Err(
            Failure::usage("a platform token has a fixed principal").hint("leave --principal out")
        );
    }
    let mut profile = Profile::typed(
        &args.server,
        &args.certificate,
        &args.assertion,
        environment,
    )?;
    profile.as_platform = true;
    let client = Session::new("", profile, environment, output).client()?;
    let token = block_on(async { Ok(client.platform_token().await?) })?;
    token::print(&token.into(), Form::of(args.decode, output), output)
}
