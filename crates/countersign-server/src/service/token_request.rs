//! What was asked of the token endpoint?

use std::net::IpAddr;

use countersign_proto::{
    exchange::{Form, ReceivedTokenRequest},
    oauth_error::{ErrorCode, OAuthError},
};

use crate::refusal::Refusal;

/// A request that was read, of which nothing is believed yet.
#[derive(Debug)]
pub struct TokenRequest {
    pub(super) received: ReceivedTokenRequest,
    pub(super) proof: Option<String>,
    pub(super) peer: Option<IpAddr>,
}

impl TokenRequest {
    /// Reads a form body, whether an `Authorization` header came with it, and the `DPoP` header.
    pub(crate) fn decode(
        body: &[u8],
        authorization: AuthorizationHeader,
        proof: Option<String>,
        peer: Option<IpAddr>,
    ) -> Result<TokenRequest, Refusal> {
        let present = matches!(authorization, AuthorizationHeader::Present);
        let received = Form::parse(body)
            .and_then(|form| ReceivedTokenRequest::from_form(form, present))
            .map_err(|error| Self::refuse(error, body))?;
        Ok(TokenRequest {
            received,
            proof,
            peer,
        })
    }

    /// A refresh is asked for with a token of a kind that has no refresh: that is said plainly.
    fn refuse(error: OAuthError, body: &[u8]) -> Refusal {
        let asks_refresh = error.code == ErrorCode::UnsupportedGrantType
            && Form::parse(body)
                .is_ok_and(|mut form| form.take("grant_type").as_deref() == Some("refresh_token"));
        if asks_refresh {
            Refusal::NotRefreshable
        } else {
            Refusal::Request(error)
        }
    }
}

/// Whether a request tries to authenticate by its `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorizationHeader {
    Present,
    Absent,
}
