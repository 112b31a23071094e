//! What stands in for an identity provider? Whoever comes back with a name is that person.

use std::net::IpAddr;

use countersign_proto::time::UnixTime;
use url::Url;

use crate::idp::{
    Callback, IdentityProvider, IdpFuture, IdpRefusal, Password, ProvedIdentity, SignInWay,
    TransactionKeys,
};

/// Where it sends browsers.
pub(in crate::tests) const AUTHORIZE: &str = "https://idp.example/authorize";

/// Believes every code: it is the name of a principal. It asks for nothing that the platform is
/// not to check by itself, so that a test sees what the platform does.
pub(in crate::tests) struct Believing;

impl IdentityProvider for Believing {
    fn name(&self) -> &str {
        "idp.example"
    }

    fn way(&self) -> SignInWay {
        SignInWay::Redirect
    }

    fn origin(&self) -> IdpFuture<'_, Option<String>> {
        Box::pin(async { Ok(Some("https://idp.example".to_owned())) })
    }

    fn authorization_url<'a>(
        &'a self,
        transaction: &'a TransactionKeys,
        redirect_uri: &'a Url,
        login_hint: Option<&'a str>,
    ) -> IdpFuture<'a, Url> {
        let mut url: Url = AUTHORIZE.parse().unwrap();
        url.query_pairs_mut()
            .append_pair("state", &transaction.state)
            .append_pair("redirect_uri", redirect_uri.as_str())
            .append_pair("login_hint", login_hint.unwrap_or_default());
        Box::pin(async { Ok(url) })
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
        callback: Callback,
        _transaction: &'a TransactionKeys,
        _redirect_uri: &'a Url,
        _now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity> {
        let proved = match (callback.code, callback.error.as_deref()) {
            (_, Some("access_denied")) => Err(IdpRefusal::Denied),
            (_, Some(error)) => Err(IdpRefusal::Unavailable(error.to_owned())),
            (Some(name), None) => Ok(ProvedIdentity {
                provider: "idp.example".to_owned(),
                subject: format!("subject of {}", *name),
                principal: name.to_string(),
                display_name: Some(name.to_uppercase()),
            }),
            (None, None) => Err(IdpRefusal::Callback("no code")),
        };
        Box::pin(async { proved })
    }
}
