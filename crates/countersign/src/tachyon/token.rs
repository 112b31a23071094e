//! What is a token of the dialect to its holder?

use std::time::Duration;

use countersign_proto::{
    tachyon::{self, Consumer, look_into},
    time::UnixTime,
    token::{AccessToken, TokenKind, TokenType},
};

use crate::{Credential, Error, ErrorKind, Token, TokenObject, exchange::thumbprint};

/// How long a token is taken to be good that does not say when it ends: an hour, as published clients
/// take it. A server that thinks otherwise answers 401, and [`TachyonClient::send`] asks for another.
///
/// [`TachyonClient::send`]: super::TachyonClient::send
pub const ASSUMED_LIFETIME: Duration = Duration::from_secs(3600);

/// A token of the dialect, and how it was got. Not a [`Token`]: it never goes into an `Authorization`
/// header. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TachyonToken(Token);

impl TachyonToken {
    /// Takes one in that was kept, for instance in a [`cache_file`](crate::cache_file).
    pub fn kept(token: Token) -> TachyonToken {
        TachyonToken(token)
    }

    /// To be kept or shown: what the token is and how it was got.
    pub fn object(&self) -> &Token {
        &self.0
    }

    /// What is presented.
    pub fn access_token(&self) -> &AccessToken {
        &self.0.access_token
    }

    /// When it ends, as it says itself; else [`ASSUMED_LIFETIME`] after it was got.
    pub fn expires_at(&self) -> UnixTime {
        self.0.expires_at
    }

    /// Whether it says itself when it ends.
    pub fn says_when_it_ends(&self) -> bool {
        let inside = look_into(self.access_token());
        inside.is_some_and(|inside| inside.expires_at().is_some())
    }

    /// Sets the two headers of the dialect. Send them to the server that gave the token, and to no
    /// other.
    pub fn present(&self, headers: &mut http::HeaderMap, consumer: &Consumer) {
        tachyon::present(headers, self.access_token(), consumer);
    }

    /// One that a certificate earned (kind 1).
    pub(super) fn earned(
        token: AccessToken,
        app_id: &str,
        credential: &Credential,
        now: UnixTime,
    ) -> Result<TachyonToken, Error> {
        let mut object = object(token, TokenKind::NonInteractive, now)?;
        app_id.clone_into(&mut object.issue_app_id);
        object.issue_cert_subject = credential.chain().leaf().subject().to_string();
        object.issue_cert_thumbprint = Some(thumbprint(credential));
        Ok(TachyonToken(object.into()))
    }

    /// One that a person signed in for (kind 0).
    pub(super) fn signed_in(token: AccessToken, now: UnixTime) -> Result<TachyonToken, Error> {
        Ok(TachyonToken(
            object(token, TokenKind::Interactive, now)?.into(),
        ))
    }
}

fn object(token: AccessToken, kind: TokenKind, now: UnixTime) -> Result<TokenObject, Error> {
    let inside = look_into(&token).unwrap_or_default();
    let said = inside.expires_at();
    if said.is_some_and(|end| end <= now) {
        return Err(Error::new(
            ErrorKind::Expired,
            "the server gave a token that has ended already by the clock of this machine",
        )
        .with_hint("set the clock of this machine by a time server"));
    }
    Ok(TokenObject {
        access_token: token,
        token_type: TokenType::Bearer,
        kind,
        principal: inside.principal().map(str::to_owned),
        scope: None,
        issued_at: now,
        expires_at: said.unwrap_or(now.plus(ASSUMED_LIFETIME)),
        issue_app_id: String::new(),
        issue_principal: String::new(),
        issue_cert_subject: String::new(),
        issue_cert_thumbprint: None,
    })
}
