//! Which makes of server are known, what does each want, and where is that said? One table.
//!
//! The pages under `docs/providers` say the same at length, with what has to be done at the provider.
//! What each says when it refuses is in [`super::refusals`].

use std::{borrow::Cow, time::Duration};

use countersign_proto::{
    assertion::{KidForm, ThumbprintForm, TypForm},
    exchange::ClientIdParameter,
    key::Algorithm,
};

use super::{Provider, ScopeRule, refusals};
use crate::Audience;

/// One that takes what the platform takes.
pub(super) const OTHER: Provider = Provider {
    name: Cow::Borrowed("other"),
    title: Cow::Borrowed("other"),
    hosts: Cow::Borrowed(&[]),
    paths: Cow::Borrowed(&[]),
    issuer_hint: Cow::Borrowed(
        "give the issuer exactly as the server writes it in its metadata; a slash at the end counts",
    ),
    audience: Audience::Issuer,
    kid: KidForm::Sha1Hex,
    typ: TypForm::Purpose,
    thumbprints: ThumbprintForm::Both,
    x5c: false,
    algorithms: Cow::Borrowed(&Algorithm::PROTOCOL),
    lifetime: Duration::from_secs(60),
    client_id: ClientIdParameter::Sent,
    scope: ScopeRule::Optional,
    parameters: Cow::Borrowed(&[]),
    refusals: Cow::Borrowed(&[]),
};

/// The assertion: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>.
/// `/.default`: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>.
/// National clouds: <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>.
/// Microsoft's own clients send PS256 and `x5t#S256`, and no `kid`.
pub(super) const ENTRA_ID: Provider = Provider {
    name: Cow::Borrowed("entra-id"),
    title: Cow::Borrowed("Microsoft Entra ID"),
    hosts: Cow::Borrowed(&[
        Cow::Borrowed("login.microsoftonline.com"),
        Cow::Borrowed("login.microsoftonline.us"),
        Cow::Borrowed("login.partner.microsoftonline.cn"),
    ]),
    paths: Cow::Borrowed(&[Cow::Borrowed("/GUID/v2.0")]),
    issuer_hint: Cow::Borrowed(
        "the issuer is https://login.microsoftonline.com/TENANT/v2.0 with the id of the tenant (a \
         GUID), not with its domain name, common or organizations",
    ),
    audience: Audience::TokenEndpoint,
    kid: KidForm::None,
    typ: TypForm::Jwt,
    thumbprints: ThumbprintForm::Sha256,
    x5c: false,
    algorithms: Cow::Borrowed(&[Algorithm::PS256, Algorithm::RS256]),
    // Five to ten minutes at most, it says; its own clients take ten.
    lifetime: Duration::from_secs(60),
    client_id: ClientIdParameter::Sent,
    scope: ScopeRule::ResourceDefault,
    parameters: Cow::Borrowed(&[]),
    refusals: Cow::Borrowed(refusals::ENTRA_ID),
};

/// The assertion: <https://developer.okta.com/docs/guides/build-self-signed-jwt/main/>. It says nothing
/// of PSS, and its own clients sign by RS256.
/// The audience, exactly: <https://support.okta.com/help/s/article/the-audience-claim-for-client-assertion-must-be-the-endpoint-invoked-for-the-request>.
/// The `kid`: <https://support.okta.com/help/s/article/okta-client-assertion-error-invalid-key-id>.
/// The scopes: <https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/>.
/// The issuers: <https://developer.okta.com/docs/concepts/auth-servers/>.
/// Without `client_id`, as Okta's own clients ask.
pub(super) const OKTA: Provider = Provider {
    name: Cow::Borrowed("okta"),
    title: Cow::Borrowed("Okta"),
    hosts: Cow::Borrowed(&[
        Cow::Borrowed(".okta.com"),
        Cow::Borrowed(".oktapreview.com"),
        Cow::Borrowed(".okta-emea.com"),
    ]),
    paths: Cow::Borrowed(&[Cow::Borrowed(""), Cow::Borrowed("/oauth2/SERVER")]),
    issuer_hint: Cow::Borrowed(
        "the issuer is https://ORG.okta.com for scopes of Okta's own API, or \
         https://ORG.okta.com/oauth2/SERVER (such as /oauth2/default) for an API of yours",
    ),
    audience: Audience::TokenEndpoint,
    kid: KidForm::JwkThumbprint,
    typ: TypForm::Jwt,
    thumbprints: ThumbprintForm::None,
    x5c: false,
    algorithms: Cow::Borrowed(&[
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
    ]),
    // At most an hour.
    lifetime: Duration::from_secs(60),
    client_id: ClientIdParameter::LeftOut,
    scope: ScopeRule::Required,
    parameters: Cow::Borrowed(&[]),
    refusals: Cow::Borrowed(refusals::OKTA),
};

/// What is checked: `JWTClientValidator` and `AbstractBaseJWTValidator` of Keycloak 26, in
/// <https://github.com/keycloak/keycloak/tree/main/services/src/main/java/org/keycloak/authentication/authenticators/client>.
/// The `kid` of a certificate that was uploaded is made by `ClientPublicKeyLoader`, and demanded:
/// <https://github.com/keycloak/keycloak/issues/20847>.
/// The settings: <https://www.keycloak.org/docs/latest/server_admin/#_client-credentials>.
pub(super) const KEYCLOAK: Provider = Provider {
    name: Cow::Borrowed("keycloak"),
    title: Cow::Borrowed("Keycloak"),
    hosts: Cow::Borrowed(&[]),
    paths: Cow::Borrowed(&[Cow::Borrowed("/realms/REALM")]),
    issuer_hint: Cow::Borrowed(
        "the issuer is https://HOST/realms/REALM; the name of the realm counts letter by letter",
    ),
    audience: Audience::Issuer,
    kid: KidForm::SpkiSha256Base64url,
    typ: TypForm::Purpose,
    thumbprints: ThumbprintForm::Both,
    x5c: false,
    algorithms: Cow::Borrowed(&[
        Algorithm::PS256,
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
    ]),
    // The most that a client may have unless its setting Max expiration says more.
    lifetime: Duration::from_secs(60),
    client_id: ClientIdParameter::Sent,
    scope: ScopeRule::Optional,
    parameters: Cow::Borrowed(&[]),
    refusals: Cow::Borrowed(refusals::KEYCLOAK),
};

/// What is checked: <https://github.com/ory/hydra/blob/master/fosite/client_authentication.go>.
/// `audience`, of which there is none unless the application asks: <https://www.ory.com/docs/hydra/guides/audiences>.
/// The token: <https://www.ory.com/docs/oauth2-oidc/jwt-access-token>.
pub(super) const HYDRA: Provider = Provider {
    name: Cow::Borrowed("hydra"),
    title: Cow::Borrowed("Ory Hydra"),
    hosts: Cow::Borrowed(&[]),
    paths: Cow::Borrowed(&[]),
    issuer_hint: Cow::Borrowed(
        "the issuer is the public URL as Hydra's own settings have it (urls.self.issuer); a slash at \
         the end counts",
    ),
    audience: Audience::TokenEndpoint,
    kid: KidForm::JwkThumbprint,
    typ: TypForm::Purpose,
    thumbprints: ThumbprintForm::Both,
    x5c: false,
    // A client has one, RS256 unless it was told otherwise.
    algorithms: Cow::Borrowed(&[
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
    ]),
    lifetime: Duration::from_secs(60),
    client_id: ClientIdParameter::Sent,
    scope: ScopeRule::Optional,
    parameters: Cow::Borrowed(&[]),
    refusals: Cow::Borrowed(refusals::HYDRA),
};
