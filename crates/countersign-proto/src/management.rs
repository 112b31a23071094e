//! What does the management API under `/api/v1` speak about?
//!
//! The same values are written by the platform and read by the SDK, and the other way round.
//! Lists are pages; errors are RFC 9457 problems. Certificates are named by the lower-case
//! hexadecimal SHA-256 of their DER.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    json::{self, JsonError, Limits, Value, Wiped},
    time::UnixTime,
};

mod filter;
pub use filter::{
    ApplicationFilter, AuditFilter, AuditOutcome, CertificateFilter, CertificateState,
    MappingFilter, PrincipalFilter, RoleFilter, SessionFilter, SessionState,
};

mod granted;
pub use granted::{
    GivenToken, GrantedForm, GrantedKind, GrantedState, GrantedToken, ImportedToken, NewToken,
    Revoked, Rotation, TokenChange, TokenFilter, TokensRevocation,
};

mod sign_in;
pub use sign_in::SignIn;

mod signing_key;
pub use signing_key::{KeyRotation, SigningKeyInfo, SigningKeyState};

/// An application that signs in: `/api/v1/applications/{client_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// AppId, 1 to 255 characters of `A-Z a-z 0-9 . _ ~ -`; `countersign:` and `platform` are reserved.
    pub client_id: String,
    /// For people.
    pub name: String,
    /// Scopes it may ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The `aud` of its tokens; the issuer when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Refuses `Bearer`: its tokens are bound to a DPoP key (RFC 9449 §5.2).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Compatibility: also admits the token endpoint's URL as `aud`, and arrays of one. Audited.
    #[serde(default)]
    pub accept_token_endpoint_audience: bool,
    /// Its assertions are also sent to the identity provider, which must answer with a token.
    #[serde(default)]
    pub forward: bool,
    /// Compatibility: also admits the issuer of that provider as `aud`. Audited.
    #[serde(default)]
    pub accept_provider_audience: bool,
    /// Compatibility: longest `exp - iat` in seconds, up to 3600; the platform's setting when absent. Audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_lifetime_max_s: Option<u64>,
    /// A disabled application is refused.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Application {
    /// One that is enabled and as strict as can be: no scopes, and tokens for the issuer. Its name for people is its id.
    pub fn new(client_id: &str) -> Application {
        Application {
            client_id: client_id.to_owned(),
            name: client_id.to_owned(),
            scopes: Vec::new(),
            audience: None,
            dpop_bound_access_tokens: false,
            accept_token_endpoint_audience: false,
            forward: false,
            accept_provider_audience: false,
            assertion_lifetime_max_s: None,
            enabled: true,
        }
    }
}

/// What a registered certificate may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateUsage {
    /// Client assertions.
    Client,
    /// Platform assertions.
    Platform,
}

/// A registered certificate: `/api/v1/certificates/{sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredCertificate {
    /// Lower-case hexadecimal SHA-256 of the DER: its id.
    pub sha256: String,
    /// Upper-case hexadecimal SHA-1 of the DER: the usual `kid`.
    pub sha1: String,
    /// The application it belongs to; `countersign:platform` for usage `platform`.
    pub client_id: String,
    /// What it may sign.
    pub usage: CertificateUsage,
    /// A literal `kid` of this client besides the thumbprints; must not look like a thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid_alias: Option<String>,
    /// RFC 4514.
    pub subject: String,
    /// RFC 4514.
    pub issuer: String,
    /// Hexadecimal.
    pub serial: String,
    /// First moment of validity.
    pub not_before: UnixTime,
    /// Last moment of validity.
    pub not_after: UnixTime,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<UnixTime>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_reason: Option<String>,
    /// One PEM block.
    pub pem: String,
}

/// Asks to register a certificate: `POST /api/v1/certificates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// One PEM block with the leaf.
    pub pem: String,
    /// The application; absent for usage `platform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What it may sign.
    pub usage: CertificateUsage,
    /// A literal `kid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid_alias: Option<String>,
}

/// Asks to revoke: `POST /api/v1/certificates/{sha256}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// For the audit.
    pub reason: String,
}

/// Who a token stands for: `/api/v1/principals/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// 1 to 255 characters without controls; compared exactly. `platform` is reserved.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub display_name: String,
    /// Names of roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// A disabled principal gets no token, and its tokens are inactive.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// When the password was set by which it signs in, where the platform keeps accounts; absent when it
    /// has none. The platform says it; what is sent is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_set_at: Option<UnixTime>,
}

