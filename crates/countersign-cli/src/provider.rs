//! Which make of server is meant, and what does somebody's own description of one say?

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use countersign::{
    Audience, Provider,
    proto::{exchange::ClientIdParameter, key::Algorithm},
    provider::{Refusal, ScopeRule},
};
use serde::{Deserialize, Serialize};

use crate::{args::Environment, failure::Failure, private_file, profile::Profiles};

/// The word by which a server is said to be of no make but ours.
pub(crate) const NONE: &str = "none";

/// A provider as its owner describes it: `[provider.NAME]` of the settings, or a file of its own. What
/// is left out is as at the one that it is like, else as at a platform of ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Described {
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbprints: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithms: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assertion_lifetime_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Parameters of every request, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, String>,
    /// What helps, by what the server says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hints: BTreeMap<String, String>,
}

/// What is remembered of what was typed: a name, or the whole path of a file.
pub(crate) fn word(typed: &str) -> Result<String, Failure> {
    if !is_file(typed) {
        return Ok(typed.to_owned());
    }
    let whole = std::path::absolute(typed).ok();
    let whole = whole.and_then(|path| path.into_os_string().into_string().ok());
    whole.ok_or_else(|| {
        Failure::usage(format!("--provider {typed:?}: no such file")).hint(DESCRIBED)
    })
}

const DESCRIBED: &str = "docs/cli.md has the keys of such a file, under servers of another make";

/// The provider that a word names.
pub(crate) fn find(word: &str, environment: &Environment) -> Result<Provider, Failure> {
    if is_file(word) {
        let file = PathBuf::from(word);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| private_file::failed("cannot read", &file, &error).hint(DESCRIBED))?;
        let described: Described = toml::from_str(&text).map_err(|error| {
            let problem: Vec<_> = error.message().split_whitespace().collect();
            Failure::usage(format!("{}: {}", file.display(), problem.join(" "))).hint(DESCRIBED)
        })?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        return described.read(&name, &file.display().to_string());
    }
    let own = Profiles::read(environment)?.providers;
    match (Provider::named(word), own.get(word)) {
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "[provider.{word}] of the settings has the name of a provider that is known"
        ))
        .hint(format!(
            "give it another name, and like = {word:?} if it differs a little"
        ))),
        (Some(known), None) => Ok(known.clone()),
        (None, Some(described)) => described.read(word, &format!("[provider.{word}]")),
        (None, None) => {
            let known = Provider::all().map(|known| known.name.to_string());
            let names: Vec<_> = known.iter().chain(own.keys()).map(String::as_str).collect();
            Err(
                Failure::usage(format!("--provider {word:?}: nothing is known of it")).hint(
                    format!(
                        "there are: {}; another one is described in a file: --provider ./FILE.toml",
                        names.join(", ")
                    ),
                ),
            )
        }
    }
}

/// What an audience is called.
pub(crate) fn audience(text: &str) -> Audience {
    match text {
        "issuer" => Audience::Issuer,
        "token-endpoint" => Audience::TokenEndpoint,
        uri => Audience::Uri(uri.to_owned()),
    }
}

/// A name has neither.
fn is_file(word: &str) -> bool {
    word.contains('/') || Path::new(word).extension().is_some_and(|it| it == "toml")
}

impl Described {
    /// `place`: what a complaint begins with.
    fn read(&self, name: &str, place: &str) -> Result<Provider, Failure> {
        let mut provider = match &self.like {
            None => Provider::other(name),
            Some(like) => Provider::named(like)
                .cloned()
                .ok_or_else(|| wrong(place, "like", like, "it is none that is known"))?,
        };
        provider.name = Cow::Owned(name.to_owned());
        provider.title = Cow::Owned(self.title.as_deref().unwrap_or(name).to_owned());
        // Where the known one is, and how its issuers look, says nothing of this one.
        provider.hosts = Cow::Borrowed(&[]);
        provider.paths = Cow::Borrowed(&[]);
        if let Some(text) = &self.audience {
            provider.audience = audience(text);
        }
        set(&mut provider.kid, place, "kid", self.kid.as_deref())?;
        set(&mut provider.typ, place, "typ", self.typ.as_deref())?;
        let thumbprints = self.thumbprints.as_deref();
        set(&mut provider.thumbprints, place, "thumbprints", thumbprints)?;
        provider.x5c = self.x5c.unwrap_or(provider.x5c);
        if let Some(names) = &self.algorithms {
            provider.algorithms = Cow::Owned(algorithms(names, place)?);
        }
        if let Some(seconds) = self.assertion_lifetime_s {
            provider.lifetime = Duration::from_secs(seconds);
        }
        provider.client_id = match self.client_id.as_deref() {
            None => provider.client_id,
            Some("sent") => ClientIdParameter::Sent,
            Some("left-out") => ClientIdParameter::LeftOut,
            Some(other) => return Err(wrong(place, "client_id", other, "use sent or left-out")),
        };
        provider.scope = match self.scope.as_deref() {
            None => provider.scope,
            Some("optional") => ScopeRule::Optional,
            Some("required") => ScopeRule::Required,
            Some("resource-default") => ScopeRule::ResourceDefault,
            Some(other) => {
                let forms = "use optional, required or resource-default";
                return Err(wrong(place, "scope", other, forms));
            }
        };
        let own = |(name, value): (&String, &String)| {
            (Cow::Owned(name.clone()), Cow::Owned(value.clone()))
        };
        provider
            .parameters
            .to_mut()
            .extend(self.parameters.iter().map(own));
        let hints = self.hints.iter().map(own);
        let mut refusals: Vec<_> = hints.map(|(says, hint)| Refusal { says, hint }).collect();
        // What its owner says of it comes before what is known of the one that it is like.
        refusals.extend_from_slice(&provider.refusals);
        provider.refusals = Cow::Owned(refusals);
        Ok(provider)
    }
}

