//! What is a token to its holder, and how was it got?

use std::{ops::Deref, sync::Arc};

use countersign_proto::{
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
    token::{AccessToken, TokenKind, TokenType},
};

/// A token and how it was got: a shared pointer to a [`TokenObject`]. Cheap to clone.
#[derive(Clone)]
pub struct Token(Arc<Handle>);

/// The token object: the token and what it was asked for with.
///
/// Made from a [`TokenObject`] by `Token::from`.
#[derive(Clone, Debug)]
pub struct TokenObject {
    /// What is presented. Opaque to its holder.
    pub access_token: AccessToken,
    /// How it is presented: `Bearer`, or `DPoP` with a proof beside it.
    pub token_type: TokenType,
    /// Interactive, non-interactive or platform.
    pub kind: TokenKind,
    /// Who it stands for, as the platform says.
    pub principal: Option<String>,
    /// What it may be used for, where the server says so.
    pub scope: Option<Scope>,
    /// When it was asked for, on the client's clock.
    pub issued_at: UnixTime,
    /// From when on it is of no use, on the client's clock.
    pub expires_at: UnixTime,
    /// The application that asked. Empty for kind 0.
    pub issue_app_id: String,
    /// The principal that was asked for. Empty when none was named.
    pub issue_principal: String,
    /// The subject of the certificate that earned it, as RFC 4514 text. Empty for kind 0.
    pub issue_cert_subject: String,
    /// The SHA-256 of the certificate that earned it. Absent for kind 0.
    pub issue_cert_thumbprint: Option<Thumbprint>,
}

/// One counter of pointers to a token object.
///
/// Every processor that takes a token counts its pointer up and down. A counter on a cache line of
/// its own, a few of them for one object, keeps processors from waiting for each other.
#[repr(align(128))]
struct Handle {
    object: Arc<TokenObject>,
}

impl Token {
    /// The same object behind a counter of its own.
    pub(crate) fn sibling(&self) -> Token {
        Token(Arc::new(Handle {
            object: Arc::clone(&self.0.object),
        }))
    }

    /// Whether it is still of use at `now`.
    pub fn lives(&self, now: UnixTime) -> bool {
        now < self.expires_at
    }
}

impl From<TokenObject> for Token {
    fn from(object: TokenObject) -> Self {
        Token(Arc::new(Handle {
            object: Arc::new(object),
        }))
    }
}

impl Deref for Token {
    type Target = TokenObject;

    fn deref(&self) -> &TokenObject {
        &self.0.object
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Token").field(&self.0.object).finish()
    }
}
