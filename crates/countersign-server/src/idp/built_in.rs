//! How does a person sign in with a password that the platform knows?

use std::{net::IpAddr, sync::Arc};

use aws_lc_rs::digest;
use countersign_proto::time::UnixTime;
use url::Url;

use super::{
    Callback, IdentityProvider, IdpFuture, IdpRefusal, Password, PasswordHasher, ProvedIdentity,
    SignInWay, TransactionKeys, accounts::Verdict, throttle::Throttle,
};
use crate::{
    audit,
    registry::check_principal_name,
    store::{AccountRow, Store},
};

/// Accounts of the platform itself: the name of one is the name of its principal.
pub(crate) struct BuiltIn {
    name: String,
    store: Arc<dyn Store>,
    passwords: PasswordHasher,
    throttle: Throttle,
}

impl BuiltIn {
    /// With the accounts in `store`; `name` is what people read.
    pub(crate) fn new(name: &str, store: Arc<dyn Store>, passwords: PasswordHasher) -> BuiltIn {
        BuiltIn {
            name: name.to_owned(),
            store,
            passwords,
            throttle: Throttle::new(),
        }
    }

    async fn check(
        &self,
        name: &str,
        password: &Password,
        peer: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<ProvedIdentity, IdpRefusal> {
        let attempt = self
            .throttle
            .admit(digest_of(name), peer, now)
            .map_err(|retry_after| IdpRefusal::Throttled { retry_after })?;
        match self.compare(name, password).await {
            Err(problem) => {
                attempt.withdrawn(&self.throttle);
                Err(IdpRefusal::Unavailable(problem))
            }
            Ok((Some(account), verdict @ (Verdict::Right | Verdict::RightButCheap))) => {
                attempt.succeeded(&self.throttle, now);
                if verdict == Verdict::RightButCheap {
                    self.hash_again(&account, password, now).await;
                }
                Ok(ProvedIdentity {
                    provider: self.name.clone(),
                    subject: account.principal.clone(),
                    principal: account.principal,
                    display_name: None,
                })
            }
            Ok(_) => Err(IdpRefusal::WrongPassword),
        }
    }

    async fn compare(
        &self,
        name: &str,
        password: &Password,
    ) -> Result<(Option<AccountRow>, Verdict), String> {
        // A name that no principal can have is not looked up; it costs a comparison all the same.
        let account = match check_principal_name(name) {
            Ok(()) => self.store.account(name).await,
            Err(_) => Ok(None),
        };
        let account = account.map_err(|error| error.to_string())?;
        let stored = account.as_ref().map(|account| account.password.as_str());
        let verdict = self.passwords.verify(password, stored).await;
        let verdict = verdict.map_err(|error| error.to_string())?;
        Ok((account, verdict))
    }

    /// The person is signed in whether or not this succeeds: the next time will do.
    async fn hash_again(&self, account: &AccountRow, password: &Password, now: UnixTime) {
        let replaced = async {
            let hash = self.passwords.hash(password).await;
            let hash = hash.map_err(|error| error.to_string())?;
            let audit = audit::by_system("password.rehash", &account.principal, now);
            self.store
                .rehash_account(&account.principal, &account.password, &hash, audit)
                .await
                .map_err(|error| error.to_string())
        };
        if let Err(problem) = replaced.await {
            tracing::warn!(problem, "a password was not hashed again");
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
        name: &'a str,
        password: &'a Password,
        peer: Option<IpAddr>,
        now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity> {
        Box::pin(self.check(name, password, peer, now))
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

/// A name of any length takes the same room in the throttle.
fn digest_of(name: &str) -> [u8; 32] {
    let mut found = [0; 32];
    found.copy_from_slice(digest::digest(&digest::SHA256, name.as_bytes()).as_ref());
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_proto::management::Principal;
    use zeroize::Zeroizing;

    use super::*;
    use crate::{Change, Rules, store::MemoryStore};

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    /// The password `password` by the reference implementation (phc-winner-argon2, src/test.c).
    const CHEAP: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn password(text: &str) -> Password {
        Password::typed(Zeroizing::new(text.to_owned()))
    }

    async fn check(
        provider: &BuiltIn,
        name: &str,
        typed: &str,
        now: UnixTime,
    ) -> Result<ProvedIdentity, IdpRefusal> {
        let peer = Some([192, 0, 2, 1].into());
        let typed = password(typed);
        provider.check_password(name, &typed, peer, now).await
    }

    /// `carol` with the hash [`CHEAP`].
    async fn with_carol() -> (BuiltIn, Arc<dyn Store>) {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Rules::default()));
        let carol = Principal {
            name: "carol".to_owned(),
            display_name: String::new(),
            roles: Vec::new(),
            enabled: true,
            password_set_at: None,
        };
        let audit = |action| audit::by_system(action, "carol", NOW);
        store
            .change(Change::CreatePrincipal(carol), audit("principal.create"))
            .await
            .unwrap();
        let account = AccountRow {
            principal: "carol".to_owned(),
            password: CHEAP.to_owned(),
            changed_at: NOW,
        };
        store
            .put_account(account, audit("password.set"))
            .await
            .unwrap();
        let provider = BuiltIn::new("Acme", store.clone(), PasswordHasher::new());
        (provider, store)
    }

    #[tokio::test]
    async fn the_right_password_proves_the_principal_and_a_wrong_one_nobody() {
        let (provider, _) = with_carol().await;
        let proved = check(&provider, "carol", "password", NOW).await.unwrap();
        assert_eq!(
            proved,
            ProvedIdentity {
                provider: "Acme".to_owned(),
                subject: "carol".to_owned(),
                principal: "carol".to_owned(),
                display_name: None,
            }
        );
        for (name, typed) in [
            ("carol", "passwore"),
            ("carol", ""),
            ("Carol", "password"),
            ("carol ", "password"),
            ("carol\0", "password"),
            ("mallory", "password"),
            ("platform", "password"),
            ("", ""),
        ] {
            let refused = check(&provider, name, typed, NOW).await;
            assert_eq!(refused, Err(IdpRefusal::WrongPassword), "{name:?}");
        }
    }

    #[tokio::test]
    async fn a_cheap_hash_is_replaced_once_the_password_was_typed() {
        let (provider, store) = with_carol().await;
        for _ in 0..2 {
            assert!(check(&provider, "carol", "password", NOW).await.is_ok());
            let account = store.account("carol").await.unwrap().unwrap();
            assert!(account.password.contains("$m=19456,t=2,p=1$"));
            assert_eq!(account.changed_at, NOW);
        }
        let rows = store.audit(None, 10).await.unwrap().items;
        let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(
            actions,
            ["password.rehash", "password.set", "principal.create"],
            "once"
        );
    }

    #[tokio::test]
    async fn a_right_password_is_refused_while_its_name_has_to_wait() {
        let (provider, _) = with_carol().await;
        for _ in 0..6 {
            let _ = check(&provider, "carol", "passwore", NOW).await;
        }
        assert_eq!(
            check(&provider, "carol", "password", NOW).await,
            Err(IdpRefusal::Throttled {
                retry_after: Duration::from_secs(1)
            })
        );
        let later = NOW.plus(Duration::from_secs(1));
        assert!(check(&provider, "carol", "password", later).await.is_ok());
    }

    // security.md B17
    #[tokio::test]
    async fn a_name_without_an_account_has_to_wait_like_one_that_has_it() {
        let (provider, _) = with_carol().await;
        for name in ["carol", "mallory", &"m".repeat(100_000)] {
            let mut found = Vec::new();
            for _ in 0..6 {
                found.push(check(&provider, name, "passwore", NOW).await);
            }
            assert_eq!(found[4], Err(IdpRefusal::WrongPassword));
            assert!(matches!(found[5], Err(IdpRefusal::Throttled { .. })));
        }
    }

    #[tokio::test]
    async fn a_store_that_is_away_costs_nobody_an_attempt() {
        let (provider, store) = with_carol().await;
        store.close().await.unwrap();
        for _ in 0..10 {
            let refused = check(&provider, "carol", "password", NOW).await;
            assert!(matches!(refused, Err(IdpRefusal::Unavailable(_))));
        }
    }
}
