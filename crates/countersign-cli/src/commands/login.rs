//! How does a person or a script sign in for the first time?

use crate::{
    args::{Environment, Global, LoginArgs},
    failure::Failure,
    output::Output,
    profile::{self, Profile, Profiles, shown_address},
    session::{Session, block_on},
    token_view,
};

pub(crate) fn run(
    args: &LoginArgs,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    check_way(args)?;
    let name = global.profile.as_deref().unwrap_or("default");
    profile::check_name(name)?;
    // Read first: a settings file that is wrong should not be found out after signing in.
    Profiles::read(environment)?;
    let mut remembered = Profile::typed(
        &args.server,
        &args.certificate,
        &args.assertion,
        environment,
    )?;
    remembered.app_id.clone_from(&args.app_id);
    remembered.as_platform = args.as_platform;

    let session = Session::new(name, remembered.clone(), environment, output);
    let client = session.client()?;
    let token = block_on(async {
        output.detail(&format!("connecting to {}", remembered.server));
        let metadata = client.metadata().await?;
        output.detail(&format!("token endpoint {}", metadata.token_endpoint));
        Ok(client.renew().await?)
    })?;

    Profiles::change(environment, |profiles| {
        profiles.all.insert(name.to_owned(), remembered.clone());
        profiles.current = Some(name.to_owned());
        Ok(())
    })?;
    session.remember(&token);
    let lead = [("profile", name), ("server", remembered.server.as_str())];
    output.show(&token_view::with_lead(&lead, token_view::object(&token)))
}

fn check_way(args: &LoginArgs) -> Result<(), Failure> {
    if !args.certificate.name_one() && args.app_id.is_none() && !args.as_platform {
        return Err(
            Failure::usage("browser sign-in is not in this version").hint(format!(
                "sign in with a certificate: countersign login {} --app-id ID --cert FILE",
                shown_address(&args.server)
            )),
        );
    }
    if !args.certificate.name_one() {
        return Err(Failure::usage("no certificate is named")
            .hint("say which with --cert-subject, --cert-thumbprint, --cert or --cert-store"));
    }
    if args.app_id.is_none() && !args.as_platform {
        return Err(Failure::usage("no application is named")
            .hint("say which with --app-id, or ask for a platform token with --as-platform"));
    }
    Ok(())
}
