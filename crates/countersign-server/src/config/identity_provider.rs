//! Whom was the platform told to ask who a person is, and whether a certificate is still welcome?

use std::{path::PathBuf, time::Duration};

/// `[identity_provider]`: how people prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityProviderSettings {
    /// `kind = "built-in"`: accounts of the platform, with passwords.
    BuiltIn {
        /// What people read.
        name: String,
    },
    /// `kind = "openid-connect"`: a provider of the customer's.
    OpenIdConnect(Box<OpenIdConnect>),
}

/// A client of an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenIdConnect {
    /// What people read.
    pub name: String,
    /// The provider's issuer, compared byte for byte.
    pub issuer: String,
    /// What the provider calls the platform.
    pub client_id: String,
    /// How the platform proves to the provider that it is this client.
    pub authentication: ClientAuthentication,
    /// `scope` of the authorization request; holds `openid`.
    pub scopes: Vec<String>,
    /// Which claim of the ID token names the principal.
    pub principal_claim: PrincipalClaim,
    /// What becomes of people who are no principal yet.
    pub newcomers: Newcomers,
}

/// How the platform authenticates at a provider's token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// `none`: a public client; PKCE alone.
    Public,
    /// `client_secret_basic` or `client_secret_post`, whichever the provider takes; the secret is
    /// the text of this file without its last line break.
    SecretFile(PathBuf),
    /// `private_key_jwt`: PEM files with a certificate and its key.
    Certificate {
        /// The chain, leaf first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// Which claim of an ID token names the principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrincipalClaim {
    /// `sub`: never given to somebody else.
    Subject,
    /// `preferred_username`: some providers let people choose it themselves.
    PreferredUsername,
    /// `email`, only while `email_verified` is true.
    Email,
}

/// What becomes of people whom the provider vouches for and who are no principal yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Newcomers {
    /// They are turned away.
    Refused,
    /// A principal is made for them.
    Created {
        /// With these roles. Principals that exist keep the roles that they have.
        roles: Vec<String>,
    },
}

/// `[forwarding]`: where assertions of applications that are set to forward are sent as well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarding {
    /// The issuer of the provider, compared byte for byte; the identity provider's unless given.
    /// Without either, applications that are set to forward are refused.
    pub issuer: Option<String>,
    /// How long the provider may take.
    pub timeout: Duration,
}

impl IdentityProviderSettings {
    /// What people read.
    pub fn name(&self) -> &str {
        match self {
            IdentityProviderSettings::BuiltIn { name } => name,
            IdentityProviderSettings::OpenIdConnect(settings) => &settings.name,
        }
    }
}

impl PrincipalClaim {
    /// The claim.
    pub const fn name(self) -> &'static str {
        match self {
            PrincipalClaim::Subject => "sub",
            PrincipalClaim::PreferredUsername => "preferred_username",
            PrincipalClaim::Email => "email",
        }
    }
}

impl Default for IdentityProviderSettings {
    fn default() -> IdentityProviderSettings {
        IdentityProviderSettings::BuiltIn {
            name: "countersign".to_owned(),
        }
    }
}

impl Default for Forwarding {
    fn default() -> Forwarding {
        Forwarding {
            issuer: None,
            timeout: Duration::from_secs(10),
        }
    }
}
