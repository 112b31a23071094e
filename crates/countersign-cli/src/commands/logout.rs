//! How is a token given back, and how is everything about it forgotten?

use countersign::{GrantedCredential, proto::time::UnixTime};
use serde_json::json;

use crate::{
    args::{Environment, Global},
    failure::Failure,
    output::{Block, Output, Shown},
    profile::{Profile, Profiles},
    session::{Session, block_on, granted, transport},
};

/// What became of the token at its server.
enum AtServer {
    NoToken,
    /// What is kept here says nothing; this is why.
    Unread(Failure),
    Revoked,
    /// It lives on there; this is why, and until when.
    NotRevoked(Failure, UnixTime),
}

/// Forgets in any case; a server that cannot be reached does not keep a token on this machine.
pub(crate) fn run(
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    if let Some((at, credential)) = granted(global, environment)? {
        return give_granted_back(&at, &credential, output);
    }
    let profiles = Profiles::read(environment)?;
    let (name, profile) = profiles.find(global.profile.as_deref())?;
    let name = name.to_owned();
    let session = Session::new(&name, profile.clone(), environment, output);

    let at_server = match session.cached() {
        Ok(None) => AtServer::NoToken,
        Err(failure) => AtServer::Unread(failure),
        Ok(Some(held)) => match session.give_back(&held) {
            Ok(()) => AtServer::Revoked,
            Err(failure) => AtServer::NotRevoked(failure, held.token.expires_at),
        },
    };
    session.forget()?;
    Profiles::change(environment, |profiles| {
        profiles.all.remove(&name);
        if profiles.current.as_deref() == Some(&name) {
            profiles.current = None;
        }
        Ok(())
    })?;

    let (revoked, said) = match &at_server {
        AtServer::NoToken => (false, "there was no token to revoke".to_owned()),
        AtServer::Unread(_) => (
            false,
            "what was kept could not be read, so nothing was revoked at the server".to_owned(),
        ),
        AtServer::Revoked => (true, "the token was revoked at the server".to_owned()),
        AtServer::NotRevoked(_, ends) => (
            false,
            format!("the token was NOT revoked at the server and lives until {ends}"),
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
        AtServer::NotRevoked(failure, _) | AtServer::Unread(failure) => {
            Err(failure.about("could not revoke the token"))
        }
        _ => Ok(()),
    }
}

/// Nothing is forgotten here: the file and the variable are of whoever made them.
fn give_granted_back(
    at: &Profile,
    credential: &GrantedCredential,
    output: &Output,
) -> Result<(), Failure> {
    let transport = transport(at)?;
    block_on(async { Ok(credential.give_back(&at.server, &transport).await?) })?;
    output.show(&Shown {
        json: json!({"server": at.server, "revoked": true}),
        text: vec![Block::Lines(
            "the granted token was given back".to_owned(),
            vec![format!("{} believes it no more", at.server)],
        )],
    })
}
