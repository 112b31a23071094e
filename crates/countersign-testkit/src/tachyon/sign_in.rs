//! Who signs in at the server of the dialect, and has somebody?

use std::{collections::BTreeMap, sync::Mutex};

use tokio::sync::watch;

use super::lock;

/// All sign-ins, by the number in their address.
#[derive(Default)]
pub(super) struct SignIns {
    all: Mutex<BTreeMap<u64, SignIn>>,
}

struct SignIn {
    /// The hash of the nonce, in the later generation.
    ecpn: Option<String>,
    has_signed_in: watch::Sender<bool>,
}

impl SignIns {
    /// Begins one; its number.
    pub(super) fn begin(&self, ecpn: Option<String>) -> u64 {
        let mut all = lock(&self.all);
        let number = all.len() as u64 + 1;
        let has_signed_in = watch::Sender::new(false);
        all.insert(
            number,
            SignIn {
                ecpn,
                has_signed_in,
            },
        );
        number
    }

    /// The person opened the address. Whether there is such a sign-in.
    pub(super) fn sign_in(&self, number: u64) -> bool {
        let all = lock(&self.all);
        let found = all.get(&number);
        if let Some(found) = found {
            found.has_signed_in.send_replace(true);
        }
        found.is_some()
    }

    /// Whether somebody has; `None` when there is no such sign-in.
    pub(super) fn has_signed_in(&self, number: u64) -> Option<watch::Receiver<bool>> {
        Some(lock(&self.all).get(&number)?.has_signed_in.subscribe())
    }

    /// Ends one for whoever knows the nonce of this hash.
    pub(super) fn end(&self, number: u64, ecpn: &str) -> bool {
        let mut all = lock(&self.all);
        let is_theirs = all.get(&number).is_some_and(|sign_in| {
            *sign_in.has_signed_in.borrow() && sign_in.ecpn.as_deref() == Some(ecpn)
        });
        if is_theirs && let Some(sign_in) = all.get_mut(&number) {
            sign_in.ecpn = None;
        }
        is_theirs
    }
}
