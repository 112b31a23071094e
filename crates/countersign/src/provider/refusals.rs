//! What does each known make of server say when it refuses, and what helps?
//!
//! These texts are for people and may change: a hint is made of them, and nothing else.

use std::borrow::Cow;

/// A refusal that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What stands in `error_description`, or is the `error` itself. A number is a whole one.
    pub says: Cow<'static, str>,
    /// What helps.
    pub hint: Cow<'static, str>,
}

impl Refusal {
    const fn known(says: &'static str, hint: &'static str) -> Refusal {
        Refusal {
            says: Cow::Borrowed(says),
            hint: Cow::Borrowed(hint),
        }
    }

    /// Whether it is this one.
    pub(super) fn is(&self, error: &str, description: Option<&str>) -> bool {
        self.says == error || description.is_some_and(|text| occurs(&self.says, text))
    }
}

/// Whether `what` stands in `text`, and is not the beginning of a longer number.
fn occurs(what: &str, text: &str) -> bool {
    let ends_in_digit = what.ends_with(|c: char| c.is_ascii_digit());
    text.match_indices(what).any(|(at, found)| {
        let rest = &text[at + found.len()..];
        !(ends_in_digit && rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

const CLOCK: &str = "set the clock of this machine by a time server";
const PUBLISH: &str = "save the public key of this certificate at the application, with its kid: countersign jwt jwks FILE";
const DEFAULT: &str =
    "ask for one scope, RESOURCE/.default, for example https://graph.microsoft.com/.default";
const TENANT: &str = "the application id is not known in this tenant: compare both with the overview of the app registration";
const DISABLED: &str = "the application is disabled: an administrator of the tenant can enable it";
const REVOKED: &str = "the certificate is revoked: upload another one";

/// The numbers: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>; those of
/// certificates also as <https://github.com/AzureAD/microsoft-identity-web> tells them from others.
pub(super) const ENTRA_ID: &[Refusal] = &[
    Refusal::known(
        "AADSTS700027",
        "upload this certificate at the app registration (Certificates & secrets), and compare its thumbprint there with that of: countersign cert show FILE",
    ),
    Refusal::known(
        "AADSTS7000274",
        "the signature does not fit: is the uploaded certificate that of this key?",
    ),
    Refusal::known(
        "AADSTS700030",
        "the subject of the certificate is not among those that the application trusts: correct them there, or upload the certificate itself",
    ),
    Refusal::known(
        "AADSTS50012",
        "the assertion was not believed: is the certificate uploaded and in date, and is the tenant in the issuer the application's?",
    ),
    Refusal::known("AADSTS700024", CLOCK),
    Refusal::known(
        "AADSTS1000502",
        "the certificate is past its end, or not begun: upload a new one",
    ),
    Refusal::known("AADSTS7000214", REVOKED),
    Refusal::known("AADSTS7000277", REVOKED),
    Refusal::known("AADSTS700016", TENANT),
    Refusal::known("AADSTS700011", TENANT),
    Refusal::known(
        "AADSTS90002",
        "there is no tenant of this id in this cloud: compare it with the tenant's overview",
    ),
    Refusal::known("AADSTS70001", DISABLED),
    Refusal::known("AADSTS7000112", DISABLED),
    Refusal::known("AADSTS1002012", DEFAULT),
    Refusal::known("AADSTS70011", DEFAULT),
    Refusal::known(
        "AADSTS700022",
        "ask for the scope of one resource at a time",
    ),
    Refusal::known(
        "AADSTS500011",
        "the resource before /.default is not known in this tenant",
    ),
    Refusal::known(
        "AADSTS650057",
        "add the API to the permissions of the app registration",
    ),
    Refusal::known(
        "AADSTS501051",
        "the API demands that the application is assigned to it: an administrator can do that",
    ),
    Refusal::known(
        "AADSTS53003",
        "a Conditional Access policy of the tenant does not permit this sign-in",
    ),
    Refusal::known(
        "AADSTS901002",
        "leave the parameter resource out: the scope names it",
    ),
];

/// <https://support.okta.com/help/s/article/okta-client-assertion-error-invalid-key-id> and the articles
/// beside it; <https://developer.okta.com/docs/guides/dpop/main/>.
pub(super) const OKTA: &[Refusal] = &[
    Refusal::known(
        "The DPoP proof JWT header is missing",
        "the application demands bound tokens: ask with --dpop, or turn the demand off in its general settings",
    ),
    Refusal::known(
        "audience claim for client_assertion",
        "the issuer must be that of the server that is asked: ORG.okta.com and ORG.okta.com/oauth2/default are two",
    ),
    Refusal::known("client_assertion JWT kid is invalid", PUBLISH),
    Refusal::known("client_assertion signature is invalid", PUBLISH),
    Refusal::known("expiration too far into the future", CLOCK),
    Refusal::known("client_assertion token has expired", CLOCK),
    Refusal::known(
        "client_assertion token has already been used",
        "each assertion is good once: ask again",
    ),
    Refusal::known(
        "Invalid value for 'client_id'",
        "compare the application id with the application's general settings, and the organization in the issuer",
    ),
    Refusal::known(
        "must use the private_key_jwt",
        "set the client authentication of the application to Public key / Private key",
    ),
    Refusal::known(
        "One or more scopes are not configured",
        "the scope must be one of this authorization server: okta.* at the organization's own, yours at a custom one",
    ),
    Refusal::known(
        "consent_required",
        "grant the scope to the application (Okta API Scopes), and give it an admin role",
    ),
    Refusal::known(
        "Policy evaluation failed",
        "an access policy of the authorization server must permit this application the grant Client Credentials",
    ),
];

/// `AbstractBaseJWTValidator`, `JWTClientAuthenticator` and `ClientCredentialsGrantType`, in
/// <https://github.com/keycloak/keycloak/tree/main/services/src/main/java/org/keycloak>.
pub(super) const KEYCLOAK: &[Refusal] = &[
    Refusal::known(
        "Unable to load public key",
        "import this certificate at the client (Keys); where its keys come from a JWKS instead, name the key by --kid jwk-thumbprint",
    ),
    Refusal::known(
        "Signature on JWT token failed validation",
        "import this certificate at the client (Keys)",
    ),
    Refusal::known(
        "Invalid signature algorithm",
        "the client is set to another algorithm (Credentials, Signature algorithm): sign by that one with --alg, or set it to any",
    ),
    Refusal::known(
        "Invalid token audience",
        "give the realm's issuer exactly as its metadata has it, or ask with --audience token-endpoint",
    ),
    Refusal::known("Token is not active", CLOCK),
    Refusal::known("issued in the future", CLOCK),
    Refusal::known("issued too far in the past", CLOCK),
    Refusal::known("reuse detected", "each assertion is good once: ask again"),
    Refusal::known(
        "Invalid client or Invalid client credentials",
        "compare the application id with the client's in this realm, and set its authenticator to Signed JWT",
    ),
    Refusal::known(
        "Client not enabled to retrieve service account",
        "turn on Service accounts roles at the client (Capability config)",
    ),
    Refusal::known("Invalid scopes", "add the client scope to the client first"),
];

/// <https://github.com/ory/hydra/blob/master/fosite/client_authentication.go>, and the grant beside it.
pub(super) const HYDRA: &[Refusal] = &[
    Refusal::known("which could not be found", PUBLISH),
    Refusal::known("public key with use='sig'", PUBLISH),
    Refusal::known("has no JSON Web Keys set registered", PUBLISH),
    Refusal::known(
        "enforces signing algorithm",
        "set token_endpoint_auth_signing_alg of the client to the key's, or sign by another one with --alg",
    ),
    Refusal::known(
        "however 'client_assertion' was provided",
        "set token_endpoint_auth_method of the client to private_key_jwt",
    ),
    Refusal::known(
        "must match the authorization server's token endpoint",
        "give the issuer as Hydra has it in its own settings: the token endpoint is made of that",
    ),
    Refusal::known("check if the expiry time is set correctly", CLOCK),
    Refusal::known(
        "has not been whitelisted by the OAuth 2.0 Client",
        "add the audience to the client first, and ask with --parameter audience=URL",
    ),
    Refusal::known(
        "not allowed to request scope",
        "add the scope to the client first",
    ),
    Refusal::known(
        "not allowed to use authorization grant",
        "add client_credentials to grant_types of the client",
    ),
];
