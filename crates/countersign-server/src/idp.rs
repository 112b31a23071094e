//! Who proves to the platform which person sits at a browser?
//!
//! A provider either has people type a name and a password into a page of the platform, or sends
//! them to a server of its own and redeems what they bring back. It proves an identity; whether
//! that identity may sign in is decided by others.

use std::{fmt, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    Clock, StartError,
    config::{IdentityProviderSettings, Settings},
    outbound::Outbound,
    store::Store,
};

mod transaction_keys;
pub(crate) use transaction_keys::TransactionKeys;

mod password;
pub(crate) use password::Password;

mod accounts;
pub(crate) use accounts::{HashingError, PasswordHasher};

mod throttle;

mod built_in;
use built_in::BuiltIn;

pub(crate) mod provider;

mod openid_connect;
use openid_connect::OpenIdConnect;

#[cfg(test)]
pub(crate) mod fixtures;

/// What a provider answers with, when it has waited for others.
pub(crate) type IdpFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, IdpRefusal>> + Send + 'a>>;

/// Proves identities. One for a platform; chosen by `[identity_provider]`.
pub(crate) trait IdentityProvider: Send + Sync {
    /// What people call it: on pages and in `identity.idp`.
    fn name(&self) -> &str;

    /// How a person signs in with it.
    fn way(&self) -> SignInWay;

    /// Where a browser is sent to, as a source of the Content-Security-Policy: scheme, host and
    /// port. `None` when the form stays with the platform. May have to ask the provider.
    fn origin(&self) -> IdpFuture<'_, Option<String>>;

    /// Where a browser is sent to prove who it is.
    ///
    /// # Errors
    /// [`IdpRefusal::Unavailable`] and [`IdpRefusal::Provider`] when the provider does not say
    /// where that is; [`IdpRefusal::Callback`] when there is no such place.
    fn authorization_url<'a>(
        &'a self,
        transaction: &'a TransactionKeys,
        redirect_uri: &'a Url,
        login_hint: Option<&'a str>,
    ) -> IdpFuture<'a, Url>;

    /// Whether the password is that of the name. Unknown names cost as much as known ones.
    ///
    /// # Errors
    /// [`IdpRefusal::WrongPassword`] for everything that does not fit;
    /// [`IdpRefusal::Throttled`] before anything is compared.
    fn check_password<'a>(
        &'a self,
        name: &'a str,
        password: &'a Password,
        peer: Option<IpAddr>,
        now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity>;

    /// Redeems what a browser brought back. The caller has compared `state` with that of
    /// `transaction`, whose secret came in that browser's cookie.
    ///
    /// # Errors
    /// [`IdpRefusal`] says whose fault it is.
    fn redeem<'a>(
        &'a self,
        callback: Callback,
        transaction: &'a TransactionKeys,
        redirect_uri: &'a Url,
        now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity>;
}

/// Questions to a provider at one time.
const AT_ONCE: usize = 32;

/// The provider that was set.
///
/// # Errors
/// [`StartError::IdentityProvider`] when it cannot be asked as it was set.
pub(crate) fn open(
    settings: &Settings,
    store: &Arc<dyn Store>,
    passwords: &PasswordHasher,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn IdentityProvider>, StartError> {
    match &settings.identity_provider {
        IdentityProviderSettings::BuiltIn { name } => Ok(Arc::new(BuiltIn::new(
            name,
            store.clone(),
            passwords.clone(),
        ))),
        IdentityProviderSettings::OpenIdConnect(openid) => {
            let ca_bundle = settings.outbound_ca_bundle.as_deref();
            let provider = Outbound::new(ca_bundle, AT_ONCE)
                .and_then(|outbound| OpenIdConnect::new(openid, outbound, clock.clone()))
                .map_err(StartError::IdentityProvider)?;
            Ok(Arc::new(provider))
        }
    }
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInWay {
    /// The platform shows a form for a name and a password.
    Form,
    /// The browser is sent to the provider and comes back with a code.
    Redirect,
}

/// What a provider sent a browser back with (RFC 6749 §4.1.2, RFC 9207 §2), but for `state`.
pub(crate) struct Callback {
    /// `code`
    pub(crate) code: Option<Zeroizing<String>>,
    /// `iss`
    pub(crate) iss: Option<String>,
    /// `error`
    pub(crate) error: Option<String>,
    /// `error_description`: a text of somebody else's.
    pub(crate) error_description: Option<String>,
}

/// Somebody whom a provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProvedIdentity {
    /// [`IdentityProvider::name`]
    pub(crate) provider: String,
    /// What the provider calls the person, unchangeable: `sub`, or the name of the account.
    pub(crate) subject: String,
    /// The principal that this person is by the rule that was set. It need not exist.
    pub(crate) principal: String,
    /// What the person is called, for people to read.
    pub(crate) display_name: Option<String>,
}

/// Why nobody is proved. Texts say what is wrong with the provider's answer and never repeat a
/// secret of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdpRefusal {
    /// Name and password do not belong together, or there is no such account.
    WrongPassword,
    /// Too many wrong passwords: a right one is refused too until the wait is over.
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The person, or the provider, said no.
    Denied,
    /// What the browser brought back cannot be accepted.
    Callback(&'static str),
    /// What the provider answered cannot be accepted.
    Provider(String),
    /// The provider is away, too slow or out of order.
    Unavailable(String),
}

impl IdpRefusal {
    /// The stable word for audit and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            IdpRefusal::WrongPassword => "wrong_password",
            IdpRefusal::Throttled { .. } => "throttled",
            IdpRefusal::Denied => "denied",
            IdpRefusal::Callback(_) => "callback",
            IdpRefusal::Provider(_) => "provider_refused",
            IdpRefusal::Unavailable(_) => "provider_unavailable",
        }
    }
}

/// Hides the code.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("code", &self.code.as_ref().map(|_| ".."))
            .field("iss", &self.iss)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