/// A named set of permissions: `/api/v1/roles/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// 1 to 255 characters without controls.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// `noun:read`, `noun:write`, or `*`, where noun is `applications`, `certificates`, `principals`, `roles`, `mappings`, `sessions`, `audit`, `tokens`, `own-tokens`, `keys`; or `scope:NAME`, the right to carry the scope NAME (RFC 6749 §3.3) towards an API that is not the platform.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Whoever has this role signs in on the machine where the browser is: no code is shown.
    #[serde(default)]
    pub require_loopback: bool,
    /// How long a granted token may live that carries this role, in seconds; as long as its kind may when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_lifetime_max_s: Option<u64>,
    /// Administrator, Operator, Reader, Developer and Platform exist from the start and cannot be deleted.
    #[serde(default)]
    pub built_in: bool,
}

/// Which principal a certificate stands for: `/api/v1/mappings/{id}` (seed 003, principal mapping).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalMapping {
    /// Given by the platform.
    pub id: String,
    /// The certificate's id.
    pub certificate: String,
    /// Its application.
    pub client_id: String,
    /// Who the token will stand for.
    pub principal: String,
    /// Taken when several rows fit and none was asked for.
    #[serde(default)]
    pub is_default: bool,
}

/// Asks for a mapping: `POST /api/v1/mappings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMapping {
    /// The certificate, by SHA-256, SHA-1 or alias.
    pub certificate: String,
    /// Its application.
    pub client_id: String,
    /// The principal's name.
    pub principal: String,
    /// Default among several.
    #[serde(default)]
    pub is_default: bool,
}

/// What one login gave and can still be refreshed: `/api/v1/sessions/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Given by the platform; `sid` of its tokens. It opens nothing.
    pub id: String,
    /// Who signed in.
    pub principal: String,
    /// How the login was released: `loopback` or `code`.
    pub binding: String,
    /// When the login was completed.
    pub created_at: UnixTime,
    /// When it was refreshed last; `created_at` before the first time.
    pub refreshed_at: UnixTime,
    /// No refresh leads beyond this.
    pub ends_at: UnixTime,
    /// How often it was refreshed.
    pub generation: u32,
    /// How often it may be refreshed.
    pub refresh_limit: u32,
    /// `pending` until the terminal has acknowledged its token, then `active`, then `ended`.
    pub state: String,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
    /// RFC 7638 thumbprint of the key that refreshes it.
    pub proof: String,
    /// The address that the login came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the terminal said that it is; nobody has vouched for it.
    pub client: String,
    /// The identity provider that authenticated the person.
    pub provider: String,
}

/// Ends a session: `POST /api/v1/sessions/{id}/end`. No body stands for the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionEnd {
    /// What was granted in the session is revoked as well, and what was granted with that.
    #[serde(default)]
    pub with_tokens: bool,
}

/// Sets a password: `PUT /api/v1/principals/{name}/password`. Wiped when dropped, never printed.
pub struct NewPassword {
    password: Zeroizing<String>,
    ends_tokens: bool,
}

impl NewPassword {
    /// Takes a password in.
    pub fn new(password: &str) -> NewPassword {
        NewPassword {
            password: Zeroizing::new(password.to_owned()),
            ends_tokens: false,
        }
    }

    /// The same, and all tokens are revoked that the person has or granted, however long ago: whoever knew
    /// the old password may have granted some.
    #[must_use]
    pub fn with_tokens(self) -> NewPassword {
        NewPassword {
            ends_tokens: true,
            ..self
        }
    }

    /// Whether tokens are revoked as well.
    pub fn ends_tokens(&self) -> bool {
        self.ends_tokens
    }

    /// The password, to be hashed and nowhere else.
    pub fn expose(&self) -> &str {
        &self.password
    }

