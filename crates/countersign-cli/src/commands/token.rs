//! What is the current token?

use countersign::proto::token::TokenType;

use crate::{
    args::{Environment, Format, Global},
    failure::Failure,
    output::Output,
    session::{Held, Session},
    token_view::{self, Secret},
};

/// How a token is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The token alone.
    Raw,
    /// `Authorization: …`
    Header,
    /// `export COUNTERSIGN_TOKEN=…`
    Env,
    /// The token object.
    Object(Secret),
}

impl Form {
    /// The form that was asked for: `--decode` wins, then `--output`, else the token alone.
    pub(crate) fn of(decode: bool, output: &Output) -> Form {
        match (decode, output.format()) {
            (_, Some(Format::Json)) => Form::Object(Secret::Shown),
            (true, _) => Form::Object(Secret::LeftOut),
            (false, Some(Format::Header)) => Form::Header,
            (false, Some(Format::Env)) => Form::Env,
            (false, None | Some(Format::Raw | Format::Text)) => Form::Raw,
        }
    }
}

pub(crate) fn run(
    form: Form,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let held = Session::of_profile(global, environment, output)?.token()?;
    print(&held, form, output)
}

/// Prints a token in a form.
pub(crate) fn print(held: &Held, form: Form, output: &Output) -> Result<(), Failure> {
    let token = &held.token;
    let secret = token.access_token.expose();
    // A token has no character that a shell would change.
    let line = match form {
        Form::Raw => format!("{secret}\n"),
        Form::Header => match token.token_type {
            TokenType::Bearer => format!("Authorization: Bearer {secret}\n"),
            TokenType::DPoP => format!("Authorization: DPoP {secret}\n"),
        },
        Form::Env => format!("export COUNTERSIGN_TOKEN={secret}\n"),
        Form::Object(shown) => return output.show(&token_view::decoded(held, shown)),
    };
    output.data(zeroize::Zeroizing::new(line).as_bytes())
}
