//! Which servers are remembered, and which is the current one?

use serde_json::json;

use crate::{
    args::Environment,
    failure::Failure,
    output::{Block, Output, Shown},
    profile::{Profile, Profiles},
};

/// Lists them.
pub(crate) fn list(environment: &Environment, output: &Output) -> Result<(), Failure> {
    let profiles = Profiles::read(environment)?;
    if profiles.all.is_empty() {
        output.note("no profiles yet; countersign login makes one");
    }
    let is_current = |name: &String| profiles.current.as_ref() == Some(name);
    let items: Vec<_> = profiles
        .all
        .iter()
        .map(|(name, profile)| {
            json!({
                "name": name,
                "current": is_current(name),
                "server": profile.server,
                "app_id": profile.app_id,
                "as_platform": profile.as_platform,
                "browser": profile.browser,
                "last_principal": profile.last_principal,
            })
        })
        .collect();
    let rows = profiles.all.iter().map(|(name, profile)| {
        vec![
            if is_current(name) {
                "*".to_owned()
            } else {
                String::new()
            },
            name.clone(),
            profile.server.clone(),
            match profile {
                Profile { browser: true, .. } => profile.last_principal.clone().unwrap_or_default(),
                Profile {
                    as_platform: true, ..
                } => "(platform)".to_owned(),
                _ => profile.app_id.clone().unwrap_or_default(),
            },
        ]
    });
    output.show(&Shown {
        json: json!({ "items": items }),
        text: match profiles.all.is_empty() {
            true => Vec::new(),
            false => vec![Block::Table(
                vec!["", "NAME", "SERVER", "SIGNS IN AS"],
                rows.collect(),
            )],
        },
    })
}

/// Makes one the current one.
pub(crate) fn make_current(
    name: &str,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let (name, server) = Profiles::change(environment, |profiles| {
        let (name, profile) = profiles.find(Some(name))?;
        let (name, server) = (name.to_owned(), profile.server.clone());
        profiles.current = Some(name.clone());
        Ok((name, server))
    })?;
    output.show(&Shown {
        json: json!({"current": name, "server": server}),
        text: vec![Block::Fields(vec![
            ("Current".to_owned(), name),
            ("Server".to_owned(), server),
        ])],
    })
}
