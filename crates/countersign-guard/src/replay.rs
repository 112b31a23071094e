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

struct Lots {
    capacity: usize,
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
        Replays(Mutex::new(Lots::with_room_for(CAPACITY)))
    }

    /// Takes a proof once.
    pub(crate) fn take(&self, proof: &VerifiedProof, now: UnixTime) -> Result<(), NotTaken> {
        let name = name(proof);
        // The memory is whole between any two statements that hold the lock.
        let mut lots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lots.take(name, proof.forget_after(), now)
    }
}

impl Lots {
    fn with_room_for(capacity: usize) -> Lots {
        Lots {
            capacity,
            used: BTreeMap::new(),
            count: 0,
            forgotten: 0,
        }
    }

    fn take(
        &mut self,
        name: [u8; 32],
        forget_after: UnixTime,
        now: UnixTime,
    ) -> Result<(), NotTaken> {
        self.forget_before(now.as_secs());
        let end = forget_after.as_secs() / LOT * LOT + LOT;
        // Forgotten already: the clock was set back, and whether it was used is not known any more.
        if end <= self.forgotten {
            return Err(NotTaken::Replayed);
        }
        let known = self.used.get(&end).is_some_and(|lot| lot.contains(&name));
        if known {
            return Err(NotTaken::Replayed);
        }
        if self.count >= self.capacity {
            return Err(NotTaken::Full);
        }
        self.used.entry(end).or_default().insert(name);
        self.count += 1;
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn take(lots: &mut Lots, name: u8, until: u64, now: u64) -> Result<(), NotTaken> {
        let at = UnixTime::from_secs;
        lots.take([name; 32], at(until), at(now))
    }

    // security.md 105: nothing is forgotten to make room, and room comes back by itself.
    #[test]
    fn when_there_is_no_room_no_further_proof_is_taken_and_none_is_forgotten() {
        let mut lots = Lots::with_room_for(2);
        assert_eq!(take(&mut lots, 1, NOW + 301, NOW), Ok(()));
        assert_eq!(take(&mut lots, 2, NOW + 361, NOW), Ok(()));
        assert_eq!(take(&mut lots, 3, NOW + 301, NOW), Err(NotTaken::Full));
        assert_eq!(take(&mut lots, 1, NOW + 301, NOW), Err(NotTaken::Replayed));
        let later = NOW + 301 + LOT;
        assert_eq!(take(&mut lots, 3, later + 301, later), Ok(()));
        assert_eq!(
            take(&mut lots, 2, NOW + 361, later),
            Err(NotTaken::Replayed)
        );
        assert_eq!(lots.count, 2);
    }

    // attack B2: after a step back of the clock.
    #[test]
    fn what_was_forgotten_is_not_taken_again_when_the_clock_is_set_back() {
        let mut lots = Lots::with_room_for(10);
        assert_eq!(take(&mut lots, 1, NOW + 301, NOW), Ok(()));
        let later = NOW + 1_000;
        assert_eq!(take(&mut lots, 2, later + 301, later), Ok(()));
        assert_eq!(take(&mut lots, 1, NOW + 301, NOW), Err(NotTaken::Replayed));
    }
}
