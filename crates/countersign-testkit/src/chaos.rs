//! Which share of good calls is harmed, how, and how many were?
//!
//! Only a call that the platform answered well is harmed, and only after it was answered: what the
//! platform refuses comes back as it is, and what it gave to a harmed call is lost, as when a network
//! or a proxy fails after the server did its part.

mod fates;

mod unrest;
pub(crate) use unrest::{Unrest, on_socket};

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use http::StatusCode;

/// Harm for a stated share of the good calls to a platform, for
/// [`TestPlatform::begin_chaos`](crate::TestPlatform::begin_chaos).
///
/// Shares are exact: of the first hundred good calls, of the second hundred and so on, exactly so many
/// are harmed.
/// Which ones they are is decided by the seed and by nothing else, so that a run that failed is
/// repeated with its seed.
///
/// ```
/// use std::time::Duration;
/// use countersign_testkit::{Chaos, Pair, Refusal};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let Pair { client, platform, clock, .. } = Pair::new().await?;
/// platform.begin_chaos(
///     Chaos::random()
///         .refuse(2, Refusal::Unavailable { retry_after: Duration::from_secs(1) })
///         .cut(3),
/// )?;
/// // The client waits on this clock before it asks again.
/// let turning = tokio::spawn({
///     let clock = clock.clone();
///     async move {
///         loop {
///             clock.until_sleeping(1).await;
///             clock.advance(Duration::from_millis(100));
///             tokio::task::yield_now().await;
///         }
///     }
/// });
///
/// for call in 0..200 {
///     let got = client.renew().await;
///     // `of 201 good calls 4 were refused, 0 slowed and 6 cut (seed 5577006791947779410)`
///     assert!(got.is_ok(), "call {call}: {}", platform.harm());
/// }
/// let harm = platform.end_chaos();
/// assert!(harm.refused >= 4 && harm.cut >= 6, "{harm}");
/// # turning.abort();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Chaos {
    seed: u64,
    refused: u8,
    refusal: Refusal,
    slowed: u8,
    delay: Duration,
    cut: u8,
    place: Place,
}

/// What a refused call is answered with. The body is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 429 with `Retry-After` (RFC 6585 §4), in whole seconds, rounded up.
    TooManyRequests {
        /// After how long the same may be asked again.
        retry_after: Duration,
    },
    /// 503 with `Retry-After` (RFC 9110 §15.6.4), in whole seconds, rounded up.
    Unavailable {
        /// After how long the same may be asked again.
        retry_after: Duration,
    },
    /// 500.
    InternalError,
}

/// Which calls may be harmed, by their path below the issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// All that the platform serves, but for the socket of a sign-in once it is open.
    #[default]
    Everything,
    /// `/oauth2/token`
    TokenEndpoint,
    /// `/jwks.json`
    KeySet,
    /// `/oauth2/introspect`
    Introspection,
}

/// What was done to how many calls. Its text names the seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harm {
    /// By which the same calls are harmed again.
    pub seed: u64,
    /// Good calls to the place, harmed or not.
    pub good: u64,
    /// Of these, how many were refused.
    pub refused: u64,
    /// How many were slowed.
    pub slowed: u64,
    /// How many were cut.
    pub cut: u64,
}

impl Chaos {
    /// No harm yet; the calls that are harmed are those of this seed.
    pub fn seeded(seed: u64) -> Chaos {
        Chaos {
            seed,
            refused: 0,
            refusal: Refusal::InternalError,
            slowed: 0,
            delay: Duration::ZERO,
            cut: 0,
            place: Place::Everything,
        }
    }

    /// No harm yet; the seed is another one each time. [`Harm`] names it.
    pub fn random() -> Chaos {
        Chaos::seeded(RandomState::new().hash_one(()))
    }

    /// Refuses this many of a hundred.
    pub fn refuse(mut self, percent: u8, refusal: Refusal) -> Chaos {
        (self.refused, self.refusal) = (percent, refusal);
        self
    }

    /// Holds this many of a hundred answers back for a time: on the clock of the platform that is
    /// turned by hand when they come over its wire, on the clock of Tokio when they leave a socket.
    pub fn slow(mut self, percent: u8, delay: Duration) -> Chaos {
        (self.slowed, self.delay) = (percent, delay);
        self
    }

    /// Cuts this many of a hundred answers in the middle: on a socket the connection is closed after
    /// the head and half of the body.
    pub fn cut(mut self, percent: u8) -> Chaos {
        self.cut = percent;
        self
    }

    /// Harms calls to this place only. Default: [`Place::Everything`].
    pub fn only(mut self, place: Place) -> Chaos {
        self.place = place;
        self
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Of a hundred.
    pub(crate) fn harmed(&self) -> u32 {
        u32::from(self.refused) + u32::from(self.slowed) + u32::from(self.cut)
    }
}

impl Refusal {
    /// The status, and the seconds of `Retry-After`.
    fn answer(self) -> (StatusCode, Option<u64>) {
        let seconds = |time: Duration| Some(time.as_millis().div_ceil(1000) as u64);
        match self {
            Refusal::TooManyRequests { retry_after } => {
                (StatusCode::TOO_MANY_REQUESTS, seconds(retry_after))
            }
            Refusal::Unavailable { retry_after } => {
                (StatusCode::SERVICE_UNAVAILABLE, seconds(retry_after))
            }
            Refusal::InternalError => (StatusCode::INTERNAL_SERVER_ERROR, None),
        }
    }
}

impl Place {
    fn has(self, path: &str) -> bool {
        match self {
            Place::Everything => true,
            Place::TokenEndpoint => path.ends_with("/oauth2/token"),
            Place::KeySet => path.ends_with("/jwks.json"),
            Place::Introspection => path.ends_with("/oauth2/introspect"),
        }
    }
}

impl std::fmt::Display for Harm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Harm {
            seed,
            good,
            refused,
            slowed,
            cut,
        } = self;
        write!(
            f,
            "of {good} good calls {refused} were refused, {slowed} slowed and {cut} cut (seed {seed})"
        )
    }
}

#[cfg(test)]
mod tests;
