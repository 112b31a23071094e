//! How is whoever waits woken when something changes?

use tokio::sync::broadcast::{self, error::RecvError};

use super::LoginUpdate;

/// What has changed. It says where to look, never what is there: whoever is woken reads the store.
///
/// What a change made is readable before it wakes anybody. A counted refresh wakes nobody: nobody
/// waits for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// The login with this id.
    Login(String),
    /// The session with this id was made, acknowledged or ended.
    Session(String),
    /// The registry, or the keys of the issuer.
    Registry,
    /// The granted token with this id was rotated, settled or revoked, or the signed one with this
    /// `jti` denied.
    Token(String),
    /// Many granted tokens were.
    Tokens,
    /// Something was missed: look at everything that you wait for.
    Anything,
}

impl Changed {
    /// Waits for the next change. Whoever fell behind gets [`Changed::Anything`]; `None` when the
    /// store is gone.
    pub async fn next(receiver: &mut broadcast::Receiver<Changed>) -> Option<Changed> {
        match receiver.recv().await {
            Ok(changed) => Some(changed),
            Err(RecvError::Lagged(_)) => Some(Changed::Anything),
            Err(RecvError::Closed) => None,
        }
    }

    /// What an end of these tokens changes.
    pub(super) fn by_tokens(ids: &[String]) -> Vec<Changed> {
        match ids.len() {
            0..=TOKENS_BY_NAME => ids.iter().cloned().map(Changed::Token).collect(),
            _ => vec![Changed::Tokens],
        }
    }

    /// What an update of a login changes.
    pub(super) fn by_update(update: &LoginUpdate) -> Vec<Changed> {
        let begun = update.new_session.as_ref().map(|session| &session.id);
        let ended = update.end_session.as_ref().map(|(id, ..)| id);
        [begun, update.acknowledge.as_ref(), ended]
            .into_iter()
            .flatten()
            .map(|id| Changed::Session(id.clone()))
            .chain([Changed::Login(update.row.id.clone())])
            .collect()
    }
}

/// So many tokens are told one by one; of more it is quicker to look at all.
const TOKENS_BY_NAME: usize = 8;

/// Changes that may wait for the slowest of those who are woken.
const WAITING_MAX: usize = 1024;

/// Wakes everybody who waits in this process.
#[derive(Clone, Debug)]
pub(super) struct Waker(broadcast::Sender<Changed>);

impl Waker {
    pub(super) fn new() -> Waker {
        Waker(broadcast::Sender::new(WAITING_MAX))
    }

    pub(super) fn watch(&self) -> broadcast::Receiver<Changed> {
        self.0.subscribe()
    }

    /// Nobody waiting is nothing wrong.
    pub(super) fn wake(&self, changes: impl IntoIterator<Item = Changed>) {
        for changed in changes {
            let _ = self.0.send(changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_falls_behind_is_told_to_look_at_everything() {
        let waker = Waker::new();
        let mut receiver = waker.watch();
        waker.wake((0..=WAITING_MAX).map(|number| Changed::Login(number.to_string())));
        assert_eq!(Changed::next(&mut receiver).await, Some(Changed::Anything));
        assert_eq!(
            Changed::next(&mut receiver).await,
            Some(Changed::Login("1".to_owned()))
        );
    }

    #[tokio::test]
    async fn a_store_that_is_gone_wakes_nobody() {
        let waker = Waker::new();
        let mut receiver = waker.watch();
        drop(waker);
        assert_eq!(Changed::next(&mut receiver).await, None);
    }
}
