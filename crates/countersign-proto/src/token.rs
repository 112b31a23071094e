//! What is in an access token, how is one written, and when is one believed?
//!
//! RFC 9068 with members of our own: `type`, `principal`, `cert`, `cnf`, `sid`, `binding`.

use std::{fmt, sync::Arc};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    json::Value,
    jws::{self, ClaimError, Claims, JwsError, SigningInput},
    key::{Algorithm, PublicKey},
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
};

mod binding;
pub use binding::Binding;

mod kind;
pub use kind::TokenKind;

mod confirmation;
pub use confirmation::Confirmation;

mod inspect;
pub use inspect::{UnverifiedToken, inspect};

mod signed;
pub use signed::SignedClaims;

/// The `client_id` of every interactive token: the toolkit itself, a public client. Reserved: no
/// application may have it.
pub const INTERACTIVE_CLIENT_ID: &str = "countersign:cli";

/// The `client_id` of every token that somebody granted. Reserved: no application may have it.
pub const GRANTED_CLIENT_ID: &str = "countersign:granted";

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// Whoever holds it may use it (RFC 6750).
    Bearer,
    /// Only with a proof of the key that it is bound to (RFC 9449).
    DPoP,
}

impl TokenType {
    /// The authentication scheme, and the value of `token_type`.
    pub const fn name(self) -> &'static str {
        match self {
            TokenType::Bearer => "Bearer",
            TokenType::DPoP => "DPoP",
        }
    }
}

/// An access token: opaque to whoever holds it, wiped when dropped, never printed. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    text: Arc<Zeroizing<String>>,
}

/// The text cannot stand in an `Authorization` header (RFC 6750 §2.1 `b64token`), or is longer
/// than 16 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessTokenError;

impl AccessToken {
    /// Takes a token in.
    ///
    /// # Errors
    ///
    /// It cannot stand in an `Authorization` header.
    pub fn new(text: &str) -> Result<AccessToken, AccessTokenError> {
        if !AccessToken::is_token(text) {
            return Err(AccessTokenError);
        }
        Ok(AccessToken {
            text: Arc::new(Zeroizing::new(text.to_owned())),
        })
    }

    /// A token of a server that takes it in a header of its own may have at most so many bytes:
    /// 64 KiB, which is as much as its kind of servers can be set to take in a header.
    pub const MAX_VISIBLE_BYTES: usize = 64 * 1024;

    /// Takes a token in that goes into a header of its server's own: any visible ASCII characters but
    /// quotes, backslashes and angle brackets, by which JSON or a page would be taken for a token.
    ///
    /// # Errors
    ///
    /// It has another character, none at all, or more than [`AccessToken::MAX_VISIBLE_BYTES`].
    pub fn visible(text: &str) -> Result<AccessToken, AccessTokenError> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"\\<>".contains(&byte);
        let fits = (1..=AccessToken::MAX_VISIBLE_BYTES).contains(&text.len());
        if !fits || !text.bytes().all(allowed) {
            return Err(AccessTokenError);
        }
        Ok(AccessToken {
            text: Arc::new(Zeroizing::new(text.to_owned())),
        })
    }

    /// Whether a text can stand in an `Authorization` header as a token.
    pub(crate) fn is_token(text: &str) -> bool {
        let body = text.trim_end_matches('=');
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        !body.is_empty() && text.len() <= jws::MAX_BYTES && body.bytes().all(allowed)
    }

    /// The token, to be sent to the service that it is for and nowhere else.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// The claims of our access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenClaims {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// `aud`: one service.
    pub audience: String,
    /// `client_id`
    pub client_id: String,
    /// `principal`: who the token stands for.
    pub principal: String,
    /// `type`
    pub kind: TokenKind,
    /// `scope`
    pub scope: Scope,
    /// `roles`
    pub roles: Vec<String>,
    /// `iat`
    pub issued_at: UnixTime,
    /// `nbf`
    pub not_before: UnixTime,
    /// `exp`. A JWT always has it; an opaque token that was granted without an end does not.
    pub expires_at: Option<UnixTime>,
    /// `jti`
    pub jti: String,
    /// `cert.x5t#S256` of the certificate that earned it; a SHA-1 here is not written.
    pub certificate: Option<Thumbprint>,
    /// `cnf.jkt` (RFC 9449 §6). Our tokens are bound in no other way.
    pub confirmation: Option<String>,
    /// `sid`: the public id of the session. An interactive token has it, and no other.
    pub session: Option<String>,
    /// `binding`. An interactive token has it, and no other.
    pub binding: Option<Binding>,
}

