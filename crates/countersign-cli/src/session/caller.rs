//! Who calls the management API: a profile, or whoever holds a granted token?

use std::sync::Arc;

use countersign::{GrantedCredential, admin::Admin};

use super::{Held, Session, check_server, transport};
use crate::{
    args::{Environment, Global, TokenSource},
    failure::Failure,
    output::Output,
    profile::{Profile, Profiles, server_url},
    token_source,
};

/// The variable that holds a granted token, where no file is named.
const VARIABLE: &str = "COUNTERSIGN_TOKEN";

/// Who calls.
pub(crate) enum Caller<'a> {
    /// Whoever the token of a profile stands for.
    Profile(Box<Session<'a>>, Held),
    /// Whoever a granted token stands for, and at which server.
    Granted(Admin, String),
}

impl<'a> Caller<'a> {
    /// Whoever was named: by a granted token and a server, or by a profile. The variable alone
    /// names nobody: it may be there for another program.
    pub(crate) fn of(
        global: &Global,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Result<Caller<'a>, Failure> {
        if let Some((at, credential)) = granted(global, environment)? {
            let transport = Arc::new(transport(&at)?);
            let admin = Admin::with_granted(&at.server, transport, credential)?;
            return Ok(Caller::Granted(admin, at.server));
        }
        let session = Session::of_profile(global, environment, output)?;
        let held = session.token()?;
        Ok(Caller::Profile(Box::new(session), held))
    }

    /// The management API.
    pub(crate) async fn management(&self) -> Result<Admin, Failure> {
        match self {
            Caller::Profile(session, held) => Ok(session.management(held).await?.1),
            Caller::Granted(admin, _) => Ok(admin.clone()),
        }
    }
}

/// The granted token that was named, and where it is used; `None` when none was.
pub(crate) fn granted(
    global: &Global,
    environment: &Environment,
) -> Result<Option<(Profile, GrantedCredential)>, Failure> {
    let at = match (&global.server, &global.token_file) {
        (Some(server), _) => Profile {
            server: server_url(server),
            ..Profile::default()
        },
        (None, Some(_)) => {
            let profiles = Profiles::read(environment)?;
            profiles.find(global.profile.as_deref())?.1.clone()
        }
        (None, None) => return Ok(None),
    };
    check_server(&at)?;
    let token = match &global.token_file {
        None if std::env::var_os(VARIABLE).is_none() => {
            return Err(
                Failure::usage("--server is given, and no granted token").hint(format!(
                    "name its file with --token-file, or set {VARIABLE}"
                )),
            );
        }
        file => token_source::read(&TokenSource {
            token_env: file.is_none().then(|| VARIABLE.to_owned()),
            file: file.clone(),
        })?,
    };
    Ok(Some((at, GrantedCredential::fixed(&token)?)))
}
