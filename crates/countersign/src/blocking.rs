//! How does code without async get a token?

use crate::{Error, Token};

/// A [`crate::Client`] on a runtime of its own. Not to be used inside async code.
#[derive(Clone, Debug)]
pub struct Client {}

impl Client {
    /// Wraps a client.
    pub fn new(_client: crate::Client) -> Result<Client, Error> {
        todo!()
    }
    /// See [`crate::Client::token`].
    pub fn token(&self) -> Result<Token, Error> {
        todo!()
    }
    /// See [`crate::Client::renew`].
    pub fn renew(&self) -> Result<Token, Error> {
        todo!()
    }
    /// See [`crate::Client::platform_token`].
    pub fn platform_token(&self) -> Result<Token, Error> {
        todo!()
    }
}
