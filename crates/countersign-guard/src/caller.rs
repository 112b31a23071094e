//! Who calls, and what may it do, now that its token is believed?

use std::{fmt, sync::Arc};

use countersign_proto::{
    json::{Map, Value},
    jws::{ClaimError, Claims},
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
    token::{self, Binding, Confirmation, TokenKind},
};

/// What a believed token says about whoever presented it. Only a guard makes one, and only when the
/// token holds and its holder has proved what the token is bound to. Cheap to clone.
///
/// It stands in the extensions of a request behind [`crate::Guard::layer`].
///
/// ```compile_fail
/// let caller = countersign_guard::Caller { token: Default::default() };
/// ```
#[derive(Clone)]
pub struct Caller {
    token: Arc<Token>,
}

/// How a token came to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// By its signature: what was revoked since it was signed is not known.
    Signature,
    /// Its issuer was asked (RFC 7662), at most so long ago as the guard keeps answers.
    Introspection,
}

/// A token that is believed, whose holder has not yet proved anything.
#[derive(Clone)]
pub(crate) struct Believed(Caller);

struct Token {
    issuer: Arc<str>,
    claims: Claims,
    scope: Scopes,
    roles: Names,
    kind: Option<TokenKind>,
    certificate: Option<Thumbprint>,
    confirmation: Confirmation,
    expires_at: Option<UnixTime>,
    how: How,
}

/// Where in the claims the scope tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scopes {
    Nowhere,
    /// One string, space-delimited (RFC 9068 §2.2.3).
    Text,
    /// An array of strings, as some issuers write it.
    List,
}

/// Whether the claims have a list of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Nowhere,
    List,
}

impl Caller {
    /// The issuer of the token, as the guard was told it.
    pub fn issuer(&self) -> &str {
        &self.token.issuer
    }

    /// `sub`. An issuer that tells about its token by introspection may leave it out.
    pub fn subject(&self) -> Option<&str> {
        self.string("sub")
    }

    /// Who the token stands for: `principal` of a countersign platform, else `sub`, else
    /// `client_id`, for a token that stands for an application alone.
    pub fn principal(&self) -> &str {
        ["principal", "sub", "client_id"]
            .into_iter()
            .find_map(|claim| self.string(claim))
            .unwrap_or_default()
    }

    /// `client_id` (RFC 9068 §2.2)
    pub fn client_id(&self) -> Option<&str> {
        self.string("client_id")
    }

    /// `type` of a token of a countersign platform: how it was got.
    pub fn kind(&self) -> Option<TokenKind> {
        self.token.kind
    }

    /// The scope tokens, as the token has them.
    pub fn scope(&self) -> impl Iterator<Item = &str> {
        let claim = self.claims().get("scope");
        let text = claim.and_then(Value::as_str).unwrap_or_default();
        let listed = match self.token.scope {
            Scopes::List => strings(claim),
            Scopes::Nowhere | Scopes::Text => &[],
        };
        let in_text = text.split(' ').filter(|token| !token.is_empty());
        in_text.chain(listed.iter().filter_map(Value::as_str))
    }

    /// Whether this scope token is among them, compared exactly.
    pub fn has_scope(&self, token: &str) -> bool {
        !token.is_empty() && self.scope().any(|found| found == token)
    }

