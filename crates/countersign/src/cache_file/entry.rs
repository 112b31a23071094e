//! How is a token written into the file of its identity?

use countersign_proto::{
    exchange::RefreshToken,
    json::{self, Limits, Map, Value},
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
    token::{AccessToken, TokenKind, TokenType},
};
use zeroize::Zeroizing;

use super::{CacheIdentity, MAX_BYTES};
use crate::{InteractiveToken, Token, TokenObject};

/// What is in a file.
pub(super) struct Entry {
    pub(super) token: Token,
    refresh_token: Option<RefreshToken>,
    refreshes_remaining: Option<u32>,
}

impl Entry {
    pub(super) fn into_interactive(self) -> Option<InteractiveToken> {
        (self.token.kind == TokenKind::Interactive).then_some(InteractiveToken {
            token: self.token,
            refresh_token: self.refresh_token,
            refreshes_remaining: self.refreshes_remaining,
        })
    }
}

impl From<&Token> for Entry {
    fn from(token: &Token) -> Entry {
        Entry {
            token: token.clone(),
            refresh_token: None,
            refreshes_remaining: None,
        }
    }
}

impl From<&InteractiveToken> for Entry {
    fn from(interactive: &InteractiveToken) -> Entry {
        Entry {
            token: interactive.token.clone(),
            refresh_token: interactive.refresh_token.clone(),
            refreshes_remaining: interactive.refreshes_remaining,
        }
    }
}

pub(super) fn encode(entry: &Entry, identity: &CacheIdentity) -> Zeroizing<Vec<u8>> {
    let token = &entry.token;
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize));
    // Joined by hand: secrets are written once, into a buffer that is wiped and never grows.
    text.extend_from_slice(b"{\"version\":1,\"token\":\"");
    text.extend_from_slice(token.access_token.expose().as_bytes()); // no token needs an escape
    text.extend_from_slice(b"\",");
    if let Some(refresh_token) = &entry.refresh_token {
        text.extend_from_slice(b"\"refresh_token\":\"");
        for byte in refresh_token.expose().bytes() {
            if matches!(byte, b'"' | b'\\') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.extend_from_slice(b"\",");
    }
    let mut rest = Map::new();
    rest.insert("identity".to_owned(), identity.text.clone().into());
    rest.insert(
        "token_type".to_owned(),
        match token.token_type {
            TokenType::Bearer => "Bearer",
            TokenType::DPoP => "DPoP",
        }
        .into(),
    );
    rest.insert("type".to_owned(), token.kind.number().into());
    rest.insert("principal".to_owned(), token.principal.clone().into());
    let scope = token.scope.as_ref();
    let scope = scope.map(|scope| scope.iter().collect::<Vec<_>>().join(" "));
    rest.insert("scope".to_owned(), scope.into());
    rest.insert("issued_at".to_owned(), token.issued_at.as_secs().into());
    rest.insert("expires".to_owned(), token.expires_at.as_secs().into());
    rest.insert("issue_app_id".to_owned(), token.issue_app_id.clone().into());
    rest.insert(
        "issue_principal".to_owned(),
        token.issue_principal.clone().into(),
    );
    rest.insert(
        "issue_cert_subject".to_owned(),
        token.issue_cert_subject.clone().into(),
    );
    let thumbprint = token
        .issue_cert_thumbprint
        .map(|thumbprint| thumbprint.to_hex());
    rest.insert("issue_cert_thumbprint".to_owned(), thumbprint.into());
    if let Some(count) = entry.refreshes_remaining {
        rest.insert("refreshes_remaining".to_owned(), count.into());
    }
    let rest = Value::Object(rest).to_string();
    text.extend_from_slice(&rest.as_bytes()[1..]);
    text
}

pub(super) fn decode(content: &[u8], identity: &CacheIdentity) -> Option<Entry> {
    let mut members = json::object(content, &Limits::DOCUMENT).ok()?;
    let Some(Value::String(secret)) = members.remove("token") else {
        return None;
    };
    let secret = Zeroizing::new(secret);
    let refresh_token = match members.remove("refresh_token") {
        None => None,
        Some(Value::String(text)) => Some(RefreshToken::new(&Zeroizing::new(text)).ok()?),
        Some(_) => return None,
    };
    let refreshes_remaining = match members.get("refreshes_remaining") {
        None => None,
        Some(count) => Some(u32::try_from(count.as_u64()?).ok()?),
    };
    if members.get("version")? != 1 || members.get("identity")?.as_str()? != identity.text {
        return None;
    }
    let text = |name: &str| Some(members.get(name)?.as_str()?.to_owned());
    let optional = |name: &str| match members.get(name)? {
        Value::Null => Some(None),
        value => Some(Some(value.as_str()?.to_owned())),
    };
    let moment = |name: &str| Some(UnixTime::from_secs(members.get(name)?.as_u64()?));
    let token = Token::from(TokenObject {
        access_token: AccessToken::visible(&secret).ok()?,
        token_type: match members.get("token_type")?.as_str()? {
            "Bearer" => TokenType::Bearer,
            "DPoP" => TokenType::DPoP,
            _ => return None,
        },
        kind: TokenKind::from_number(members.get("type")?.as_u64()?)?,
        principal: optional("principal")?,
        scope: match optional("scope")? {
            Some(scope) => Some(Scope::parse(&scope).ok()?),
            None => None,
        },
        issued_at: moment("issued_at")?,
        expires_at: moment("expires")?,
        issue_app_id: text("issue_app_id")?,
        issue_principal: text("issue_principal")?,
        issue_cert_subject: text("issue_cert_subject")?,
        issue_cert_thumbprint: match optional("issue_cert_thumbprint")? {
            Some(thumbprint) => Some(Thumbprint::parse(&thumbprint).ok()?),
            None => None,
        },
    });
    Some(Entry {
        token,
        refresh_token,
        refreshes_remaining,
    })
}
