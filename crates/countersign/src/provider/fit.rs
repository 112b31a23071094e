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

#[cfg(test)]
mod tests {
    use countersign_proto::certificate::Certificate;

    use super::*;

    const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

    fn key(pem: &str) -> PublicKey {
        let certificate = Certificate::all_from_pem(pem).unwrap().remove(0);
        certificate.public_key().clone()
    }

    fn rsa() -> PublicKey {
        key(include_str!(
            "../../../../testdata/clients/rsa2048/rsa2048.pem"
        ))
    }

    fn ed25519() -> PublicKey {
        key(include_str!(
            "../../../../testdata/clients/ed25519/ed25519.pem"
        ))
    }

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn an_issuer_of_another_shape_does_not_fit() {
        for (provider, fitting, other) in [
            (
                Provider::entra_id(),
                vec![format!("https://login.microsoftonline.com/{TENANT}/v2.0")],
                vec![
                    format!("https://login.microsoftonline.com/{TENANT}"),
                    format!("https://login.microsoftonline.com/{TENANT}/v1.0"),
                    "https://login.microsoftonline.com/common/v2.0".to_owned(),
                    "https://login.microsoftonline.com/acme.onmicrosoft.com/v2.0".to_owned(),
                    format!("https://sts.windows.net/{TENANT}/"),
                ],
            ),
            (
                Provider::okta(),
                vec![
                    "https://acme.okta.com".to_owned(),
                    "https://id.acme.example/".to_owned(),
                    "https://acme.okta.com/oauth2/default".to_owned(),
                    "https://acme.okta.com/oauth2/aus9o8wzkhckw9TLa0h7z".to_owned(),
                ],
                vec![
                    "https://acme.okta.com/oauth2".to_owned(),
                    "https://acme.okta.com/default".to_owned(),
                ],
            ),
            (
                Provider::keycloak(),
                vec![
                    "https://id.example/realms/acme".to_owned(),
                    "https://id.example/auth/realms/acme".to_owned(),
                ],
                vec![
                    "https://id.example".to_owned(),
                    "https://id.example/realms".to_owned(),
                    "https://id.example/realms/acme/x".to_owned(),
                ],
            ),
            (
                Provider::hydra(),
                vec![
                    "https://id.example/".to_owned(),
                    "https://id.example/a".to_owned(),
                ],
                vec![],
            ),
        ] {
            for issuer in fitting {
                assert_eq!(provider.fits_issuer(&issuer), Ok(()), "{issuer}");
            }
            for issuer in other {
                let misfit = provider.fits_issuer(&issuer).expect_err(&issuer);
                assert_eq!(misfit.hint, provider.issuer_hint);
            }
        }
    }

    #[test]
    fn a_key_signs_by_the_first_algorithm_that_it_has_of_the_provider_s() {
        use Algorithm::{EdDSA, PS256, RS256};
        for (provider, key, algorithms) in [
            (Provider::entra_id(), rsa(), Some(vec![PS256, RS256])),
            (Provider::okta(), rsa(), Some(vec![RS256])),
            (Provider::keycloak(), rsa(), Some(vec![PS256, RS256])),
            (Provider::hydra(), rsa(), Some(vec![RS256, PS256])),
            (Provider::keycloak(), ed25519(), Some(vec![EdDSA])),
            (Provider::entra_id(), ed25519(), None),
            (Provider::okta(), ed25519(), None),
            (Provider::hydra(), ed25519(), None),
        ] {
            let found = provider.fits_key(&key);
            assert_eq!(found.clone().ok(), algorithms, "{}", provider.name);
            if let Err(misfit) = found {
                assert!(misfit.text.contains(&*provider.title), "{misfit}");
            }
        }
    }

    #[test]
    fn a_scope_must_be_what_the_provider_demands() {
        for (provider, asked, fits) in [
            (
                Provider::entra_id(),
                "https://graph.microsoft.com/.default",
                true,
            ),
            (Provider::entra_id(), "api://1234/.default", true),
            (Provider::entra_id(), "", false),
            (Provider::entra_id(), "/.default", false),
            (Provider::entra_id(), "User.Read", false),
            (Provider::entra_id(), "a/.default b/.default", false),
            (Provider::okta(), "okta.users.read okta.groups.read", true),
            (Provider::okta(), "", false),
            (Provider::keycloak(), "", true),
            (Provider::hydra(), "", true),
            (Provider::hydra(), "read", true),
        ] {
            let found = provider.fits_scope(Some(&scope(asked)));
            assert_eq!(found.is_ok(), fits, "{} {asked:?}", provider.name);
        }
    }
}
