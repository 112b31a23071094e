//! What of an application's settings does not fit the provider?

use std::fmt;

use countersign_proto::{
    key::{Algorithm, PublicKey},
    scope::Scope,
};
use url::Url;

use super::{Provider, ScopeRule};

/// Something that the provider does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What it is.
    pub text: String,
    /// What to do instead.
    pub hint: String,
}

impl Provider {
    /// Whether an issuer looks like one of this make.
    ///
    /// # Errors
    ///
    /// Its host or its path is that of no such issuer.
    pub fn fits_issuer(&self, issuer: &str) -> Result<(), Misfit> {
        let Ok(url) = Url::parse(issuer) else {
            return Ok(());
        };
        let path = url.path().trim_end_matches('/');
        let fits = |pattern: &str| match pattern {
            "" => path.is_empty(),
            pattern => ends_like(path, pattern),
        };
        match self.paths.is_empty() || self.paths.iter().any(|pattern| fits(pattern)) {
            true => Ok(()),
            false => Err(Misfit {
                text: format!("{issuer} does not look like an issuer of {}", self.title),
                hint: self.issuer_hint.clone().into_owned(),
            }),
        }
    }

    /// Whether a key can sign in here; the algorithms by which it can, the preferred one first.
    ///
    /// # Errors
    ///
    /// It has no algorithm that is accepted here.
    pub fn fits_key(&self, key: &PublicKey) -> Result<Vec<Algorithm>, Misfit> {
        let of_key = key.algorithms();
        let fitting: Vec<_> = self
            .algorithms
            .iter()
            .copied()
            .filter(|algorithm| of_key.contains(algorithm))
            .collect();
        if !fitting.is_empty() {
            return Ok(fitting);
        }
        let names: Vec<_> = self.algorithms.iter().map(|known| known.name()).collect();
        Err(Misfit {
            text: format!(
                "a key of type {} does not sign in at {}, which takes {}",
                key.key_type(),
                self.title,
                names.join(", ")
            ),
            hint: "make a certificate with another key: countersign cert new CN=NAME --key-type rsa2048"
                .to_owned(),
        })
    }

    /// Whether this may be asked for here.
    ///
    /// # Errors
    ///
    /// It is less, more or otherwise than the provider demands.
    pub fn fits_scope(&self, scope: Option<&Scope>) -> Result<(), Misfit> {
        let asked: Vec<&str> = scope.into_iter().flat_map(Scope::iter).collect();
        match self.scope {
            ScopeRule::Optional => Ok(()),
            ScopeRule::Required if !asked.is_empty() => Ok(()),
            ScopeRule::Required => Err(Misfit {
                text: format!("{} gives no token without a scope", self.title),
                hint: "ask for the scopes that the application was granted".to_owned(),
            }),
            ScopeRule::ResourceDefault => match &asked[..] {
                [one] if one.len() > "/.default".len() && one.ends_with("/.default") => Ok(()),
                _ => Err(Misfit {
                    text: format!("{} takes exactly one scope, RESOURCE/.default", self.title),
                    hint: "for example https://graph.microsoft.com/.default, or api://ID/.default"
                        .to_owned(),
                }),
            },
        }
    }
}

/// Whether the last segments of a path are like those of the pattern.
fn ends_like(path: &str, pattern: &str) -> bool {
    let wanted = pattern.rsplit('/').filter(|segment| !segment.is_empty());
    let mut there = path.rsplit('/').filter(|segment| !segment.is_empty());
    wanted.into_iter().all(|pattern| {
        there.next().is_some_and(|segment| match pattern {
            "GUID" => is_guid(segment),
            any if any.chars().all(|c| c.is_ascii_uppercase()) => true,
            literal => segment == literal,
        })
    })
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Misfit {}
