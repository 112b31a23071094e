//! What is the current token?

mod exec_credential;

use countersign::proto::token::TokenType;
use serde_json::Value;

use self::exec_credential::Asked;
use crate::{
    args::{Dialect, Environment, Format, Global, TokenArgs},
    aws::Exchange,
    failure::Failure,
    output::Output,
    profile::Profile,
    session::{Held, Session, block_on},
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
            // The other forms need more than the token, and are not asked for here.
            (false, _) => Form::Raw,
        }
    }
}

pub(crate) fn run(
    args: &TokenArgs,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let session = Session::of_profile(global, environment, output)?;
    match output.format() {
        Some(Format::ExecCredential) => {
            is_bearer(&session.profile)?;
            let asked = Asked::read(environment.exec_info.as_deref())?;
            let held = session.with_questions(asked.questions).token()?;
            object(&asked.answer(presentable(&held)?), output)
        }
        Some(Format::CredentialProcess) => {
            is_bearer(&session.profile)?;
            let exchange = Exchange::read(&args.aws)?;
            let held = session.token()?;
            let credentials = block_on(exchange.credentials(presentable(&held)?))?;
            object(&credentials.of_a_process(), output)
        }
        _ => {
            let held = session.token()?;
            let form = Form::of(args.decode, output);
            match dialect(&held, form, &session.profile) {
                Some(lines) => output.data(zeroize::Zeroizing::new(lines).as_bytes()),
                None => print(&held, form, output),
            }
        }
    }
}

/// An error unless the token of a profile is a bearer token (RFC 6750), which other programs can present.
pub(crate) fn is_bearer(profile: &Profile) -> Result<(), Failure> {
    match profile.dialect {
        None => Ok(()),
        Some(Dialect::Tachyon) => Err(Failure::usage(
            "a token of the Tachyon dialect goes into headers of its own, which other programs do not know",
        )
        .hint("countersign token --output header prints them")),
    }
}

/// A token that another program can present: nothing but the token is needed for that.
pub(crate) fn presentable(held: &Held) -> Result<&Held, Failure> {
    match held.token.token_type {
        TokenType::Bearer => Ok(held),
        TokenType::DPoP => Err(Failure::usage(
            "the token is bound to a key of this process, so no other program can present it",
        )
        .hint("sign in without --dpop under another --profile for that program")),
    }
}

/// Prints a secret object for a program.
fn object(object: &Value, output: &Output) -> Result<(), Failure> {
    output.data(zeroize::Zeroizing::new(format!("{object}\n")).as_bytes())
}

/// How a token of the Tachyon dialect is printed where that is not as any other: it goes into two
/// headers of its own, and may have characters that a shell would change.
fn dialect(held: &Held, form: Form, profile: &Profile) -> Option<String> {
    let Some(Dialect::Tachyon) = profile.dialect else {
        return None;
    };
    let consumer = profile.consumer();
    let secret = held.token.access_token.expose();
    match form {
        Form::Header => Some(format!(
            "X-Tachyon-Authenticate: {secret}\nX-Tachyon-Consumer: {consumer}\n"
        )),
        Form::Env => {
            let quoted = secret.replace('\'', r"'\''");
            Some(format!("export COUNTERSIGN_TOKEN='{quoted}'\n"))
        }
        Form::Raw | Form::Object(_) => None,
    }
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
