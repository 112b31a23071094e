//! Which principal is the person whom a provider vouches for, and may it sign in?

use std::{net::IpAddr, sync::Arc};

use countersign_proto::{management::Principal, time::UnixTime};
use url::Url;

use crate::{
    Change, Platform, audit,
    config::{IdentityProviderSettings, Newcomers},
    events::{Event, EventName},
    idp::{Callback, IdpRefusal, Password, ProvedIdentity, TransactionKeys},
    refusal::Fault,
    registry::{RegistryError, check_display_name, check_principal_name},
    store::{NewAuditEntry, StoreError},
};

/// A person who proved who he is, and the principal that he is.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) identity: ProvedIdentity,
    pub(crate) principal: Arc<Principal>,
}

/// Why nobody signs in.
#[derive(Debug)]
pub(crate) enum SignInRefusal {
    /// Nobody proved who he is.
    NotProved(IdpRefusal),
    /// He proved it, and there is no such principal.
    Unknown,
    /// He proved it, and the principal is disabled.
    Disabled,
    /// He proved it, and what the provider calls him is no name that a principal may have.
    NoName,
    /// Ours to repair.
    Fault(Fault),
}

/// With a name and a password of the platform's own.
pub(crate) async fn by_password(
    platform: &Platform,
    name: &str,
    password: &Password,
    peer: Option<IpAddr>,
) -> Result<SignedIn, SignInRefusal> {
    let now = platform.now();
    let provider = platform.identity_provider();
    let proved = provider.check_password(name, password, peer, now).await;
    if proved == Err(IdpRefusal::WrongPassword) && platform.registry().principal(name).is_some() {
        // Not waited for: the time of the answer must not tell that there is such a principal.
        let entry = audit::sign_in_refused(name, IdpRefusal::WrongPassword.reason(), peer, now);
        let store = platform.store().clone();
        tokio::spawn(async move {
            if let Err(error) = store.append_audit(entry).await {
                tracing::error!(%error, "a wrong password is not on record");
            }
        });
    }
    // A name that nobody has may be a password in the wrong field.
    let known = platform.registry().principal(name).map(|_| name);
    concluded(platform, proved, known, peer, now).await
}

/// With what a provider sent the browser back with. The caller has compared `state` with that of
/// `transaction`, whose secret came in that browser's cookie (login.md R2).
pub(crate) async fn by_callback(
    platform: &Platform,
    callback: Callback,
    transaction: &TransactionKeys,
    redirect_uri: &Url,
    peer: Option<IpAddr>,
) -> Result<SignedIn, SignInRefusal> {
    let now = platform.now();
    let provider = platform.identity_provider();
    let proved = provider
        .redeem(callback, transaction, redirect_uri, now)
        .await;
    concluded(platform, proved, None, peer, now).await
}

impl SignInRefusal {
    /// The stable word for audit and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            SignInRefusal::NotProved(refusal) => refusal.reason(),
            SignInRefusal::Unknown => "principal_unknown",
            SignInRefusal::Disabled => "principal_disabled",
            SignInRefusal::NoName => "principal_name",
            SignInRefusal::Fault(_) => "fault",
        }
    }

    /// Whether somebody tried what he may not, rather than changed his mind or met a provider that
    /// is out of order.
    fn is_callers(&self) -> bool {
        use IdpRefusal as R;
        !matches!(
            self,
            SignInRefusal::Fault(_)
                | SignInRefusal::NotProved(R::Denied | R::Provider(_) | R::Unavailable(_))
        )
    }
}

impl From<StoreError> for SignInRefusal {
    fn from(error: StoreError) -> SignInRefusal {
        SignInRefusal::Fault(Fault::new(error.to_string()))
    }
}

