//! What is asked of the platform by a verb about granted tokens?

use countersign::proto::{
    management::{GrantedKind, NewToken, Rotation, TokenChange},
    time::UnixTime,
};

use super::{
    import::Import,
    terms::{self, Form},
};
use crate::{
    args::{GrantedCommand, GrantedList, GrantedRotate},
    failure::Failure,
    times::duration,
};

/// A command that was understood.
pub(super) enum Asked<'a> {
    Create(Box<NewToken>),
    Rotate(&'a str, Rotation),
    Confirm(&'a str),
    Abort(&'a str),
    List(GrantedKind, &'a GrantedList),
    Show(&'a str),
    Rename(&'a str, TokenChange),
    Revoke(&'a str, &'a str),
    Import(Import),
}

impl<'a> Asked<'a> {
    /// Reads what was typed, and the tokens that are to be imported.
    pub(super) fn of(
        kind: GrantedKind,
        command: &'a GrantedCommand,
        now: UnixTime,
    ) -> Result<Asked<'a>, Failure> {
        Ok(match command {
            GrantedCommand::Create(args) => {
                let form = match args.jwt {
                    true => Form::Jwt,
                    false => Form::Opaque,
                };
                Asked::Create(Box::new(terms::new_token(kind, form, &args.terms, now)?))
            }
            GrantedCommand::Rotate(args) => rotation(args)?,
            GrantedCommand::List(options) => Asked::List(kind, options),
            GrantedCommand::Show { id } => Asked::Show(id),
            GrantedCommand::Rename {
                id,
                name,
                description,
            } => {
                let change = TokenChange {
                    name: name.clone(),
                    description: description.clone(),
                };
                Asked::Rename(id, change)
            }
            GrantedCommand::Revoke { id, reason } => Asked::Revoke(id, reason),
            GrantedCommand::Import(args) => Asked::Import(Import::of(kind, args, now)?),
        })
    }
}

fn rotation(args: &GrantedRotate) -> Result<Asked<'_>, Failure> {
    let seconds = |option: &str, text: &Option<String>| {
        let length = text.as_deref().map(|text| duration(option, text));
        Ok::<_, Failure>(length.transpose()?.map(|length| length.as_secs()))
    };
    match (&args.confirm, &args.abort, &args.id) {
        (Some(id), _, _) => Ok(Asked::Confirm(id)),
        (None, Some(id), _) => Ok(Asked::Abort(id)),
        (None, None, Some(id)) => {
            let rotation = Rotation {
                grace_s: seconds("--grace", &args.grace)?,
                keep_until_grace_ends: args.keep_until_grace_ends,
                lifetime_s: seconds("--lifetime", &args.lifetime)?,
            };
            Ok(Asked::Rotate(id, rotation))
        }
        (None, None, None) => Err(Failure::usage("no token is named").hint("give its id")),
    }
}