/// Why an access token is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no acceptable JWS, or its signature does not verify.
    Jws(JwsError),
    /// `typ` is not `at+jwt`.
    Type,
    /// The issuer has no key with this `kid`, or there is no `kid`.
    UnknownKey,
    /// A claim is missing, mistyped or out of range.
    Claim(ClaimError),
    /// `iss` is not the issuer.
    Issuer,
    /// `aud` is not exactly the audience.
    Audience,
    /// `exp` has come.
    Expired,
    /// `nbf` or `iat` is ahead.
    NotYetValid,
}

impl TokenClaims {
    /// The required claims. `principal` is the subject, `nbf` is `iat`, scope and roles are empty
    /// until they are set.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is required, and none has a default"
    )]
    pub fn new(
        issuer: String,
        subject: String,
        audience: String,
        client_id: String,
        kind: TokenKind,
        issued_at: UnixTime,
        expires_at: UnixTime,
        jti: String,
    ) -> TokenClaims {
        TokenClaims {
            principal: subject.clone(),
            issuer,
            subject,
            audience,
            client_id,
            kind,
            scope: Scope::default(),
            roles: Vec::new(),
            issued_at,
            not_before: issued_at,
            expires_at: Some(expires_at),
            jti,
            certificate: None,
            confirmation: None,
            session: None,
            binding: None,
        }
    }

    /// Encodes: `typ: at+jwt`.
    pub fn signing_input(&self, algorithm: Algorithm, kid: &str) -> SigningInput {
        self.signing_input_by(algorithm.name(), kid)
    }

    /// The same for an algorithm of this name.
    pub(crate) fn signing_input_by(&self, alg: &'static str, kid: &str) -> SigningInput {
        let header = MintedHeader { alg, typ: TYP, kid };
        SigningInput::of(&header, &self.to_wire())
    }

    /// Whether this may be said by an app token that was granted in the form of a JWT, and by nothing
    /// else.
    pub(crate) fn check_granted_jwt(&self) -> Result<(), ClaimError> {
        if self.kind != TokenKind::App {
            return Err(mistyped("type"));
        }
        if self.client_id != GRANTED_CLIENT_ID {
            return Err(mistyped("client_id"));
        }
        match self.expires_at {
            Some(_) => Ok(()),
            None => Err(missing("exp")),
        }
    }

    /// Verifies a token of `issuer` for `audience` (RFC 9068 §4). `key_of` finds the issuer's key
    /// by `kid`. There is no leeway at `exp`, and 10 s at `nbf` and `iat`.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the first thing that does not hold.
    pub fn verify(
        text: &str,
        key_of: impl FnOnce(&str) -> Option<(PublicKey, Algorithm)>,
        issuer: &str,
        audience: &str,
        now: UnixTime,
    ) -> Result<TokenClaims, TokenError> {
        SignedClaims::verify(text, key_of)?.into_held(issuer, audience, now)
    }

    /// The claims as a JSON object, also for introspection (RFC 7662 §2.2).
    pub(crate) fn to_wire(&self) -> impl Serialize + '_ {
        Wire {
            iss: &self.issuer,
            sub: &self.subject,
            aud: &self.audience,
            client_id: &self.client_id,
            principal: &self.principal,
            kind: self.kind.number(),
            scope: (!self.scope.is_empty()).then(|| self.scope.to_string()),
            roles: &self.roles,
            iat: self.issued_at,
            nbf: self.not_before,
            exp: self.expires_at,
            jti: &self.jti,
            cert: match self.certificate {
                Some(thumbprint @ Thumbprint::Sha256(_)) => Some(Cert {
                    x5t_s256: thumbprint.to_base64url(),
                }),
                _ => None,
            },
            cnf: self.confirmation.as_deref().map(confirmation::of_key),
            sid: self.session.as_deref(),
            binding: self.binding.map(Binding::name),
        }
    }

    fn read(claims: &Claims) -> Result<TokenClaims, ClaimError> {
        let string = |claim| claims.string(claim).map(str::to_owned);
        let issued_at = required(claims.time_ceil("iat")?, "iat")?;
        let kind = match claims.members().get("type") {
            None => return Err(missing("type")),
            Some(value) => value
                .as_u64()
                .and_then(TokenKind::from_number)
                .ok_or(mistyped("type"))?,
        };
        let client_id = string("client_id")?;
        // The one says the other: nothing else has that name, and what has it is nothing else.
        if kind.is_granted() != (client_id == GRANTED_CLIENT_ID) {
            return Err(mistyped("type"));
        }
        let scope = claims.optional_string("scope")?.unwrap_or_default();
        let (session, binding) = binding::login(claims, kind)?;
        Ok(TokenClaims {
            issuer: string("iss")?,
            subject: string("sub")?,
            audience: string("aud")?,
            client_id,
            principal: string("principal")?,
            kind,
            scope: Scope::parse(scope).map_err(|_| mistyped("scope"))?,
            roles: roles(claims)?,
            issued_at,
            not_before: claims.time_ceil("nbf")?.unwrap_or(issued_at),
            expires_at: Some(required(claims.time_floor("exp")?, "exp")?),
            jti: string("jti")?,
            certificate: certificate(claims)?,
            confirmation: match Confirmation::of(claims)? {
                Confirmation::None => None,
                Confirmation::Key(jkt) => Some(jkt),
                _ => return Err(mistyped("cnf")),
            },
            session,
            binding,
        })
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for AccessTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token cannot stand in an Authorization header")
    }
}

