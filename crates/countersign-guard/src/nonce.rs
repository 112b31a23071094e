//! Which nonce must a proof carry, so that it was made for this API and now (RFC 9449 §9)?

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::random;

/// How long a nonce is the newest. It is taken for as long again.
const NEWEST: Duration = Duration::from_secs(120);

/// The nonces of one guard. They are random and kept by it alone: another guard takes none of them, nor
/// the proofs that carry them.
pub(crate) struct Nonces(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    newest: Option<Dated>,
    before: Option<Dated>,
}

struct Dated {
    nonce: String,
    /// On [`crate::Clock::elapsed`].
    made: Duration,
}

impl Nonces {
    pub(crate) fn new() -> Nonces {
        Nonces(Mutex::default())
    }

    /// The nonce to be used from now on; `None` when the operating system gives no random numbers.
    pub(crate) fn newest(&self, elapsed: Duration) -> Option<String> {
        let mut kept = self.kept();
        let is_new = |dated: &Dated| elapsed < dated.made + NEWEST;
        if !kept.newest.as_ref().is_some_and(is_new) {
            let nonce = random::text()?;
            let made = elapsed;
            kept.before = kept.newest.replace(Dated { nonce, made });
        }
        kept.newest.as_ref().map(|dated| dated.nonce.clone())
    }

    /// Whether a nonce is one of ours and not too old.
    pub(crate) fn takes(&self, nonce: &str, elapsed: Duration) -> bool {
        let kept = self.kept();
        [&kept.newest, &kept.before]
            .into_iter()
            .flatten()
            .any(|dated| dated.nonce == nonce && elapsed < dated.made + 2 * NEWEST)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // What is kept is whole between any two statements that hold the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