    /// `roles` (RFC 9068 §2.2.3.1)
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        let listed = match self.token.roles {
            Names::List => strings(self.claims().get("roles")),
            Names::Nowhere => &[],
        };
        listed.iter().filter_map(Value::as_str)
    }

    /// Whether this role is among them, compared exactly.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|found| found == role)
    }

    /// `exp`. An opaque token that was granted without an end has none.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.token.expires_at
    }

    /// `sid`: the public id of the session of an interactive token of a countersign platform.
    pub fn session(&self) -> Option<&str> {
        self.string("sid")
    }

    /// `cert.x5t#S256`: the certificate that earned a token of a countersign platform.
    pub fn certificate(&self) -> Option<Thumbprint> {
        self.token.certificate
    }

    /// `binding`: how an interactive token of a countersign platform came to its terminal.
    pub fn binding(&self) -> Option<Binding> {
        Binding::from_name(self.string("binding")?)
    }

    /// What the token is bound to, and was proved with this request.
    pub fn confirmation(&self) -> &Confirmation {
        &self.token.confirmation
    }

    /// All claims, or all that the issuer said of the token.
    pub fn claims(&self) -> &Map<String, Value> {
        self.token.claims.members()
    }

    /// How the token came to be believed.
    pub fn how(&self) -> How {
        self.token.how
    }

    /// Whether it was believed by the settings that this name belongs to, and not by others for the same
    /// issuer.
    pub(crate) fn is_of(&self, issuer: &Arc<str>) -> bool {
        Arc::ptr_eq(&self.token.issuer, issuer)
    }

    fn string(&self, claim: &str) -> Option<&str> {
        self.claims().get(claim)?.as_str()
    }
}

/// Shows who it is, and no more of what the token says.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("issuer", &self.issuer())
            .field("principal", &self.principal())
            .field("kind", &self.kind())
            .field("expires_at", &self.expires_at())
            .field("how", &self.how())
            .finish_non_exhaustive()
    }
}

impl Believed {
    /// Reads the claims that others rely on; the claims were verified, and hold.
    ///
    /// # Errors
    ///
    /// One of them is of the wrong type, or nobody is named: that is never taken for absence of a
    /// right or of a bond.
    pub(crate) fn read(
        issuer: &Arc<str>,
        claims: Claims,
        expires_at: Option<UnixTime>,
        how: How,
    ) -> Result<Believed, ClaimError> {
        for claim in ["sub", "client_id", "principal"] {
            claims.optional_string(claim)?;
        }
        let named = ["principal", "sub", "client_id"].into_iter().any(
            |claim| matches!(claims.optional_string(claim), Ok(Some(name)) if !name.is_empty()),
        );
        if !named {
            return Err(ClaimError {
                claim: "sub",
                missing: true,
            });
        }
        let kind = claims.members().get("type").and_then(Value::as_u64);
        Ok(Believed(Caller {
            token: Arc::new(Token {
                issuer: Arc::clone(issuer),
                scope: scopes(&claims)?,
                roles: names(&claims)?,
                kind: kind.and_then(TokenKind::from_number),
                certificate: token::certificate(&claims).unwrap_or_default(),
                confirmation: Confirmation::of(&claims)?,
                expires_at,
                how,
                claims,
            }),
        }))
    }

    /// What the holder has to prove.
    pub(crate) fn confirmation(&self) -> &Confirmation {
        self.0.confirmation()
    }

    pub(crate) fn expires_at(&self) -> Option<UnixTime> {
        self.0.expires_at()
    }

    /// The holder has proved it, or there is nothing to prove. For `possession` alone.
    pub(crate) fn proved(self) -> Caller {
        self.0
    }
}

fn scopes(claims: &Claims) -> Result<Scopes, ClaimError> {
    let mistyped = ClaimError {
        claim: "scope",
        missing: false,
    };
    match claims.members().get("scope") {
        None => Ok(Scopes::Nowhere),
        Some(Value::String(text)) => match Scope::is_valid(text) {
            true => Ok(Scopes::Text),
            false => Err(mistyped),
        },
        Some(Value::Array(tokens)) => {
            let is_token = |token: &Value| {
                let text = token.as_str().unwrap_or_default();
                !text.is_empty() && !text.contains(' ') && Scope::is_valid(text)
            };
            match tokens.iter().all(is_token) {
                true => Ok(Scopes::List),
                false => Err(mistyped),
            }
        }
        Some(_) => Err(mistyped),
    }
}

fn names(claims: &Claims) -> Result<Names, ClaimError> {
    match claims.members().get("roles") {
        None => Ok(Names::Nowhere),
        Some(Value::Array(roles)) if roles.iter().all(Value::is_string) => Ok(Names::List),
        Some(_) => Err(ClaimError {
            claim: "roles",
            missing: false,
        }),
    }
}

fn strings(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