/// Finds the principal, counts, and audits when it is known who it was. `claimed` is a name that is
/// known here, and that somebody says is his.
async fn concluded(
    platform: &Platform,
    proved: Result<ProvedIdentity, IdpRefusal>,
    claimed: Option<&str>,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> Result<SignedIn, SignInRefusal> {
    let vouched_for = proved.as_ref().ok();
    let vouched_for = vouched_for.map(|identity| identity.principal.clone());
    let signed_in = match proved {
        Err(refusal) => Err(SignInRefusal::NotProved(refusal)),
        Ok(identity) => match principal_of(platform, &identity, now).await {
            Ok(principal) => Ok(SignedIn {
                identity,
                principal,
            }),
            Err(refusal) => Err(on_record(platform, refusal, &identity, peer, now).await),
        },
    };
    let outcome = signed_in
        .as_ref()
        .map_or_else(SignInRefusal::reason, |_| "ok");
    platform.metrics().signed_in(outcome);
    if let Err(refusal) = &signed_in
        && refusal.is_callers()
    {
        let subject = vouched_for.as_deref().or(claimed).unwrap_or_default();
        let event = Event::new(EventName::SignInRefused, subject, now).address(peer);
        platform.events().raise(event.detail(outcome));
    }
    signed_in
}

/// The principal of that name, made when it is to be. One that is there stays as it is.
async fn principal_of(
    platform: &Platform,
    identity: &ProvedIdentity,
    now: UnixTime,
) -> Result<Arc<Principal>, SignInRefusal> {
    // `platform` is a principal too, and nobody's.
    check_principal_name(&identity.principal).map_err(|_| SignInRefusal::NoName)?;
    let find = || platform.registry().principal(&identity.principal).cloned();
    let found = match find() {
        Some(found) => found,
        None => {
            // Another node may have made it.
            platform.refresh_registry().await?;
            match (find(), newcomers(platform)) {
                (Some(found), _) => found,
                (None, Newcomers::Refused) => return Err(SignInRefusal::Unknown),
                (None, Newcomers::Created { roles }) => {
                    create(platform, identity, roles, now).await?;
                    find().ok_or(SignInRefusal::Unknown)?
                }
            }
        }
    };
    if found.enabled {
        Ok(found)
    } else {
        Err(SignInRefusal::Disabled)
    }
}

fn newcomers(platform: &Platform) -> &Newcomers {
    match &platform.settings().identity_provider {
        IdentityProviderSettings::OpenIdConnect(settings) => &settings.newcomers,
        IdentityProviderSettings::BuiltIn { .. } => &Newcomers::Refused,
    }
}

async fn create(
    platform: &Platform,
    identity: &ProvedIdentity,
    roles: &[String],
    now: UnixTime,
) -> Result<(), SignInRefusal> {
    let display_name = identity
        .display_name
        .clone()
        .filter(|text| check_display_name("display name", text).is_ok());
    let principal = Principal {
        name: identity.principal.clone(),
        display_name: display_name.unwrap_or_default(),
        roles: roles.to_vec(),
        enabled: true,
        password_set_at: None,
    };
    let audit = audit::by_system("principal.create", &identity.principal, now);
    match platform
        .store()
        .change(Change::CreatePrincipal(principal), audit)
        .await
    {
        Ok(registry) => platform.adopt(registry),
        // Somebody was faster: he keeps the roles that he has.
        Err(StoreError::Registry(RegistryError::Exists { .. })) => {
            platform.refresh_registry().await?;
        }
        Err(StoreError::Registry(error)) => {
            let text = format!("identity_provider.roles: no principal can be made: {error}");
            return Err(SignInRefusal::Fault(Fault::new(text)));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Somebody who was recognised and is turned away.
async fn on_record(
    platform: &Platform,
    refusal: SignInRefusal,
    identity: &ProvedIdentity,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> SignInRefusal {
    if matches!(refusal, SignInRefusal::Fault(_)) {
        return refusal;
    }
    let entry = NewAuditEntry {
        actor: shown(&identity.subject),
        ..audit::sign_in_refused(&shown(&identity.principal), refusal.reason(), peer, now)
    };
    match platform.store().append_audit(entry).await {
        Ok(()) => refusal,
        Err(error) => error.into(),
    }
}

/// A name of a provider's, as it may stand in a row: cut, and without what deceives.
fn shown(name: &str) -> String {
    name.chars()
        .take(255)
        .flat_map(char::escape_default)
        .take(1024)
        .collect()
}
