//! What may a browser do that has the link of a login, and what follows?

use countersign_proto::token::Binding;
use url::Url;

use super::{permits, stored};
use crate::{
    Platform, audit,
    login::{Failure, Identity, Login, Seen, TransactionSecret, Unfit},
    refusal::Fault,
    service::sign_in::SignedIn,
};

/// A login as it is now, for a page that shows it.
pub(crate) struct Found {
    /// Under which name it is kept.
    id: String,
    /// After time has passed for it. Nothing was written.
    pub(crate) login: Login,
}

/// One browser: the link that it has, the secret in its cookie, and what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) handle: String,
    pub(crate) secret: TransactionSecret,
    pub(crate) seen: Seen,
}

/// Where a browser goes with the value that releases the token.
#[derive(Debug)]
pub(crate) enum HandOver {
    /// To the terminal on the same machine. The value is in it.
    Loopback(Url),
    /// To the page that shows a code.
    Code,
}

/// The login of a link.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn find(platform: &Platform, handle: &str) -> Result<Option<Found>, Fault> {
    let handle = platform.login_key()?.handle(handle);
    let Some(row) = platform.store().login_by_handle(&handle).await? else {
        return Ok(None);
    };
    let mut login = stored::read(&row)?;
    login.pass(platform.now());
    Ok(Some(Found { id: row.id, login }))
}

impl Found {
    /// The first browser that opens the link is told to the terminal. No other is remembered.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn open(&self, platform: &Platform, seen: &Seen) -> Result<(), Fault> {
        if !self.login.is_fresh() {
            return Ok(());
        }
        let opened = stored::change(platform, &self.id, |login, _, _| login.open(seen.clone()));
        opened.await.map(drop)
    }

    /// A person has signed in. The browser gets another secret: what it had before counts for
    /// nothing from now on (security.md 101). It gets none when the login ends because this person
    /// may not have what the terminal asks for.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn sign_in(
        &self,
        platform: &Platform,
        browser: &Browser,
        person: SignedIn,
    ) -> Result<Result<Option<TransactionSecret>, Unfit>, Fault> {
        let secret = TransactionSecret::generate()?;
        let digest = platform.login_key()?.transaction(&secret, &browser.handle);
        let registry = platform.registry();
        let identity = Identity {
            principal: person.principal.name.clone(),
            name: called(&person),
            provider: person.identity.provider,
            subject: person.identity.subject,
        };
        let seen = &browser.seen;
        let policy = platform.settings().session.binding;
        let signed_in = stored::change(platform, &self.id, |login, beside, now| {
            let who = &identity.principal;
            let asked = login.asked();
            if let Err(failure) = permits(policy, &registry, who, asked, asked.binding()) {
                let entry = audit::login_refused(who, failure.reason(), seen.address, now);
                login.refuse(failure)?;
                beside.audit.push(entry);
                return Ok(false);
            }
            login.sign_in(digest.clone(), identity.clone(), seen.clone(), now)?;
            let entry = audit::login_signed_in(who, seen.address, now);
            beside.audit.push(entry);
            Ok(true)
        })
        .await?;
        Ok(signed_in.map(|is_permitted| is_permitted.then_some(secret)))
    }

    /// Whoever signed in cannot have a token here. It is on record already.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn refuse(
        &self,
        platform: &Platform,
        failure: Failure,
    ) -> Result<Result<(), Unfit>, Fault> {
        stored::change(platform, &self.id, |login, _, _| {
            login.refuse(failure.clone())
        })
        .await
    }

    /// The person, or the provider, said no.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn deny(&self, platform: &Platform) -> Result<Result<(), Unfit>, Fault> {
        stored::change(platform, &self.id, |login, _, _| login.deny()).await
    }

    /// The person did not start this.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn report(
        &self,
        platform: &Platform,
        browser: &Browser,
    ) -> Result<Result<(), Unfit>, Fault> {
        let digest = digest(platform, browser)?;
        stored::change(platform, &self.id, |login, beside, now| {
            let who = principal(login, &digest).unwrap_or_default();
            let entry = audit::login_reported(&who, browser.seen.address, now);
            let session = login.report()?;
            beside.audit.push(entry);
            beside.end_with(session, &who, "reported", now);
            Ok(())
        })
        .await
    }

    /// The person allows it. Answers where the browser goes with the value.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn allow(
        &self,
        platform: &Platform,
        browser: &Browser,
    ) -> Result<Result<HandOver, Unfit>, Fault> {
        let binding = self.login.asked().binding();
        let digest = digest(platform, browser)?;
        let permitted = |login: &Login| {
            binding == Binding::Loopback
                || login.transaction(&digest).is_none()
                || may_show_code(platform, login, &digest)
        };
        self.release(platform, browser, binding, permitted).await
    }

    /// The person, who has allowed it, wants a code because the other way does not go.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn show_code(
        &self,
        platform: &Platform,
        browser: &Browser,
    ) -> Result<Result<HandOver, Unfit>, Fault> {
        let digest = digest(platform, browser)?;
        let permitted = |login: &Login| may_show_code(platform, login, &digest);
        self.release(platform, browser, Binding::Code, permitted)
            .await
    }

    async fn release(
        &self,
        platform: &Platform,
        browser: &Browser,
        binding: Binding,
        permitted: impl Fn(&Login) -> bool,
    ) -> Result<Result<HandOver, Unfit>, Fault> {
        let (key, secret) = (platform.login_key()?, &browser.secret);
        let digest = digest(platform, browser)?;
        let release = key.new_release(secret, &browser.handle, binding)?;
        let value = key.release(secret, &browser.handle, &release);
        stored::change(platform, &self.id, |login, beside, now| {
            if !permitted(login) {
                return Err(Unfit::NotOffered);
            }
            login.approve(&digest, release.clone(), now)?;
            let who = principal(login, &digest).unwrap_or_default();
            let entry = audit::login_allowed(&who, binding, browser.seen.address, now);
            beside.audit.push(entry);
            match (binding, login.asked().target()) {
                (Binding::Loopback, Some(target)) => Ok(HandOver::Loopback(target.url(&value))),
                (Binding::Loopback, None) => Err(Unfit::NotOffered),
                (Binding::Code, _) => Ok(HandOver::Code),
            }
        })
        .await
    }
}

/// Whether the person of a transaction may be shown a code.
pub(crate) fn may_show_code(platform: &Platform, login: &Login, digest: &str) -> bool {
    let Some(transaction) = login.transaction(digest) else {
        return false;
    };
    let who = &transaction.identity().principal;
    let asked = login.asked();
    let policy = platform.settings().session.binding;
    asked.offers(Binding::Code)
        && permits(policy, &platform.registry(), who, asked, Binding::Code).is_ok()
}

fn digest(platform: &Platform, browser: &Browser) -> Result<String, Fault> {
    Ok(platform
        .login_key()?
        .transaction(&browser.secret, &browser.handle))
}

fn principal(login: &Login, digest: &str) -> Option<String> {
    let transaction = login.transaction(digest)?;
    Some(transaction.identity().principal.clone())
}

/// What a person is called: by the registry, by the provider, by name.
fn called(person: &SignedIn) -> String {
    let registered = Some(person.principal.display_name.clone()).filter(|name| !name.is_empty());
    registered
        .or_else(|| person.identity.display_name.clone())
        .unwrap_or_else(|| person.principal.name.clone())
}