impl std::error::Error for AccessTokenError {}

impl From<ClaimError> for TokenError {
    fn from(error: ClaimError) -> TokenError {
        TokenError::Claim(error)
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::Jws(why) => why.fmt(f),
            TokenError::Type => f.write_str("the token is not an access token"),
            TokenError::UnknownKey => f.write_str("the token names no key of the issuer"),
            TokenError::Claim(why) => why.fmt(f),
            TokenError::Issuer => f.write_str("the token is of another issuer"),
            TokenError::Audience => f.write_str("the token is for another audience"),
            TokenError::Expired => f.write_str("the token has expired"),
            TokenError::NotYetValid => f.write_str("the token is not valid yet"),
        }
    }
}

impl std::error::Error for TokenError {}

const TYP: &str = "at+jwt";

#[derive(Serialize)]
struct MintedHeader<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Wire<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    principal: &'a str,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
    iat: UnixTime,
    nbf: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<UnixTime>,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<Cert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<confirmation::OfKey<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<&'static str>,
}

#[derive(Serialize)]
struct Cert {
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
}

/// `cert.x5t#S256` of a token of ours: the certificate that earned it.
///
/// # Errors
///
/// `cert` is there and is something else.
pub fn certificate(claims: &Claims) -> Result<Option<Thumbprint>, ClaimError> {
    member_of(claims, "cert", "x5t#S256")?
        .map(|text| confirmation::sha256(text).ok_or(mistyped("cert")))
        .transpose()
}

fn roles(claims: &Claims) -> Result<Vec<String>, ClaimError> {
    match claims.members().get("roles") {
        None => Ok(Vec::new()),
        Some(Value::Array(roles)) => roles
            .iter()
            .map(|role| role.as_str().map(str::to_owned).ok_or(mistyped("roles")))
            .collect(),
        Some(_) => Err(mistyped("roles")),
    }
}

/// A string inside an object. The object must have it when the object is there.
fn member_of<'a>(
    claims: &'a Claims,
    claim: &'static str,
    member: &str,
) -> Result<Option<&'a str>, ClaimError> {
    match claims.members().get(claim) {
        None => Ok(None),
        Some(Value::Object(members)) => match members.get(member) {
            Some(Value::String(text)) => Ok(Some(text)),
            _ => Err(mistyped(claim)),
        },
        Some(_) => Err(mistyped(claim)),
    }
}