    /// The JSON body (wiped when dropped).
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        #[derive(Serialize)]
        struct Body<'a> {
            password: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            with_tokens: Option<bool>,
        }
        json::written_once(&Body {
            password: &self.password,
            with_tokens: self.ends_tokens.then_some(true),
        })
    }

    /// Reads the JSON body: the member `password`, perhaps `with_tokens`, and no other.
    ///
    /// # Errors
    ///
    /// Not acceptable JSON, or `password` is absent or no string, `with_tokens` no boolean, or
    /// there is another member.
    pub fn from_json(body: &[u8]) -> Result<NewPassword, JsonError> {
        const LIMITS: Limits = Limits {
            bytes: 16 * 1024,
            depth: 1,
            members: 2,
            string: 4 * 1024,
        };
        let members = Wiped::new(json::object(body, &LIMITS)?);
        let Some(Value::String(password)) = members.get("password") else {
            return Err(JsonError::Member("password"));
        };
        match (members.get("with_tokens"), members.len()) {
            (None, 1) => Ok(NewPassword::new(password)),
            (Some(Value::Bool(false)), 2) => Ok(NewPassword::new(password)),
            (Some(Value::Bool(true)), 2) => Ok(NewPassword::new(password).with_tokens()),
            _ => Err(JsonError::Member("with_tokens")),
        }
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

/// One row of the audit: `GET /api/v1/audit`. Nothing secret can stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Ascending, given by the store.
    pub sequence: u64,
    /// When.
    pub at: UnixTime,
    /// Who did it: a principal, a client, or `system`.
    pub actor: String,
    /// Whom or what it was done to.
    pub subject: String,
    /// `token.issue`, `certificate.revoke`, `mapping.create`, …
    pub action: String,
    /// `ok` or `refused`.
    pub outcome: String,
    /// `jti` of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// The certificate's SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The `reason` of a refusal or a revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who the caller is: `GET /api/v1/whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The principal.
    pub principal: String,
    /// The application that got the token.
    pub client_id: String,
    /// 0 to 5.
    pub kind: u8,
    /// Roles as they are now.
    pub roles: Vec<String>,
    /// Scopes of the token.
    pub scopes: Vec<String>,
    /// End of the token; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
}

/// A page of a list: `?limit=1..500&after=CURSOR`, default 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// In a stable order.
    pub items: Vec<T>,
    /// Pass as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An RFC 9457 problem, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`, or a stable URN such as `urn:countersign:problem:conflict`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// Short, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the log line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_id: Option<String>,
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_written_and_read_back_and_never_shown() {
        for password in ["correct horse", "\"\\\u{1}é", ""] {
            let new = NewPassword::new(password);
            assert_eq!(format!("{new:?}"), "NewPassword(..)");
            let body = new.to_json();
            assert_eq!(body.capacity(), body.len());
            let members: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(members, serde_json::json!({ "password": password }));
            assert_eq!(NewPassword::from_json(&body).unwrap().expose(), password);
        }
    }

    #[test]
    fn a_password_says_whether_tokens_end_with_the_old_one() {
        let new = NewPassword::new("correct horse");
        assert!(
            !NewPassword::from_json(&new.to_json())
                .unwrap()
                .ends_tokens()
        );
        let new = new.with_tokens();
        let members: Value = serde_json::from_slice(&new.to_json()).unwrap();
        let expected = serde_json::json!({ "password": "correct horse", "with_tokens": true });
        assert_eq!(members, expected);
        let read = NewPassword::from_json(&new.to_json()).unwrap();
        assert!(read.ends_tokens() && read.expose() == "correct horse");
        let not = br#"{"password":"a","with_tokens":false}"#;
        assert!(!NewPassword::from_json(not).unwrap().ends_tokens());
    }

    #[test]
    fn a_body_of_anything_but_a_password_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"password":1}"#,
            r#"{"password":null}"#,
            r#"{"password":"a","password":"b"}"#,
            r#"{"password":"a","x":1}"#,
            r#"{"password":"a","with_tokens":1}"#,
            r#"{"password":"a","with_tokens":null}"#,
            r#"{"password":"a","with_tokens":true,"x":1}"#,
            r#"{"with_tokens":true}"#,
            r#"{"x":"a"}"#,
            r#"{"password":"a"}x"#,
        ] {
            assert!(NewPassword::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }

    // A role that was written before the member existed demands nothing of the login.
    #[test]
    fn what_was_stored_by_an_older_version_is_read() {
        let role: Role = serde_json::from_str(r#"{"name":"Reader"}"#).unwrap();
        assert!(!role.require_loopback);
        assert_eq!(role.token_lifetime_max_s, None);
        let application = r#"{"client_id":"a","name":"A"}"#;
        let application: Application = serde_json::from_str(application).unwrap();
        assert!(!application.forward && !application.accept_provider_audience);
    }
}
