//! How does a request leave with a token?

use crate::{Client, Error, Token};

/// Sets the `Authorization` header (and `DPoP` where the token is bound) on one request.
/// Refuses a URL that is not https, or http on loopback.
pub async fn authorize<B>(
    _client: &Client,
    _request: &mut http::Request<B>,
) -> Result<Token, Error> {
    todo!()
}
