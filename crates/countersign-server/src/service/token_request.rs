//! What was asked of the token endpoint?

use std::net::IpAddr;

use countersign_proto::exchange::{Form, ReceivedTokenRequest};

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
            .map_err(Refusal::Request)?;
        Ok(TokenRequest {
            received,
            proof,
            peer,
        })
    }
}

/// Whether a request tries to authenticate by its `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorizationHeader {
    Present,
    Absent,
}
