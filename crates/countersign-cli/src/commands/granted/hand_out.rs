//! How does a new token get to whoever asked for it, once?

use countersign::proto::management::{GivenToken, GrantedToken};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::record;
use crate::{
    args::{Format, GrantedOutput},
    failure::Failure,
    output::Output,
    private_file::{self, Existing},
};

/// Whether a new token may be written where it is to be. Asked before it is made: what cannot be
/// kept should not be there.
pub(super) fn check_free(how: &GrantedOutput) -> Result<(), Failure> {
    match &how.output_file {
        Some(file) if file.symlink_metadata().is_ok() => Err(Failure::other(format!(
            "{} is already there",
            file.display()
        ))
        .hint("name another file, or move that one away")),
        _ => Ok(()),
    }
}

/// Hands a token out that was made.
pub(super) fn new(given: &GivenToken, how: &GrantedOutput, output: &Output) -> Result<(), Failure> {
    let token = &given.granted;
    output.note(&format!(
        "token {} is good {}; it is shown this once",
        token.id,
        until(token)
    ));
    hand_out(given, how, Existing::Refuse, output)
}

/// Hands a token out that takes the place of another: in its file too.
pub(super) fn successor(
    given: &GivenToken,
    how: &GrantedOutput,
    output: &Output,
) -> Result<(), Failure> {
    let token = &given.granted;
    output.note(&format!(
        "token {} is good {}; it is shown this once",
        token.id,
        until(token)
    ));
    if let Some(old) = &token.predecessor {
        output.note(&format!(
            "token {old} lives on for a while: rotate --confirm {old} ends it, rotate --abort {old} keeps it"
        ));
    }
    hand_out(given, how, Existing::Replace, output)
}

fn hand_out(
    given: &GivenToken,
    how: &GrantedOutput,
    existing: Existing,
    output: &Output,
) -> Result<(), Failure> {
    let label = how.label.then(|| label_of(&given.granted));
    let token = labelled(label.as_deref(), given.expose());
    let Some(file) = &how.output_file else {
        return print(&token, &given.granted, output);
    };
    let line = Zeroizing::new(format!("{}\n", *token));
    private_file::write(file, line.as_bytes(), existing).map_err(|failure| {
        let id = &given.granted.id;
        failure
            .about(&format!("token {id} was made and is lost"))
            .hint(format!(
                "revoke it: countersign pat revoke {id} --reason lost"
            ))
    })?;
    output.show(&record(&given.granted))
}

/// The token alone, or as `--output` says. A token has no character that a shell would change, and
/// neither has a label.
fn print(token: &str, granted: &GrantedToken, output: &Output) -> Result<(), Failure> {
    let line = match output.format() {
        Some(Format::Header) => format!("Authorization: Bearer {token}\n"),
        Some(Format::Env) => format!("export COUNTERSIGN_TOKEN={token}\n"),
        Some(Format::Json) => {
            let mut members = record(granted).json;
            if let Value::Object(members) = &mut members {
                members.insert("token".to_owned(), json!(token));
            }
            format!("{members:#}\n")
        }
        // The other forms are refused where the command line is read.
        _ => format!("{token}\n"),
    };
    output.data(Zeroizing::new(line).as_bytes())
}

fn labelled(label: Option<&str>, token: &str) -> Zeroizing<String> {
    let label = label.unwrap_or_default();
    // Once: growing would leave a copy of the token behind.
    let mut text = Zeroizing::new(String::with_capacity(label.len() + 2 + token.len()));
    if !label.is_empty() {
        text.push_str(label);
        text.push_str("--");
    }
    text.push_str(token);
    text
}

/// `NAME-CREATED-ENDS`, of characters that can stand in a header.
fn label_of(token: &GrantedToken) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    let words = token
        .name
        .split(|c| !fits(c))
        .filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    let day = |moment: String| moment.split('T').next().unwrap_or_default().to_owned();
    let created = day(token.created_at.to_string());
    let ends = token
        .expires_at
        .map_or("never".to_owned(), |end| day(end.to_string()));
    [name, created, ends]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn until(token: &GrantedToken) -> String {
    token
        .expires_at
        .map_or_else(|| "without an end".to_owned(), |end| format!("until {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str) -> GrantedToken {
        serde_json::from_value(json!({
            "id": "02wq5mOzTzPWGCpJqKQcwj", "kind": "personal", "form": "opaque", "name": name,
            "audience": "https://id.example", "created_at": 1_795_336_200, "created_by": "anna",
            "expires_at": 1_826_872_200, "state": "active",
        }))
        .unwrap()
    }

    // seed 004
    #[test]
    fn a_label_is_name_creation_and_end_in_characters_of_a_header() {
        for (name, label) in [
            ("anders", "anders-2026-11-22-2027-11-22"),
            (
                "my  laptop -- at \"home\"",
                "my-laptop-at-home-2026-11-22-2027-11-22",
            ),
            ("é\n", "2026-11-22-2027-11-22"),
        ] {
            assert_eq!(label_of(&token(name)), label);
        }
        let mut endless = token("x");
        endless.expires_at = None;
        assert_eq!(label_of(&endless), "x-2026-11-22-never");
    }

    #[test]
    fn a_labelled_token_never_grows() {
        let text = labelled(Some("label"), "token");
        assert_eq!((text.as_str(), text.capacity()), ("label--token", 12));
        assert_eq!(*labelled(None, "token"), "token");
    }
}
