//! How is a token given back, and how is everything about it forgotten?

use serde_json::json;

use crate::{
    args::{Environment, Global},
    failure::Failure,
    output::{Block, Output, Shown},
    profile::Profiles,
    session::{Session, block_on},
};

/// What became of the token at its server.
enum AtServer {
    NoToken,
    Revoked,
    /// It lives on there; this is why.
    NotRevoked(Failure),
}

/// Forgets in any case; a server that cannot be reached does not keep a token on this machine.
pub(crate) fn run(
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let profiles = Profiles::read(environment)?;
    let (name, profile) = profiles.find(global.profile.as_deref())?;
    let name = name.to_owned();
    let session = Session::new(&name, profile.clone(), environment, output);

    let (at_server, ends) = match session.cached() {
        None => (AtServer::NoToken, None),
        Some(token) => {
            let revoked = session
                .client()
                .and_then(|client| block_on(async { Ok(client.revoke(&token).await?) }));
            let at_server = match revoked {
                Ok(()) => AtServer::Revoked,
                Err(failure) => AtServer::NotRevoked(failure),
            };
            (at_server, Some(token.expires_at))
        }
    };
    session.forget()?;
    Profiles::change(environment, |profiles| {
        profiles.all.remove(&name);
        if profiles.current.as_deref() == Some(&name) {
            profiles.current = None;
        }
        Ok(())
    })?;

    let ends = ends.map_or_else(String::new, |ends| format!(" and lives until {ends}"));
    let (revoked, said) = match &at_server {
        AtServer::NoToken => (false, "there was no token to revoke".to_owned()),
        AtServer::Revoked => (true, "the token was revoked at the server".to_owned()),
        AtServer::NotRevoked(_) => (
            false,
            format!("the token was NOT revoked at the server{ends}"),
        ),
    };
    output.show(&Shown {
        json: json!({"profile": name, "forgotten": true, "revoked": revoked}),
        text: vec![Block::Lines(
            format!("profile {name} is forgotten on this machine"),
            vec![said],
        )],
    })?;
    match at_server {
        AtServer::NotRevoked(failure) => Err(failure.about("could not revoke the token")),
        _ => Ok(()),
    }
}
