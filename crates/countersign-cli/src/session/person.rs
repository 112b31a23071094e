//! How does what a person signed in with become a token?

use std::sync::Arc;

use countersign::{
    Clock, InteractiveSession, InteractiveToken, SystemClock,
    admin::Admin,
    cache_file::{self, CacheLock},
    proto::{metadata::Metadata, oauth_error::Reason},
};

use super::{Held, Session, block_on, transport};
use crate::{
    failure::{Exit, Failure},
    vault::Vault,
};

impl Session<'_> {
    /// A token that lives: the one there is, or that of a counted refresh. Of several processes one
    /// refreshes.
    pub(super) fn persons_token(&self) -> Result<Held, Failure> {
        let vault = self.vault()?;
        // Nothing below is reached while the token is fresh: no TLS, no randomness.
        if let Some(held) = self.read(&vault)?
            && cache_file::is_fresh(&held.token, SystemClock.now())
        {
            return Ok(held.into());
        }
        vault.check_writable()?;
        let lock = vault.lock()?;
        let held = lock
            .read_interactive()?
            .ok_or_else(|| self.nothing_left())?;
        let now = SystemClock.now();
        let lives = held.token.lives(now);
        if cache_file::is_fresh(&held.token, now) || lives && held.refreshes_remaining == Some(0) {
            return Ok(held.into());
        }
        match self.refresh(&held, &lock, &vault) {
            Ok(held) => Ok(held),
            Err((failure, reason)) => {
                let still_good =
                    failure.exit() == Exit::Network || reason == Some(Reason::RefreshLimitReached);
                if !(lives && still_good) {
                    return Err(failure);
                }
                self.output.warn(&format!(
                    "not renewed: {}; the token from before is good until {}",
                    failure.message(),
                    held.token.expires_at
                ));
                Ok(held.into())
            }
        }
    }

    /// The token of a counted refresh, whatever the one there is good for. Who waited while another
    /// process refreshed takes what that got.
    pub(super) fn persons_renewed(&self) -> Result<Held, Failure> {
        let vault = self.vault()?;
        let seen = self.read(&vault)?;
        vault.check_writable()?;
        let lock = vault.lock()?;
        let held = lock
            .read_interactive()?
            .ok_or_else(|| self.nothing_left())?;
        let text = |held: &InteractiveToken| held.token.access_token.clone();
        match seen {
            Some(seen) if text(&seen) != text(&held) => Ok(held.into()),
            _ => self
                .refresh(&held, &lock, &vault)
                .map_err(|(failure, _)| failure),
        }
    }

    /// What is there, fresh or not.
    pub(super) fn persons_cached(&self) -> Result<Option<Held>, Failure> {
        Ok(self.read(&self.vault()?)?.map(Held::from))
    }

    fn read(&self, vault: &Vault) -> Result<Option<InteractiveToken>, Failure> {
        vault.read().map_err(|failure| self.sign_in_again(failure))
    }

    /// Ends the session at its server, if there is one to end.
    pub(super) fn end_persons(&self) -> Result<(), Failure> {
        let Some(held) = self.vault()?.read()? else {
            return Ok(());
        };
        block_on(self.end(held))
    }

    /// Ends a session at its server: whatever it gave is worth nothing from now on.
    pub(crate) async fn end(&self, held: InteractiveToken) -> Result<(), Failure> {
        Ok(self.interactive(held)?.end().await?)
    }

    pub(super) async fn persons_management(
        &self,
        held: &Held,
    ) -> Result<(Arc<Metadata>, Admin), Failure> {
        let session = self.interactive(InteractiveToken {
            token: held.token.clone(),
            refresh_token: None,
            refreshes_remaining: held.refreshes_remaining,
        })?;
        let metadata = session.metadata().await?;
        let transport = Arc::new(transport(&self.profile)?);
        let admin = Admin::with_token(transport, Arc::clone(&metadata), held.token.clone());
        Ok((metadata, admin))
    }

    pub(super) fn forget_persons(&self) -> Result<(), Failure> {
        let vault = self.vault()?;
        vault.lock()?.forget()?;
        Ok(())
    }

    pub(super) fn vault(&self) -> Result<Vault, Failure> {
        Vault::open(&self.name, &self.profile, self.environment)
    }

    fn refresh(
        &self,
        held: &InteractiveToken,
        lock: &CacheLock<'_>,
        vault: &Vault,
    ) -> Result<Held, (Failure, Option<Reason>)> {
        if self.is_tachyon() {
            return Err((self.sign_in_again(self.tachyon_has_no_refresh()), None));
        }
        self.output
            .detail(&format!("refreshing at {}", self.profile.server));
        let session = self.interactive(held.clone());
        let session = session.map_err(|failure| (failure, None))?;
        let mut got = None;
        let mut reason = None;
        let refreshed = block_on(async {
            let store = |next: &InteractiveToken| {
                let kept = lock.write_interactive(next);
                got = Some((next.clone(), kept.clone()));
                kept
            };
            session.refresh_into(store).await.map_err(|error| {
                reason = error.oauth().and_then(|refusal| refusal.reason.clone());
                Failure::from(error)
            })
        });
        match (refreshed, got) {
            (_, Some((next, kept))) => {
                // It serves although it is not kept: the next command gets the same one again, and
                // nothing is counted for that.
                match kept {
                    Err(error) => self.output.warn(&format!("the token is not kept: {error}")),
                    Ok(()) => vault.say_what_is_open(self.output),
                }
                Ok(next.into())
            }
            (Err(failure), None) => Err((self.sign_in_again(failure), reason)),
            (Ok(_), None) => Err((Failure::other("the refresh gave no token"), None)),
        }
    }

    /// A session of the SDK, which stores nothing by itself.
    fn interactive(&self, held: InteractiveToken) -> Result<InteractiveSession, Failure> {
        let key = self
            .vault()?
            .proof_key()
            .map_err(|failure| self.sign_in_again(failure))?
            .ok_or_else(|| self.nothing_left())?;
        let transport = Arc::new(transport(&self.profile)?);
        let clock = Arc::new(SystemClock);
        let server = &self.profile.server;
        Ok(InteractiveSession::new(
            server, key, held, transport, clock,
        )?)
    }

    fn nothing_left(&self) -> Failure {
        let message = format!("nothing is kept of the sign-in to {}", self.profile.server);
        self.sign_in_again(Failure::new(Exit::RefreshLimit, message))
    }

    fn sign_in_again(&self, failure: Failure) -> Failure {
        if failure.exit() != Exit::RefreshLimit {
            return failure;
        }
        let dialect = match self.is_tachyon() {
            true => " --dialect tachyon",
            false => "",
        };
        failure.hint(format!(
            "sign in again: countersign login {}{dialect} --profile {}",
            self.profile.server, self.name
        ))
    }
}
