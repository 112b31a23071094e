//! How does a node hear of what the others change?
//!
//! A connection that is cut without a word is found out after 25 s at most. Until then nobody is
//! woken, and what must not wait does not rely on it: the registry's version is asked for twice a
//! second besides, and a session is read by every request that depends on it.

use std::time::Duration;

use sqlx::{Executor as _, PgPool, postgres::PgListener};
use tokio::time::{sleep, timeout};

use super::work::{Work, fault};
use crate::store::{Changed, StoreError, Waker};

/// The channel; each database has its own.
const CHANNEL: &str = "countersign";
/// A connection that says nothing for so long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(20);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(500);

/// Which node this is, so that it does not hear itself.
#[derive(Clone, Debug)]
pub(super) struct Node(String);

impl Node {
    pub(super) fn new() -> Node {
        Node(uuid::Uuid::now_v7().simple().to_string())
    }

    /// Tells the other nodes, once the transaction is committed.
    pub(super) async fn tell(
        &self,
        work: &mut Work,
        changes: &[Changed],
    ) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let messages: Vec<String> = changes
            .iter()
            .map(|changed| self.message(changed))
            .collect();
        let query = sqlx::query("SELECT pg_notify($1, message) FROM UNNEST($2::TEXT[]) AS message")
            .bind(CHANNEL)
            .bind(messages);
        work.fetch(query).await.map(drop)
    }

    fn message(&self, changed: &Changed) -> String {
        let node = &self.0;
        match changed {
            Changed::Login(id) => format!("{node} login {id}"),
            Changed::Session(id) => format!("{node} session {id}"),
            Changed::Registry => format!("{node} registry"),
            Changed::Token(id) => format!("{node} token {id}"),
            Changed::Tokens => format!("{node} tokens"),
            Changed::Anything => format!("{node} anything"),
        }
    }

    /// `None` for what this node said itself. What a later version says means anything.
    fn heard(&self, message: &str) -> Option<Changed> {
        let mut words = message.splitn(3, ' ');
        if words.next() == Some(&self.0) {
            return None;
        }
        Some(match (words.next(), words.next()) {
            (Some("login"), Some(id)) => Changed::Login(id.to_owned()),
            (Some("session"), Some(id)) => Changed::Session(id.to_owned()),
            (Some("registry"), None) => Changed::Registry,
            (Some("token"), Some(id)) => Changed::Token(id.to_owned()),
            (Some("tokens"), None) => Changed::Tokens,
            _ => Changed::Anything,
        })
    }
}

/// Why nothing is heard any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the server ended it")]
    Ended,
    #[error("{0}")]
    Failed(sqlx::Error),
    #[error("the server does not answer")]
    Silent,
}

/// Begins to listen.
pub(super) async fn begin(pool: &PgPool) -> Result<PgListener, StoreError> {
    let mut listener = PgListener::connect_with(pool).await.map_err(fault)?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await.map_err(fault)?;
    Ok(listener)
}

/// Wakes whoever waits here, until the store is closed. After each interruption something may have
/// been missed, which is `Changed::Anything`.
pub(super) async fn run(pool: PgPool, mut listener: PgListener, node: Node, waker: Waker) {
    loop {
        let reason = hear(&mut listener, &node, &waker).await;
        drop(listener);
        if pool.is_closed() {
            return;
        }
        tracing::warn!(%reason, "the connection that hears of changes by other nodes is lost");
        listener = loop {
            match begin(&pool).await {
                Ok(listener) => break listener,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot hear of changes by other nodes");
                    sleep(AGAIN).await;
                }
            }
        };
        waker.wake([Changed::Anything]);
    }
}

/// Until the connection is lost, and why it is.
async fn hear(listener: &mut PgListener, node: &Node, waker: &Waker) -> Lost {
    loop {
        match timeout(QUIET, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => waker.wake(node.heard(notification.payload())),
            Ok(Ok(None)) => return Lost::Ended,
            Ok(Err(error)) => return Lost::Failed(error),
            Err(_) => match timeout(ANSWER, listener.execute("SELECT 1")).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Lost::Failed(error),
                Err(_) => return Lost::Silent,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_hears_the_others_and_not_itself() {
        let (here, there) = (Node::new(), Node::new());
        for changed in [
            Changed::Login("a".to_owned()),
            Changed::Session("b c".to_owned()),
            Changed::Registry,
            Changed::Token("d e".to_owned()),
            Changed::Tokens,
            Changed::Anything,
        ] {
            let message = here.message(&changed);
            assert_eq!(here.heard(&message), None);
            assert_eq!(there.heard(&message), Some(changed));
        }
        for strange in ["", "x", "x y", "x login", "x registry z", "x tokens z"] {
            assert_eq!(here.heard(strange), Some(Changed::Anything), "{strange}");
        }
    }
}
