//! How does a person or a script sign in for the first time?

mod browser;
mod certificate;
mod follow;
mod progress;
mod tachyon;
mod under_way;
mod way_there;

use std::collections::BTreeMap;

use countersign::Provider;

use self::{browser::SignIn, follow::Expected, tachyon::ByBrowser};
use crate::{
    args::{Environment, Global, LoginArgs, ProviderOptions, Way},
    failure::{Exit, Failure},
    output::Output,
    profile::{self, Profile, Profiles},
    provider,
    session::{Session, is_all_there_is},
};

pub(crate) fn run(
    args: &LoginArgs,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let way = args.way()?;
    let name = global.profile.as_deref().unwrap_or("default");
    profile::check_name(name)?;
    // Read first: a settings file that is wrong should not be found out after signing in.
    let before = Profiles::read(environment)?.all.remove(name);
    let mut profile = Profile::typed(
        &args.server,
        &args.certificate,
        &args.assertion,
        environment,
    )?;
    let server = profile.server.clone();
    profile.consumer.clone_from(&args.consumer);
    let by_tachyon = |profile| ByBrowser {
        name,
        profile,
        options: &args.browser,
        environment,
        output,
    };
    match way {
        Way::Certificate => {
            profile.app_id.clone_from(&args.app_id);
            profile.as_platform = args.as_platform;
            if args.dialect.is_some() {
                tachyon::by_certificate(name, profile, environment, output)?;
            } else {
                profile.provider = provider(args, &server, output)?;
                profile.parameters = parameters(&args.provider)?;
                let signed = certificate::run(name, profile.clone(), environment, output);
                signed.map_err(|failure| name_the_dialect(failure, &profile))?;
            }
        }
        Way::Browser if args.dialect.is_some() => {
            profile.browser = true;
            by_tachyon(profile).run()?;
        }
        Way::Browser => {
            profile.browser = true;
            let fallback = profile.clone();
            let last = before.as_ref().filter(|before| before.server == server);
            let sign_in = SignIn {
                name,
                profile,
                options: &args.browser,
                expected: Expected {
                    named: args.browser.expected.clone(),
                    last: last.and_then(|before| before.last_principal.clone()),
                },
                environment,
                output,
            };
            match sign_in.run() {
                // A person still has to sign in by hand, and is told what that means.
                Err(failure)
                    if failure.exit() == Exit::Failure
                        && fallback.scope.is_none()
                        && args.browser.expected.is_none()
                        && is_all_there_is(&fallback) =>
                {
                    output.warn(&format!(
                        "{} offers nothing but the Tachyon dialect, which is used",
                        fallback.server
                    ));
                    by_tachyon(fallback).run()?;
                }
                signed => signed?,
            }
        }
    }
    match before {
        Some(before) if before.browser && (way, &before.server) != (Way::Browser, &server) => {
            retire(name, before, environment, output);
        }
        _ => {}
    }
    Ok(())
}

/// Whose the server is: as it was typed, else by its host, which is then said.
fn provider(args: &LoginArgs, server: &str, output: &Output) -> Result<Option<String>, Failure> {
    match args.provider.provider.as_deref() {
        Some(provider::NONE) => Ok(None),
        Some(typed) => provider::word(typed).map(Some),
        None if args.as_platform => Ok(None),
        None => Ok(Provider::of_issuer(server).map(|known| {
            let (title, name) = (&known.title, &known.name);
            output.note(&format!(
                "signing in as {title} wants it, by the host of the server (--provider {name}; --provider none does not)"
            ));
            name.to_string()
        })),
    }
}

fn parameters(options: &ProviderOptions) -> Result<BTreeMap<String, String>, Failure> {
    let mut parameters = BTreeMap::new();
    for (name, value) in &options.parameters {
        if parameters.insert(name.clone(), value.clone()).is_some() {
            return Err(Failure::usage(format!("--parameter {name} is given twice"))
                .hint("servers refuse a parameter that comes twice"));
        }
    }
    Ok(parameters)
}

/// A program is not moved to another dialect: it is told that there is one.
fn name_the_dialect(failure: Failure, profile: &Profile) -> Failure {
    match failure.exit() == Exit::Failure && is_all_there_is(profile) {
        true => failure.hint("the server speaks the Tachyon dialect: add --dialect tachyon"),
        false => failure,
    }
}

/// Ends what a person was signed in with where the profile is for something else now. Nobody could
/// use it any more, and it would end by itself: that it does not go well is no failure.
fn retire(name: &str, before: Profile, environment: &Environment, output: &Output) {
    let session = Session::new(name, before, environment, output);
    let ended = session.cached().and_then(|held| match held {
        Some(held) => session.give_back(&held),
        None => Ok(()),
    });
    if let Err(failure) = ended.and_then(|()| session.forget()) {
        let message = failure.message();
        output.detail(&format!("the session from before was not ended: {message}"));
    }
}

/// Makes a profile that has signed in the current one.
fn remember(name: &str, profile: &Profile, environment: &Environment) -> Result<(), Failure> {
    Profiles::change(environment, |profiles| {
        profiles.all.insert(name.to_owned(), profile.clone());
        profiles.current = Some(name.to_owned());
        Ok(())
    })
}
