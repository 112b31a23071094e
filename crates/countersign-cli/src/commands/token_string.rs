//! What can be said of a token string without asking anybody?

use countersign::proto::opaque::{OpaqueError, OpaqueKind, OpaqueToken, TokenId};
use serde_json::json;

use crate::{
    args::{PrefixOptions, TokenStringCommand},
    commands::admin::view,
    failure::Failure,
    output::{Output, Shown},
    token_source,
};

pub(crate) fn run(command: &TokenStringCommand, output: &Output) -> Result<(), Failure> {
    match command {
        TokenStringCommand::Check { token, prefix } => {
            let prefix = checked(prefix)?;
            let text = token_source::read(token)?;
            check(&text, prefix, output)
        }
        TokenStringCommand::Pattern { prefix } => {
            let pattern = OpaqueToken::scanner_pattern(checked(prefix)?);
            output.data(format!("{pattern}\n").as_bytes())
        }
    }
}

fn check(text: &str, prefix: &str, output: &Output) -> Result<(), Failure> {
    let label = text.rsplit_once("--").map(|(label, _)| label);
    match OpaqueToken::parse(text, prefix) {
        Ok(token) => output.show(&shown(token.kind(), token.id(), label, "good")),
        Err(error) => {
            if error == OpaqueError::Checksum
                && let Some((kind, id)) = kind_and_id(text)
            {
                output.show(&shown(kind, &id, label, "bad"))?;
            }
            let hint = match error {
                OpaqueError::Prefix => "--prefix takes what the tokens of the platform begin with",
                _ => "copy it once more, from its first character to its last",
            };
            Err(Failure::other(error.to_string()).hint(hint))
        }
    }
}

/// What a string says of itself whose checksum does not fit.
fn kind_and_id(text: &str) -> Option<(OpaqueKind, TokenId)> {
    let token = text.rsplit_once("--").map_or(text, |(_, token)| token);
    let mut parts = token.splitn(3, '_').skip(1);
    let kind = OpaqueKind::from_name(parts.next()?)?;
    let id = TokenId::parse(parts.next()?.get(..TokenId::LENGTH)?).ok()?;
    Some((kind, id))
}

fn shown(kind: OpaqueKind, id: &TokenId, label: Option<&str>, checksum: &str) -> Shown {
    let kind = match kind {
        OpaqueKind::PersonalAccess => "personal access token",
        OpaqueKind::App => "app token",
        OpaqueKind::System => "system token",
        OpaqueKind::Refresh => "refresh token",
    };
    let value = json!({"kind": kind, "id": id.to_string(), "label": label, "checksum": checksum});
    view::record(&value, &["kind", "id", "label", "checksum"])
}

fn checked(options: &PrefixOptions) -> Result<&str, Failure> {
    match OpaqueToken::is_prefix(&options.prefix) {
        true => Ok(&options.prefix),
        false => Err(
            Failure::usage(format!("--prefix {:?} is no prefix", options.prefix))
                .hint("1 to 16 characters of a-z 0-9"),
        ),
    }
}
