//! When is a failed call tried again?

use std::time::Duration;

use crate::{
    Clock, Error, ErrorKind,
    clock::{Deadline, within},
    random,
};

/// The first wait is drawn from nothing to this.
const BASE: Duration = Duration::from_millis(200);
/// No wait is drawn from a longer span.
const CAP: Duration = Duration::from_secs(5);

/// What failed, as far as the decision is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The attempt that failed: 1 for the first.
    pub(crate) attempt: u32,
    /// How many attempts there may be in all.
    pub(crate) attempts: u32,
    /// Whether the same may succeed later.
    pub(crate) transient: bool,
    /// What the server asked to wait (RFC 9110 §10.2.3).
    pub(crate) retry_after: Option<Duration>,
    /// Until the caller's deadline.
    pub(crate) left: Duration,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Tell the caller.
    GiveUp,
    /// Wait so long, then try again.
    After(Duration),
}

/// Decides. `fraction` is drawn anew each time: the wait is that part of the span (full jitter), so
/// that clients who failed together do not come back together.
///
/// What the server asked for is waited at least. A wait that would outlast the caller's deadline is
/// not begun.
pub(crate) fn decide(failure: &Failure, fraction: u32) -> Decision {
    if !failure.transient || failure.attempt >= failure.attempts {
        return Decision::GiveUp;
    }
    let doublings = failure.attempt.saturating_sub(1).min(16);
    let span = BASE.saturating_mul(1 << doublings).min(CAP);
    let wait = part(span, fraction).saturating_add(failure.retry_after.unwrap_or_default());
    if wait >= failure.left {
        Decision::GiveUp
    } else {
        Decision::After(wait)
    }
}

/// `fraction` / 2³² of `span`.
pub(crate) fn part(span: Duration, fraction: u32) -> Duration {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX >> 32);
    Duration::from_millis((millis.min(u64::MAX >> 32) * u64::from(fraction)) >> 32)
}

/// Attempts until one succeeds, or [`decide`] gives up, or the deadline passes.
pub(crate) async fn persist<T, F>(
    clock: &dyn Clock,
    deadline: Deadline,
    attempts: u32,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut last = None;
    let mut number = 1;
    loop {
        let error = match within(clock, deadline.left(clock), attempt()).await {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => error,
            None => return Err(passed(last.as_ref())),
        };
        let failure = Failure {
            attempt: number,
            attempts,
            transient: error.is_transient(),
            retry_after: error.retry_after(),
            left: deadline.left(clock),
        };
        let Decision::After(wait) = decide(&failure, random::fraction()) else {
            return Err(error);
        };
        tracing::debug!(
            attempt = number,
            wait_ms = wait.as_millis(),
            %error,
            "trying again"
        );
        clock.sleep(wait).await;
        last = Some(error);
        number += 1;
    }
}

/// The error of a caller whose deadline passed, with what went wrong before it did.
pub(crate) fn passed(last: Option<&Error>) -> Error {
    let text = match last {
        Some(last) => format!("the deadline passed; before that: {last}"),
        None => "the deadline passed before there was an answer".to_owned(),
    };
    Error::new(ErrorKind::Deadline, text).transient()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: Failure = Failure {
        attempt: 1,
        attempts: 5,
        transient: true,
        retry_after: None,
        left: Duration::from_secs(30),
    };
    const HALF: u32 = 1 << 31;

    #[test]
    fn a_permanent_failure_is_told_at_once() {
        let failure = Failure {
            transient: false,
            ..FAILURE
        };
        assert_eq!(decide(&failure, HALF), Decision::GiveUp);
    }

    #[test]
    fn the_span_doubles_up_to_five_seconds() {
        let waits: Vec<u64> = (1..=8)
            .map(|attempt| {
                let failure = Failure {
                    attempt,
                    attempts: 9,
                    ..FAILURE
                };
                match decide(&failure, HALF) {
                    Decision::After(wait) => u64::try_from(wait.as_millis()).unwrap(),
                    Decision::GiveUp => panic!("attempt {attempt} gave up"),
                }
            })
            .collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 2500, 2500, 2500]);
    }

    #[test]
    fn the_wait_is_drawn_from_nothing_to_the_whole_span() {
        assert_eq!(decide(&FAILURE, 0), Decision::After(Duration::ZERO));
        assert_eq!(
            decide(&FAILURE, u32::MAX),
            Decision::After(Duration::from_millis(199))
        );
    }

    #[test]
    fn what_the_server_asks_for_is_waited_at_least() {
        let failure = Failure {
            retry_after: Some(Duration::from_secs(7)),
            ..FAILURE
        };
        assert_eq!(decide(&failure, 0), Decision::After(Duration::from_secs(7)));
        assert_eq!(
            decide(&failure, HALF),
            Decision::After(Duration::from_millis(7100))
        );
    }

    #[test]
    fn a_wait_beyond_the_deadline_is_not_begun() {
        let failure = Failure {
            retry_after: Some(Duration::from_secs(30)),
            ..FAILURE
        };
        assert_eq!(decide(&failure, 0), Decision::GiveUp);
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let failure = Failure {
            attempt: 5,
            ..FAILURE
        };
        assert_eq!(decide(&failure, 0), Decision::GiveUp);
    }
}