fn required<T>(value: Option<T>, claim: &'static str) -> Result<T, ClaimError> {
    value.ok_or(missing(claim))
}

fn missing(claim: &'static str) -> ClaimError {
    ClaimError {
        claim,
        missing: true,
    }
}

fn mistyped(claim: &'static str) -> ClaimError {
    ClaimError {
        claim,
        missing: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{API, CLIENT, ISSUER, Identity, JTI, NOW, PAIRS, variant, vectors},
        key::SigningKey as _,
    };

    fn claims(identity: &Identity) -> TokenClaims {
        let mut claims = TokenClaims::new(
            ISSUER.to_owned(),
            "robot".to_owned(),
            API.to_owned(),
            CLIENT.to_owned(),
            TokenKind::NonInteractive,
            NOW,
            UnixTime::from_secs(1_700_000_900),
            JTI.to_owned(),
        );
        claims.scope = Scope::parse("write read").unwrap();
        claims.roles = vec!["Reader".to_owned(), "Écrivain".to_owned()];
        claims.certificate = Some(identity.chain.leaf().sha256());
        claims.confirmation = Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
        claims
    }

    fn mint(claims: &TokenClaims, identity: &Identity, algorithm: Algorithm) -> String {
        let input = claims.signing_input(algorithm, "issuer-key");
        let signature = identity.key.sign(algorithm, input.as_bytes()).unwrap();
        input.finish(&signature)
    }

    fn verify(
        text: &str,
        identity: &Identity,
        algorithm: Algorithm,
    ) -> Result<TokenClaims, TokenError> {
        let key_of =
            |kid: &str| (kid == "issuer-key").then(|| (identity.public_key().clone(), algorithm));
        TokenClaims::verify(text, key_of, ISSUER, API, NOW)
    }

    // security.md 59, 60
    #[test]
    fn what_is_minted_is_believed() {
        for (name, algorithm) in PAIRS {
            let identity = Identity::named(name);
            let claims = claims(&identity);
            let text = mint(&claims, &identity, algorithm);
            assert_eq!(verify(&text, &identity, algorithm), Ok(claims));
        }
    }

    #[test]
    fn what_is_not_set_is_not_written() {
        let identity = Identity::named("p256");
        let mut claims = claims(&identity);
        claims.scope = Scope::default();
        claims.roles.clear();
        claims.certificate = Some(identity.chain.leaf().sha1());
        claims.confirmation = None;
        let text = mint(&claims, &identity, Algorithm::ES256);
        let shown = inspect(&text).unwrap();
        let names: Vec<&String> = shown.claims.keys().collect();
        assert_eq!(
            names,
            [
                "aud",
                "client_id",
                "exp",
                "iat",
                "iss",
                "jti",
                "nbf",
                "principal",
                "sub",
                "type"
            ]
        );
        claims.certificate = None;
        assert_eq!(verify(&text, &identity, Algorithm::ES256), Ok(claims));
    }

    // security.md 59, 60
    #[test]
    fn access_tokens_of_other_tools_are_judged_as_expected() {
        let all = vectors(include_str!(
            "../../../testdata/vectors/access-tokens-python.json"
        ));
        assert!(all.len() >= 20);
        for vector in all {
            let identity = Identity::named(vector["key"].as_str().unwrap());
            let found = verify(vector["jws"].as_str().unwrap(), &identity, Algorithm::ES256)
                .map_or_else(|error| variant(&error), |_| "accepted".to_owned());
            assert_eq!(
                found, vector["expect"],
                "{}: {}",
                vector["name"], vector["comment"]
            );
        }
    }

    fn interactive(identity: &Identity, binding: Binding) -> TokenClaims {
        let mut claims = TokenClaims::new(
            ISSUER.to_owned(),
            "anna".to_owned(),
            ISSUER.to_owned(),
            INTERACTIVE_CLIENT_ID.to_owned(),
            TokenKind::Interactive,
            NOW,
            UnixTime::from_secs(1_700_003_600),
            JTI.to_owned(),
        );
        claims.session = Some("02y8wh5AA93QMHbezCIFsU".to_owned());
        claims.binding = Some(binding);
        claims.roles = vec![identity.text("name").to_owned()];
        claims
    }

    #[test]
    fn an_interactive_token_says_of_which_login_it_is() {
        let identity = Identity::named("p256");
        for binding in Binding::ALL {
            let claims = interactive(&identity, binding);
            let text = mint(&claims, &identity, Algorithm::ES256);
            let shown = inspect(&text).unwrap().claims;
            assert_eq!(shown["sid"], "02y8wh5AA93QMHbezCIFsU");
            assert_eq!(shown["binding"], binding.name());
            assert_eq!(shown["client_id"], "countersign:cli");
            let key_of = |_: &str| Some((identity.public_key().clone(), Algorithm::ES256));
            assert_eq!(
                TokenClaims::verify(&text, key_of, ISSUER, ISSUER, NOW),
                Ok(claims)
            );
            assert_eq!(Binding::from_name(binding.name()), Some(binding));
        }
    }

    #[test]
    fn interactive_tokens_of_another_tool_are_judged_as_expected() {
        let all = vectors(include_str!(
            "../../../testdata/vectors/access-tokens-node.json"
        ));
        assert!(all.len() >= 10);
        for vector in all {
            let identity = Identity::named(vector["key"].as_str().unwrap());
            let key_of = |_: &str| Some((identity.public_key().clone(), Algorithm::ES256));
            let jws = vector["jws"].as_str().unwrap();
            let found = TokenClaims::verify(jws, key_of, ISSUER, ISSUER, NOW)
                .map_or_else(|error| variant(&error), |_| "accepted".to_owned());
            assert_eq!(
                found, vector["expect"],
                "{}: {}",
                vector["name"], vector["comment"]
            );
        }
    }

    // security.md 60; an oracle that is not ours
    #[test]
    fn jsonwebtoken_believes_what_is_minted() {
        let identity = Identity::named("p256");
        let text = mint(&claims(&identity), &identity, Algorithm::ES256);
        let jwk = crate::jwk::required_members(identity.public_key());
        let jwk = serde_json::from_value(Value::Object(jwk)).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        rules.set_audience(&[API]);
        rules.set_issuer(&[ISSUER]);
        rules.validate_exp = false;
        let token = jsonwebtoken::decode::<Value>(&text, &key, &rules).unwrap();
        assert_eq!(token.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(token.header.kid.as_deref(), Some("issuer-key"));
        assert_eq!(token.claims["scope"], "read write");
        assert_eq!(token.claims["type"], 1);
        assert_eq!(token.claims["cert"]["x5t#S256"], identity.text("x5t_s256"));
    }

    // security.md 10
    #[test]
    fn the_algorithm_is_the_one_of_the_key() {
        let identity = Identity::named("rsa");
        let text = mint(&claims(&identity), &identity, Algorithm::RS256);
        assert_eq!(
            verify(&text, &identity, Algorithm::PS256),
            Err(TokenError::Jws(JwsError::AlgorithmNotPermitted))
        );
    }

    // security.md 82
    #[test]
    fn an_access_token_can_stand_in_a_header_and_is_never_shown() {
        for text in ["a", "mF_9.B5f-4.1JqM", "a+/~==", "eyJ.eyJ.AA"] {
            let token = AccessToken::new(text).unwrap();
            assert_eq!(token.expose(), text);
            assert_eq!(format!("{token:?}"), "AccessToken(..)");
        }
        for text in [
            "",
            "=",
            "a b",
            "a\r\nX: y",
            "a=b",
            "é",
            "a,b",
            "\"a\"",
            "a\0",
            " a",
        ] {
            assert_eq!(AccessToken::new(text), Err(AccessTokenError), "{text:?}");
        }
        assert!(AccessToken::new(&"a".repeat(16 * 1024)).is_ok());
        assert!(AccessToken::new(&"a".repeat(16 * 1024 + 1)).is_err());
    }
}
