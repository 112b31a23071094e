//! Does the profile ask as a server of another make wants it?

use countersign::{
    Clock, Provider, SystemClock,
    proto::{key::Algorithm, key::PublicKey, metadata::check_issuer},
};

use super::Check;
use crate::{
    args::Environment, certificate_choice::Choice, profile::Profile, provider, session::scope_of,
};

const NAME: &str = "provider";

/// Nothing is said of a platform of ours.
pub(crate) fn check(profile: &Profile, environment: &Environment) -> Option<Check> {
    if profile.browser || profile.as_platform {
        return None;
    }
    match &profile.provider {
        None => unnamed(profile),
        Some(word) => Some(match provider::find(word, environment) {
            Err(failure) => Check::failed(NAME, &failure, ""),
            Ok(provider) => fits(&provider, profile, environment),
        }),
    }
}

/// A server that looks like one of another make, and is asked as if it were ours.
fn unnamed(profile: &Profile) -> Option<Check> {
    let server = &profile.server;
    let by_path = || {
        let keycloak = Provider::keycloak();
        keycloak.fits_issuer(server).is_ok().then_some(keycloak)
    };
    let looks = Provider::of_issuer(server).or_else(by_path)?;
    let (title, name) = (&looks.title, &looks.name);
    Some(Check::doubtful(
        NAME,
        format!("{server} looks like {title}, and the profile names no provider"),
        &format!("sign in again with --provider {name}"),
    ))
}

fn fits(provider: &Provider, profile: &Profile, environment: &Environment) -> Check {
    let mut misfits = Vec::new();
    // On loopback a stand-in has whichever address it has.
    let is_local = check_issuer(&profile.server).is_ok_and(|url| url.scheme() == "http");
    if !is_local {
        misfits.extend(provider.fits_issuer(&profile.server).err());
    }
    if let Ok(scope) = scope_of(profile) {
        misfits.extend(provider.fits_scope(scope.as_ref()).err());
    }
    let key = key(profile, environment);
    if let Some(key) = &key {
        misfits.extend(provider.fits_key(key).err());
    }
    if let Some(misfit) = misfits.first() {
        let all: Vec<_> = misfits.iter().map(|it| it.text.as_str()).collect();
        return Check::doubtful(NAME, all.join("; "), &misfit.hint);
    }
    let told = told_otherwise(provider, profile);
    if !told.is_empty() {
        let detail = format!("{} wants it otherwise: {}", provider.title, told.join(", "));
        return Check::doubtful(NAME, detail, "leave these options out at the next sign-in");
    }
    let by = key.and_then(|key| Some(*provider.fits_key(&key).ok()?.first()?));
    let by = by.map_or_else(String::new, |it| format!(", signing by {}", it.name()));
    Check::good(NAME, format!("{}{by}", provider.title))
}

/// What the profile says itself, and not as the provider has it.
fn told_otherwise(provider: &Provider, profile: &Profile) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(text) = &profile.audience
        && provider::audience(text) != provider.audience
    {
        told.push(format!("--audience {text}"));
    }
    if let Some(name) = &profile.alg
        && !Algorithm::from_name(name).is_some_and(|it| provider.algorithms.contains(&it))
    {
        told.push(format!("--alg {name}"));
    }
    told
}

/// The key of the certificate that would be taken; what is wrong with it is said elsewhere.
fn key(profile: &Profile, environment: &Environment) -> Option<PublicKey> {
    let choice = Choice::of_profile(profile, environment).ok()?;
    let candidates = choice.store.candidates().ok()?;
    let selection = choice
        .selector
        .select(&candidates, SystemClock.now())
        .ok()?;
    Some(selection.credential.chain().leaf().public_key().clone())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::commands::doctor::Finding;

    const ENTRA: &str =
        "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0";

    fn profile(server: &str, provider: Option<&str>, kind: &str, scope: Option<&str>) -> Profile {
        let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/clients");
        Profile {
            server: server.to_owned(),
            app_id: Some("a".to_owned()),
            cert: Some(PathBuf::from(format!("{clients}/{kind}/{kind}.pem"))),
            provider: provider.map(str::to_owned),
            scope: scope.map(str::to_owned),
            ..Profile::default()
        }
    }

    fn found(profile: &Profile) -> Option<(Finding, String)> {
        let check = check(profile, &Environment::default())?;
        Some((check.finding, check.detail))
    }

    #[test]
    fn what_does_not_fit_the_provider_is_said() {
        let graph = Some("https://graph.microsoft.com/.default");
        let common = "https://login.microsoftonline.com/common/v2.0";
        let loopback = "http://127.0.0.1:1";
        for (server, provider, kind, scope, finding, said) in [
            (
                ENTRA,
                Some("entra-id"),
                "rsa2048",
                graph,
                Finding::Good,
                "Microsoft Entra ID, signing by PS256",
            ),
            (
                loopback,
                Some("entra-id"),
                "rsa2048",
                graph,
                Finding::Good,
                "Microsoft Entra ID, signing by PS256",
            ),
            (
                ENTRA,
                Some("entra-id"),
                "p256",
                graph,
                Finding::Doubtful,
                "does not sign in at Microsoft Entra ID, which takes PS256, RS256",
            ),
            (
                common,
                Some("entra-id"),
                "rsa2048",
                None,
                Finding::Doubtful,
                "does not look like an issuer of Microsoft Entra ID; Microsoft Entra ID takes exactly one scope",
            ),
            (
                "https://acme.okta.com",
                None,
                "p256",
                None,
                Finding::Doubtful,
                "looks like Okta, and the profile names no provider",
            ),
            (
                "https://id.example/realms/acme",
                None,
                "p256",
                None,
                Finding::Doubtful,
                "looks like Keycloak",
            ),
            (
                "https://id.example",
                Some("nobody"),
                "p256",
                None,
                Finding::Bad(crate::failure::Exit::Usage),
                "nothing is known of it",
            ),
        ] {
            let (what, detail) = found(&profile(server, provider, kind, scope)).unwrap();
            assert_eq!(what, finding, "{server}: {detail}");
            assert!(detail.contains(said), "{server}: {detail}");
        }
    }

    #[test]
    fn what_the_profile_says_otherwise_is_named() {
        let mut profile = profile("https://id.example", Some("hydra"), "rsa2048", None);
        profile.audience = Some("token-endpoint".to_owned());
        profile.alg = Some("PS256".to_owned());
        assert_eq!(found(&profile).unwrap().0, Finding::Good);
        profile.audience = Some("issuer".to_owned());
        profile.alg = Some("EdDSA".to_owned());
        let (finding, detail) = found(&profile).unwrap();
        assert_eq!(finding, Finding::Doubtful);
        assert!(
            detail.ends_with("--audience issuer, --alg EdDSA"),
            "{detail}"
        );
    }

    #[test]
    fn nothing_is_said_of_a_platform_of_ours() {
        assert_eq!(
            found(&profile("https://platform.example", None, "p256", None)),
            None
        );
        let mut browser = profile("https://acme.okta.com", None, "p256", None);
        browser.browser = true;
        assert_eq!(found(&browser), None);
    }
}
