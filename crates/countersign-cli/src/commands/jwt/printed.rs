//! How is a token printed that was just made?

use countersign::proto::jwt::Jwt;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{args::Format, failure::Failure, output::Output};

/// The token alone, or as `--output` says. `more` goes into the JSON object.
pub(super) fn print(token: &Jwt, more: Map<String, Value>, output: &Output) -> Result<(), Failure> {
    let text = token.expose();
    // A token has no character that a shell would change.
    let line = match output.format() {
        Some(Format::Header) => format!("Authorization: Bearer {text}\n"),
        Some(Format::Env) => format!("export COUNTERSIGN_TOKEN={text}\n"),
        Some(Format::Json) => {
            let mut object = json!({
                "token": text,
                "algorithm": token.algorithm().name(),
                "kid": token.kid(),
                "issued_at": token.issued_at().to_string(),
                "not_before": token.not_before().to_string(),
                "expires": token.expires_at().to_string(),
            });
            if let Value::Object(members) = &mut object {
                members.extend(more);
            }
            format!("{object:#}\n")
        }
        // The other forms are refused where the command line is read.
        _ => format!("{text}\n"),
    };
    output.data(Zeroizing::new(line).as_bytes())
}
