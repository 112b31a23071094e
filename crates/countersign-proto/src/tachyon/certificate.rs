//! What is said when a certificate signs in?
//!
//! The server names its identity provider's OpenID configuration; the `token_endpoint` in it is the
//! audience of the assertion, which the server shows to that provider.

use http::Request;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Consumer, MAX_ADDRESS_BYTES, Root, TachyonError, address,
    presented::name_consumer,
    reply::plain,
    root::{get, post_json},
};
use crate::{
    assertion::ClientAssertion,
    json::{self, Limits, Value},
    token::AccessToken,
};

/// Asks where the identity provider's configuration is.
pub fn metadata_endpoint(root: &Root, consumer: &Consumer) -> Request<Vec<u8>> {
    name_consumer(get(&root.authentication("metadataendpoint")), consumer)
}

/// Reads the answer to [`metadata_endpoint`]: an address, plain.
///
/// # Errors
///
/// It is none that is asked.
pub fn read_metadata_endpoint(body: &[u8], server: &Url) -> Result<Url, TachyonError> {
    let text = plain(body, MAX_ADDRESS_BYTES)?;
    address::read(&text, server, "the address of the provider's configuration")
}

/// Asks for the identity provider's configuration (OpenID Connect Discovery 1.0 §4). Nothing about
/// the client is in it.
pub fn configuration(address: &Url) -> Request<Vec<u8>> {
    get(address)
}

/// Reads the `token_endpoint` of the configuration, byte for byte: it becomes the audience.
///
/// # Errors
///
/// There is none, or it is no address of a provider.
pub fn read_token_endpoint(body: &[u8], server: &Url) -> Result<String, TachyonError> {
    let members = json::object(body, &Limits::DOCUMENT)?;
    let Some(Value::String(text)) = members.get("token_endpoint") else {
        return Err(TachyonError::Member("token_endpoint"));
    };
    address::read(text, server, "the provider's token_endpoint")?;
    Ok(text.clone())
}

/// Shows the assertion, as a JSON text.
pub fn exchange(root: &Root, assertion: &ClientAssertion, consumer: &Consumer) -> Request<Vec<u8>> {
    let body = json::written_once(&assertion.expose());
    let url = root.authentication("RequestJwtAuthentication");
    name_consumer(post_json(&url, body.to_vec()), consumer)
}

/// What a server reads of [`exchange`].
///
/// # Errors
///
/// It is no JSON text.
pub fn read_exchange(body: &[u8]) -> Result<Zeroizing<String>, TachyonError> {
    match body.trim_ascii_start() {
        [b'"', ..] => plain(body, crate::jws::MAX_BYTES),
        _ => Err(json::JsonError::Syntax.into()),
    }
}

/// Reads the answer to [`exchange`]: the token, plain.
///
/// # Errors
///
/// It is no token.
pub fn read_token(body: &[u8]) -> Result<AccessToken, TachyonError> {
    let text = plain(body, AccessToken::MAX_VISIBLE_BYTES)?;
    AccessToken::visible(&text).map_err(|_| TachyonError::Token)
}
