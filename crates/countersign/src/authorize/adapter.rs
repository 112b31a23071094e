//! Which API may be given tokens, and what does its answer mean for the next request?

use std::time::Duration;

use countersign_proto::token::TokenType;
use http::{HeaderMap, StatusCode, header};
use url::Url;

use super::check_destination;
use crate::{Client, Error, ErrorKind, Token};

/// What an API's answer to a request with `token` means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// The same request may be sent once more, with the nonce that the API asked for.
    SendAgain,
    Nothing,
}

/// Remembers the API's nonce, and forgets a token that the API does not take any more.
pub(super) fn learn(
    client: &Client,
    token: &Token,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Lesson {
    /// A token that was refused at once is not got anew for each request.
    const YOUNG: Duration = Duration::from_secs(10);

    let new_nonce = client.exchange().prover.remember(url, headers);
    if status != StatusCode::UNAUTHORIZED {
        return Lesson::Nothing;
    }
    if challenged_with(headers, "use_dpop_nonce") {
        return match new_nonce && token.token_type == TokenType::DPoP {
            true => Lesson::SendAgain,
            false => Lesson::Nothing,
        };
    }
    let age = client.clock().now().since(token.issued_at);
    if challenged_with(headers, "invalid_token") && age > YOUNG {
        client.forget(token);
    }
    Lesson::Nothing
}

/// Whether a `WWW-Authenticate` challenge says `error="code"` (RFC 6750 §3).
fn challenged_with(headers: &HeaderMap, code: &str) -> bool {
    let wanted = format!("error=\"{code}\"");
    headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|challenge| challenge.contains(&wanted))
}

/// The origin for which an adapter hands out tokens.
pub(super) fn origin_of(url: &str) -> Result<url::Origin, Error> {
    let url = Url::parse(url).map_err(|_| {
        Error::new(
            ErrorKind::Settings,
            "the address of the API is not an absolute URL",
        )
    })?;
    check_destination(&url)?;
    Ok(url.origin())
}
