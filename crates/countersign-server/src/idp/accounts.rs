//! How is a password kept so that nobody can read it, and compared so that nobody learns from it?
//!
//! Argon2id with the parameters that OWASP names first (19 MiB, two passes, one lane), written as a
//! PHC string. The work is done on threads that may block, two at a time, and only so many wait.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use aws_lc_rs::constant_time;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Password;
use crate::random;

/// KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Bytes of a hash.
const OUTPUT: usize = 32;
/// What a hash may cost at most to be compared: a row of the store must not hold the platform up.
const COST_MAX: (u32, u32, u32) = (256 * 1024, 16, 8);
/// Passwords that are worked on at one time.
const RUNNING: usize = 2;
/// Passwords that wait for their turn.
const WAITING: usize = 62;

/// A hash with [`COST`] that no account has: what an unknown name is compared with.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y291bnRlcnNpZ24gbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and compares passwords. Cheap to clone; clones share the threads.
#[derive(Clone)]
pub(crate) struct PasswordHasher {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    rooms: Rooms,
    #[cfg(test)]
    costs: Arc<Mutex<Vec<(u32, u32, u32)>>>,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another password, or no account.
    Wrong,
    /// The password of the account.
    Right,
    /// The password of the account, whose hash costs less than it would today: hash it again.
    RightButCheap,
}

/// Why a password was neither hashed nor compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HashingError {
    /// Too many passwords wait already.
    #[error("too many passwords wait to be compared")]
    Busy,
    /// Ours to repair. Holds neither a password nor a hash.
    #[error("{0}")]
    Fault(String),
}

impl PasswordHasher {
    /// With nothing to do.
    pub(crate) fn new() -> PasswordHasher {
        PasswordHasher {
            running: Arc::new(Semaphore::new(RUNNING)),
            admitted: Arc::new(Semaphore::new(RUNNING + WAITING)),
            rooms: Rooms::default(),
            #[cfg(test)]
            costs: Arc::default(),
        }
    }

    /// The PHC string of a password, with a salt of its own.
    ///
    /// # Errors
    /// [`HashingError::Busy`] when too many wait.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String, HashingError> {
        let password = password.clone();
        let salt = random::bytes::<16>().map_err(|error| HashingError::Fault(error.to_string()))?;
        self.count(COST);
        let rooms = self.rooms.clone();
        self.work(move || {
            let (memory, passes, lanes) = COST;
            let params = Params::new(memory, passes, lanes, None)?;
            let hash = PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params)?,
                salt: Some(Salt::new(&salt)?),
                hash: Some(rooms.compute(&password, &salt, params, OUTPUT)?),
            };
            Ok(hash.to_string())
        })
        .await
    }

    /// Compares a password with the PHC string of an account. Without an account it takes as long.
    ///
    /// # Errors
    /// [`HashingError::Busy`] when too many wait; [`HashingError::Fault`] when the string is not
    /// one of ours.
    pub(crate) async fn verify(
        &self,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<Verdict, HashingError> {
        let password = password.clone();
        let is_account = stored.is_some();
        let (hash, cost) = read(stored.unwrap_or(NOBODYS))?;
        self.count(cost);
        let rooms = self.rooms.clone();
        let fits = self
            .work(move || {
                let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
                    return Ok(false);
                };
                let params = Params::try_from(&hash)?;
                let found = rooms.compute(&password, &salt, params, expected.len())?;
                let same =
                    constant_time::verify_slices_are_equal(found.as_bytes(), expected.as_bytes());
                Ok(same.is_ok())
            })
            .await?;
        Ok(match (is_account && fits, cost < COST) {
            (false, _) => Verdict::Wrong,
            (true, true) => Verdict::RightButCheap,
            (true, false) => Verdict::Right,
        })
    }

    /// On a thread that may block. Who goes away while he waits gives his place back; what has
    /// begun keeps its place until it is done.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, HashingError> {
        let _admitted = self
            .admitted
            .try_acquire()
            .map_err(|_| HashingError::Busy)?;
        let fault = |what: String| HashingError::Fault(format!("a password: {what}"));
        let running = self.running.clone().acquire_owned().await;
        let running: OwnedSemaphorePermit = running.map_err(|error| fault(error.to_string()))?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(running);
            result
        });
        match done.await {
            Ok(result) => result.map_err(|error| fault(error.to_string())),
            Err(_) => Err(fault("the thread that worked on it ended".to_owned())),
        }
    }

    #[cfg(test)]
    fn count(&self, cost: (u32, u32, u32)) {
        self.costs.lock().unwrap().push(cost);
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self)]
    fn count(&self, _cost: (u32, u32, u32)) {}
}

