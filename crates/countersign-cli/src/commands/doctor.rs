//! Why does signing in not work, and what helps?

mod local;
mod provider;
mod remote;

use serde_json::json;

use crate::{
    args::{Environment, Global},
    failure::{Exit, Failure},
    output::{Block, Output, Shown},
    profile::{Profile, Profiles, server_url},
    session::Session,
};

/// One thing that was looked at.
pub(crate) struct Check {
    name: &'static str,
    finding: Finding,
    detail: String,
    hint: Option<String>,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Good,
    /// Works today.
    Doubtful,
    /// Could not be looked at, because of something before it.
    Skipped,
    /// This stops a sign-in; the program ends with this code.
    Bad(Exit),
}

impl Check {
    pub(crate) fn good(name: &'static str, detail: impl Into<String>) -> Check {
        Check::new(name, Finding::Good, detail, None)
    }

    pub(crate) fn doubtful(name: &'static str, detail: impl Into<String>, hint: &str) -> Check {
        Check::new(name, Finding::Doubtful, detail, Some(hint))
    }

    pub(crate) fn skipped(name: &'static str, detail: impl Into<String>) -> Check {
        Check::new(name, Finding::Skipped, detail, None)
    }

    pub(crate) fn bad(
        name: &'static str,
        exit: Exit,
        detail: impl Into<String>,
        hint: &str,
    ) -> Check {
        Check::new(name, Finding::Bad(exit), detail, Some(hint))
    }

    pub(crate) fn failed(name: &'static str, failure: &Failure, hint: &str) -> Check {
        let hint = failure.hint_text().unwrap_or(hint);
        Check::bad(name, failure.exit(), failure.message(), hint)
    }

    fn new(
        name: &'static str,
        finding: Finding,
        detail: impl Into<String>,
        hint: Option<&str>,
    ) -> Check {
        Check {
            name,
            finding,
            detail: detail.into(),
            hint: hint.filter(|hint| !hint.is_empty()).map(str::to_owned),
        }
    }
}

pub(crate) fn run(
    server: Option<&str>,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let (name, profile) = profile(server, global, environment)?;
    let session = Session::new(&name, profile, environment, output);
    let bad = |check: &Check| match check.finding {
        Finding::Bad(exit) => Some(exit),
        _ => None,
    };
    let mut checks = local::checks(&session.profile, environment);
    let signer = match checks.iter().any(|check| bad(check).is_some()) {
        true => remote::Signer::Missing,
        false => remote::Signer::Ready,
    };
    checks.extend(provider::check(&session.profile, environment));
    checks.extend(remote::checks(&session, signer, environment));
    output.show(&shown(&checks))?;
    match checks.iter().find_map(bad) {
        None => Ok(()),
        Some(exit) => {
            let names: Vec<_> = checks.iter().filter(|check| bad(check).is_some()).collect();
            let names = names
                .iter()
                .map(|check| check.name)
                .collect::<Vec<_>>()
                .join(", ");
            Err(Failure::new(exit, format!("not in order: {names}"))
                .hint("what helps stands beside each check"))
        }
    }
}

/// The profile that is named or current; a server alone is looked at without one.
fn profile(
    server: Option<&str>,
    global: &Global,
    environment: &Environment,
) -> Result<(String, Profile), Failure> {
    let profiles = Profiles::read(environment)?;
    let Some(server) = server else {
        let (name, profile) = profiles.find(global.profile.as_deref())?;
        return Ok((name.to_owned(), profile.clone()));
    };
    let server = server_url(server);
    let named = global
        .profile
        .as_deref()
        .and_then(|name| profiles.all.get_key_value(name));
    let fitting = named.or_else(|| profiles.all.iter().find(|(_, p)| p.server == server));
    Ok(match fitting {
        Some((name, profile)) if profile.server == server => (name.clone(), profile.clone()),
        _ => (
            String::new(),
            Profile {
                server,
                ..Profile::default()
            },
        ),
    })
}

fn shown(checks: &[Check]) -> Shown {
    let word = |finding| match finding {
        Finding::Good => "ok",
        Finding::Doubtful => "warning",
        Finding::Skipped => "skipped",
        Finding::Bad(_) => "bad",
    };
    let items: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.name,
                "finding": word(check.finding),
                "detail": check.detail,
                "hint": check.hint,
            })
        })
        .collect();
    let rows = checks.iter().map(|check| {
        let hint = check
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!(" ({hint})"));
        vec![
            word(check.finding).to_owned(),
            check.name.to_owned(),
            format!("{}{hint}", check.detail),
        ]
    });
    Shown {
        json: json!({ "items": items }),
        text: vec![Block::Table(vec!["", "CHECK", "FOUND"], rows.collect())],
    }
}
