//! How does a request leave with a token?
//!
//! In the `Authorization` header and nowhere else (RFC 6750 §2.1), with a `DPoP` proof beside it where
//! the token is bound to a key (RFC 9449 §7), and only to an address that is https, or http on
//! loopback.

/// What the adapters have in common.
#[cfg(any(feature = "middleware", feature = "tower"))]
mod adapter;

mod holder;
pub use holder::TokenHolder;

#[cfg(feature = "middleware")]
mod middleware;
#[cfg(feature = "middleware")]
pub use middleware::AuthorizeMiddleware;

#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "tower")]
pub use self::tower::{Authorize, AuthorizeLayer};

use countersign_proto::{bearer, token::TokenType};
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use crate::{Client, Error, ErrorKind, Token, dpop::PROOF, transport::is_secure};

/// Sets the `Authorization` header (and `DPoP` where the token is bound) on one request. What stood
/// there before is replaced.
///
/// # Errors
/// [`ErrorKind::Settings`] when the address is not absolute, is neither https nor http on loopback, or
/// carries an `access_token` in its query; else those of [`Client::token`]. The request is then as it
/// was.
pub async fn authorize<B>(client: &Client, request: &mut http::Request<B>) -> Result<Token, Error> {
    let url = whole_url(request.uri())?;
    let method = request.method().clone();
    apply(client, &method, &url, request.headers_mut()).await
}

/// Sets the headers for one request.
async fn apply(
    client: &Client,
    method: &Method,
    url: &Url,
    headers: &mut HeaderMap,
) -> Result<Token, Error> {
    check_destination(url)?;
    let token = client.token().await?;
    let proof = match token.token_type {
        TokenType::Bearer => None,
        TokenType::DPoP => Some(prove(client, &token, method, url).await?),
    };
    headers.insert(
        header::AUTHORIZATION,
        bearer::authorization(&token.access_token, token.token_type),
    );
    headers.remove(PROOF);
    if let Some(proof) = proof {
        headers.insert(PROOF, proof);
    }
    Ok(token)
}

async fn prove(
    client: &Client,
    token: &Token,
    method: &Method,
    url: &Url,
) -> Result<HeaderValue, Error> {
    let exchange = client.exchange();
    exchange
        .prover
        .prove(
            method,
            url,
            Some(token.access_token.expose()),
            exchange.server_time(),
        )
        .await
}

pub(crate) fn whole_url(uri: &http::Uri) -> Result<Url, Error> {
    Url::parse(&uri.to_string()).map_err(|_| {
        Error::new(
            ErrorKind::Settings,
            "a request without a whole address cannot be given a token",
        )
    })
}

pub(crate) fn check_destination(url: &Url) -> Result<(), Error> {
    if !is_secure(url) {
        return Err(Error::new(
            ErrorKind::Settings,
            format!(
                "a token is not sent to {}: only https, or http on loopback",
                url.origin().ascii_serialization()
            ),
        ));
    }
    if url.query_pairs().any(|(name, _)| name == "access_token") {
        return Err(Error::new(
            ErrorKind::Settings,
            "the address of the request carries an access_token; a token goes into the header only",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
