//! Was this proof used before?

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use countersign_proto::{dpop::VerifiedProof, time::UnixTime};

/// So many proofs are remembered at once.
const CAPACITY: usize = 1_000_000;
/// Proofs are forgotten in lots of so many seconds.
const LOT: u64 = 32;

/// The proofs that were used, each until it is too old to be used. None is forgotten before: when there
/// is no room, no further one is taken.
pub(crate) struct Replays(Mutex<Lots>);

#[derive(Default)]
struct Lots {
    /// By the end of the lot.
    used: BTreeMap<u64, HashSet<[u8; 32]>>,
    count: usize,
    /// The end of the latest lot that was forgotten.
    forgotten: u64,
}

/// Why a proof is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    Replayed,
    Full,
}

impl Replays {
    pub(crate) fn new() -> Replays {
        Replays(Mutex::default())
    }

    /// Takes a proof once.
    pub(crate) fn take(&self, proof: &VerifiedProof, now: UnixTime) -> Result<(), NotTaken> {
        let name = name(proof);
        let end = proof.forget_after().as_secs() / LOT * LOT + LOT;
        // The memory is whole between any two statements that hold the lock.
        let mut lots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lots.forget_before(now.as_secs());
        // Forgotten already: the clock was set back, and whether it was used is not known any more.
        if end <= lots.forgotten {
            return Err(NotTaken::Replayed);
        }
        let known = lots.used.get(&end).is_some_and(|lot| lot.contains(&name));
        if known {
            return Err(NotTaken::Replayed);
        }
        if lots.count >= CAPACITY {
            return Err(NotTaken::Full);
        }
        lots.used.entry(end).or_default().insert(name);
        lots.count += 1;
        Ok(())
    }
}

impl Lots {
    fn forget_before(&mut self, now: u64) {
        while let Some(lot) = self.used.first_entry() {
            if *lot.key() > now {
                return;
            }
            self.forgotten = *lot.key();
            self.count -= lot.remove().len();
        }
    }
}

/// How long until there is room again: until the first proofs are too old.
pub(crate) const ROOM_AFTER: Duration = Duration::from_secs(LOT);

fn name(proof: &VerifiedProof) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    // The thumbprint has one length, so that no two pairs are one text.
    context.update(proof.thumbprint().as_bytes());
    context.update(proof.jti().as_bytes());
    let mut name = [0; 32];
    name.copy_from_slice(context.finish().as_ref());
    name
}
