//! How does a person sign in with a password that the platform knows?

use std::{net::IpAddr, sync::Arc};

use countersign_proto::time::UnixTime;
use url::Url;

use super::{
    Callback, IdentityProvider, IdpFuture, IdpRefusal, Password, PasswordHasher, ProvedIdentity,
    SignInWay, TransactionKeys,
};
use crate::store::Store;

/// Accounts of the platform itself, each of one principal.
pub(crate) struct BuiltIn {
    name: String,
    #[allow(dead_code)] // accounts are read from it as soon as the store keeps them
    store: Arc<dyn Store>,
    #[allow(dead_code)]
    passwords: PasswordHasher,
}

impl BuiltIn {
    /// With the accounts in `store`; `name` is what people read.
    pub(crate) fn new(name: &str, store: Arc<dyn Store>, passwords: PasswordHasher) -> BuiltIn {
        BuiltIn {
            name: name.to_owned(),
            store,
            passwords,
        }
    }
}

impl IdentityProvider for BuiltIn {
    fn name(&self) -> &str {
        &self.name
    }

    fn way(&self) -> SignInWay {
        SignInWay::Form
    }

    fn origin(&self) -> IdpFuture<'_, Option<String>> {
        Box::pin(async { Ok(None) })
    }

    fn authorization_url<'a>(
        &'a self,
        _transaction: &'a TransactionKeys,
        _redirect_uri: &'a Url,
        _login_hint: Option<&'a str>,
    ) -> IdpFuture<'a, Url> {
        Box::pin(async { Err(IdpRefusal::Callback(NO_REDIRECT)) })
    }

    fn check_password<'a>(
        &'a self,
        _name: &'a str,
        _password: &'a Password,
        _peer: Option<IpAddr>,
        _now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity> {
        Box::pin(async { Err(IdpRefusal::WrongPassword) })
    }

    fn redeem<'a>(
        &'a self,
        _callback: Callback,
        _transaction: &'a TransactionKeys,
        _redirect_uri: &'a Url,
        _now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity> {
        Box::pin(async { Err(IdpRefusal::Callback(NO_REDIRECT)) })
    }
}

const NO_REDIRECT: &str = "people sign in at the platform itself";
