//! Whose tokens do requests leave with?

use crate::{Client, GrantedCredential};

/// Whose tokens requests leave with: what an adapter is made for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenHolder {
    /// Those that a client gets.
    Client(Client),
    /// The one that somebody granted.
    Granted(GrantedCredential),
}

impl From<Client> for TokenHolder {
    fn from(client: Client) -> TokenHolder {
        TokenHolder::Client(client)
    }
}

impl From<GrantedCredential> for TokenHolder {
    fn from(granted: GrantedCredential) -> TokenHolder {
        TokenHolder::Granted(granted)
    }
}