fn set<T: FromStr<Err: Display>>(
    field: &mut T,
    place: &str,
    name: &str,
    text: Option<&str>,
) -> Result<(), Failure> {
    if let Some(text) = text {
        *field = text
            .parse()
            .map_err(|error: T::Err| wrong(place, name, text, &error.to_string()))?;
    }
    Ok(())
}

fn algorithms(names: &[String], place: &str) -> Result<Vec<Algorithm>, Failure> {
    let all = Algorithm::PROTOCOL.map(Algorithm::name).join(", ");
    let known = |name: &String| {
        let found = Algorithm::from_name(name).filter(|it| Algorithm::PROTOCOL.contains(it));
        found.ok_or_else(|| wrong(place, "algorithms", name, &format!("there are {all}")))
    };
    match names.is_empty() {
        true => Err(wrong(
            place,
            "algorithms",
            "[]",
            &format!("there are {all}"),
        )),
        false => names.iter().map(known).collect(),
    }
}

fn wrong(place: &str, name: &str, value: &str, problem: &str) -> Failure {
    Failure::usage(format!("{place}: {name} = {value:?}: {problem}"))
        .hint("docs/cli.md says what a description of a provider may say")
}

#[cfg(test)]
mod tests {
    use countersign::proto::assertion::{KidForm, ThumbprintForm, TypForm};

    use super::*;

    fn read(text: &str) -> Result<Provider, Failure> {
        let described: Described = toml::from_str(text).unwrap();
        described.read("acme", "acme.toml")
    }

    #[test]
    fn a_description_says_what_differs_from_the_one_that_it_is_like() {
        let provider = read(
            "like = 'okta'\ntitle = 'Acme ID'\naudience = 'https://aud.example'\nkid = 'none'\n\
             typ = 'none'\nthumbprints = 'sha1'\nx5c = true\nalgorithms = ['ES256', 'RS256']\n\
             assertion_lifetime_s = 300\nclient_id = 'sent'\nscope = 'optional'\n\
             parameters = { resource = 'https://api.example' }\nhints = { 'no such thing' = 'look again' }\n",
        )
        .unwrap();
        assert_eq!((&*provider.name, &*provider.title), ("acme", "Acme ID"));
        assert_eq!(
            provider.audience,
            Audience::Uri("https://aud.example".to_owned())
        );
        assert_eq!((provider.kid, provider.typ), (KidForm::None, TypForm::None));
        assert_eq!(provider.thumbprints, ThumbprintForm::Sha1);
        assert!(provider.x5c);
        assert_eq!(&*provider.algorithms, [Algorithm::ES256, Algorithm::RS256]);
        assert_eq!(provider.lifetime.as_secs(), 300);
        assert_eq!(provider.client_id, ClientIdParameter::Sent);
        assert_eq!(provider.scope, ScopeRule::Optional);
        assert_eq!(provider.parameters[0].1, "https://api.example");
        assert_eq!(provider.refusals[0].hint, "look again");
        assert_eq!(provider.refusals[1..], Provider::okta().refusals[..]);

        let plain = read("").unwrap();
        assert_eq!(plain, Provider::other("acme"));
        let like = read("like = 'okta'").unwrap();
        assert_eq!(like.audience, Provider::okta().audience);
        assert!(like.hosts.is_empty() && like.paths.is_empty());
    }

    #[test]
    fn a_wrong_word_of_a_description_is_named_with_what_would_do() {
        for (text, said) in [
            (
                "like = 'x'",
                "acme.toml: like = \"x\": it is none that is known",
            ),
            (
                "typ = 'x'",
                "acme.toml: typ = \"x\": use purpose, jwt or none",
            ),
            (
                "thumbprints = 'x'",
                "acme.toml: thumbprints = \"x\": use both, sha256, sha1 or none",
            ),
            (
                "client_id = 'x'",
                "acme.toml: client_id = \"x\": use sent or left-out",
            ),
            (
                "scope = 'x'",
                "acme.toml: scope = \"x\": use optional, required or resource-default",
            ),
            (
                "algorithms = ['RS384']",
                "acme.toml: algorithms = \"RS384\": there are ES256, ES384, ES512, EdDSA, PS256, RS256",
            ),
        ] {
            let failure = read(text).unwrap_err();
            assert_eq!((failure.message(), failure.code()), (said, 2));
        }
        assert!(
            read("kid = 'x'")
                .unwrap_err()
                .message()
                .contains("sha1-hex")
        );
        assert!(read("algorithms = []").is_err());
    }

    #[test]
    fn a_word_with_a_slash_or_of_toml_is_a_file_and_any_other_a_name() {
        for (typed, file) in [
            ("okta", false),
            ("acme.id", false),
            ("acme.toml", true),
            ("./acme", true),
            ("/etc/acme", true),
        ] {
            assert_eq!(is_file(typed), file, "{typed}");
        }
        assert!(word("acme.toml").unwrap().starts_with('/'));
        assert_eq!(word("okta").unwrap(), "okta");
    }
}