/// The rooms that hashes are computed in, which stay: there are as many as hashes are computed at one
/// time. An allocator that gives such pieces and takes them back comes to hold many times as much.
#[derive(Clone, Default)]
struct Rooms {
    free: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Rooms {
    fn compute(
        &self,
        password: &Password,
        salt: &[u8],
        params: Params,
        length: usize,
    ) -> password_hash::Result<Output> {
        let size = params.block_count();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut room = self.take(size);
        let mut output = vec![0; length];
        argon2.hash_password_into_with_memory(password.expose(), salt, &mut output, &mut room)?;
        self.give_back(room);
        Ok(Output::new(&output)?)
    }

    /// One that somebody left, or a new one.
    fn take(&self, size: usize) -> Vec<Block> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let left = free.iter().position(|room| room.len() == size);
        match left {
            Some(left) => free.swap_remove(left),
            None => vec![Block::default(); size],
        }
    }

    /// A room of another size than today's is not kept.
    fn give_back(&self, room: Vec<Block>) {
        if room.len() == COST.0 as usize {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(room);
        }
    }
}

/// A PHC string that we could have written, and what it costs.
fn read(stored: &str) -> Result<(PasswordHash, (u32, u32, u32)), HashingError> {
    let strange = || HashingError::Fault("an account's hash is not one of ours".to_owned());
    let hash = PasswordHash::new(stored).map_err(|_| strange())?;
    let params = Params::try_from(&hash).map_err(|_| strange())?;
    let cost = (params.m_cost(), params.t_cost(), params.p_cost());
    let is_ours = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && hash.salt.is_some()
        && hash.hash.is_some_and(|output| output.len() >= 32);
    let bounded = cost.0 <= COST_MAX.0 && cost.1 <= COST_MAX.1 && cost.2 <= COST_MAX.2;
    if is_ours && bounded {
        Ok((hash, cost))
    } else {
        Err(strange())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Waker},
    };

    use zeroize::Zeroizing;

    use super::*;

    /// From the tests of the reference implementation (phc-winner-argon2, src/test.c).
    const REFERENCE: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    const CHEAP_REFERENCE: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn password(text: &str) -> Password {
        Password::typed(Zeroizing::new(text.to_owned()))
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other_does() {
        let hasher = PasswordHasher::new();
        let right = password("correct horse battery");
        let stored = hasher.hash(&right).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert_eq!(
            hasher.verify(&right, Some(&stored)).await,
            Ok(Verdict::Right)
        );
        for wrong in [
            "correct horse batterz",
            "Correct horse battery",
            "correct horse battery ",
            "",
        ] {
            assert_eq!(
                hasher.verify(&password(wrong), Some(&stored)).await,
                Ok(Verdict::Wrong)
            );
        }
        let again = hasher.hash(&right).await.unwrap();
        assert_ne!(stored, again, "each salt is new");
    }

    #[tokio::test]
    async fn hashes_of_the_reference_implementation_are_read() {
        let hasher = PasswordHasher::new();
        let right = password("password");
        assert_eq!(
            hasher.verify(&right, Some(REFERENCE)).await,
            Ok(Verdict::Right)
        );
        assert_eq!(
            hasher.verify(&right, Some(CHEAP_REFERENCE)).await,
            Ok(Verdict::RightButCheap)
        );
        let wrong = password("passwore");
        assert_eq!(
            hasher.verify(&wrong, Some(CHEAP_REFERENCE)).await,
            Ok(Verdict::Wrong)
        );
    }

    /// A password is not normalized: the same letter of other code points is another password.
    #[tokio::test]
    async fn a_password_is_compared_byte_for_byte() {
        let hasher = PasswordHasher::new();
        let stored = hasher.hash(&password("caf\u{e9} noir")).await.unwrap();
        let decomposed = password("cafe\u{301} noir");
        assert_eq!(
            hasher.verify(&decomposed, Some(&stored)).await,
            Ok(Verdict::Wrong)
        );
    }

    fn is_done(future: Pin<&mut impl Future>) -> bool {
        future
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    // security.md B17
    #[tokio::test]
    async fn a_name_that_has_no_account_costs_as_much_as_one_that_has() {
        let hasher = PasswordHasher::new();
        let stored = hasher.hash(&password("correct horse")).await.unwrap();
        hasher.costs.lock().unwrap().clear();
        for stored in [Some(stored.as_str()), None] {
            let verdict = hasher.verify(&password("battery staple"), stored).await;
            assert_eq!(verdict, Ok(Verdict::Wrong));
        }
        assert_eq!(*hasher.costs.lock().unwrap(), [COST, COST]);
    }

    #[tokio::test]
    async fn a_hash_that_would_hold_the_platform_up_is_not_computed() {
        let hasher = PasswordHasher::new();
        for stored in [
            REFERENCE.replace("m=65536", "m=4194304"),
            REFERENCE.replace("t=2", "t=4294967295"),
            REFERENCE.replace("p=1", "p=255"),
            REFERENCE.replace("argon2id", "argon2i"),
            REFERENCE.replace("v=19", "v=16"),
            REFERENCE.rsplit_once('$').unwrap().0.to_owned(),
            "correct horse".to_owned(),
            String::new(),
        ] {
            let verdict = hasher.verify(&password("password"), Some(&stored)).await;
            let Err(HashingError::Fault(told)) = verdict else {
                panic!("{stored}: {verdict:?}");
            };
            assert!(
                !told.contains("argon2") && !told.contains("horse"),
                "{told}"
            );
        }
        assert!(hasher.costs.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn there_are_as_many_rooms_as_hashes_at_one_time_however_many_there_were() {
        let hasher = PasswordHasher::new();
        let text = password("correct horse");
        for _ in 0..3 {
            let (stored, other, third) =
                tokio::join!(hasher.hash(&text), hasher.hash(&text), hasher.hash(&text));
            assert!(other.is_ok() && third.is_ok());
            let verdict = hasher.verify(&text, Some(&stored.unwrap())).await;
            assert_eq!(verdict, Ok(Verdict::Right));
        }
        let wrong = hasher.verify(&text, Some(REFERENCE)).await;
        assert_eq!(wrong, Ok(Verdict::Wrong));
        let free = hasher.rooms.free.lock().unwrap();
        assert!((1..=RUNNING).contains(&free.len()), "{}", free.len());
        assert!(free.iter().all(|room| room.len() == COST.0 as usize));
    }

    #[tokio::test]
    async fn only_so_many_wait_and_who_goes_away_gives_his_place_back() {
        let hasher = PasswordHasher::new();
        let held = hasher.running.clone().acquire_many_owned(2).await.unwrap();
        let text = password("correct horse");
        let mut waiting: Vec<_> = (0..RUNNING + WAITING)
            .map(|_| Box::pin(hasher.hash(&text)))
            .collect();
        for future in &mut waiting {
            assert!(!is_done(future.as_mut()));
        }
        assert_eq!(hasher.hash(&text).await, Err(HashingError::Busy));
        waiting.pop();
        let mut next = Box::pin(hasher.hash(&text));
        assert!(!is_done(next.as_mut()));
        drop(waiting);
        drop(held);
        assert!(next.await.is_ok());
    }
}
