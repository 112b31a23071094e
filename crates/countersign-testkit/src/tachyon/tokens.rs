//! Which tokens did the server of the dialect give?

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Knobs, lock};
use countersign_proto::time::UnixTime;

#[derive(Default)]
pub(super) struct Tokens {
    given: AtomicU64,
    live: Mutex<BTreeSet<String>>,
    /// Assertions that were shown once.
    assertions: Mutex<BTreeSet<String>>,
}

impl Tokens {
    /// A new token of this kind (0 or 1), in the form of the servers of the dialect: a part that says
    /// what it is, and one that nobody else reads.
    pub(super) fn give(&self, kind: u8, knobs: &Knobs, now: UnixTime) -> String {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = knobs.token.clone().unwrap_or_else(|| {
            let ends = knobs.lifetime.map_or_else(String::new, |lifetime| {
                format!(",\"Expiration\":\"{}\"", now.plus(lifetime))
            });
            let says = format!(
                "{{\"Type\":{kind},\"Principal\":\"URTH\\\\vader\",\"Number\":{number}{ends}}}"
            );
            format!("{}.c2lnbmF0dXJl", STANDARD.encode(says))
        });
        lock(&self.live).insert(token.clone());
        token
    }

    pub(super) fn is_live(&self, token: &str) -> bool {
        lock(&self.live).contains(token)
    }

    /// Whether there was one to end.
    pub(super) fn end(&self, token: &str) -> bool {
        lock(&self.live).remove(token)
    }

    pub(super) fn end_all(&self) {
        lock(&self.live).clear();
    }

    /// Whether an assertion comes for the first time.
    pub(super) fn is_first(&self, assertion: &str) -> bool {
        lock(&self.assertions).insert(assertion.to_owned())
    }
}
