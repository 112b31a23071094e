//! When is a notice sent, and when again?
//!
//! One after another, in the order of the events. A receiver that is away is asked again after a
//! pause that doubles; what it missed meanwhile waits in the queue. It may get a notice twice, when
//! its answer is lost, and never one out of its order.

use std::{future::Future, sync::Arc, time::Duration};

use super::{Notice, queue::Queue};
use crate::Clock;

/// The first pause, which doubles with every failure.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long after its event a notice is still sent.
const WORTH_TELLING: Duration = Duration::from_secs(3_600);

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The receiver has it.
    Taken,
    /// The receiver will not take it, however often it is sent.
    Refused(String),
    /// The receiver is away, or not in order.
    Failed(String),
}

/// Sends by `send` what is in the queue, and what comes into it, for ever.
pub(super) async fn deliver<F>(queue: &Queue, clock: &dyn Clock, send: impl Fn(Arc<Notice>) -> F)
where
    F: Future<Output = Sent>,
{
    let mut failures = 0;
    loop {
        let notice = queue.first().await;
        if attempt(queue, clock, &notice, &send).await {
            failures = 0;
        } else {
            tokio::time::sleep(pause(failures)).await;
            failures += 1;
        }
    }
}

/// Sends what is in the queue, each once, until something is not taken: for the end of a server.
pub(super) async fn deliver_rest<F>(
    queue: &Queue,
    clock: &dyn Clock,
    send: impl Fn(Arc<Notice>) -> F,
) where
    F: Future<Output = Sent>,
{
    while let Some(notice) = queue.front() {
        if !attempt(queue, clock, &notice, &send).await {
            break;
        }
    }
}

/// Whether the notice is done with.
async fn attempt<F>(
    queue: &Queue,
    clock: &dyn Clock,
    notice: &Arc<Notice>,
    send: &impl Fn(Arc<Notice>) -> F,
) -> bool
where
    F: Future<Output = Sent>,
{
    let id = notice.id.as_str();
    let counters = queue.counters();
    match send(Arc::clone(notice)).await {
        Sent::Taken => counters.delivered.increment(1),
        Sent::Refused(cause) => {
            counters.refused.increment(1);
            tracing::warn!(id, cause, "the receiver refuses an event");
        }
        Sent::Failed(cause) if clock.now() < notice.at.plus(WORTH_TELLING) => {
            counters.failed.increment(1);
            tracing::warn!(id, cause, "an event is not delivered yet");
            return false;
        }
        Sent::Failed(cause) => {
            counters.dropped.increment(1);
            tracing::warn!(id, cause, "an event waited for too long and is given up");
        }
    }
    queue.take_out(notice);
    true
}

fn pause(failures: u32) -> Duration {
    PAUSE
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use countersign_proto::time::UnixTime;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::events::queue::tests::{notice, queue};

    const START: UnixTime = UnixTime::from_secs(1_800_000_000);

    /// The time of Tokio, which the tests pause.
    struct Paused(Instant);

    impl Clock for Paused {
        fn now(&self) -> UnixTime {
            START.plus(self.0.elapsed())
        }
    }

    /// What is sent to a receiver that answers so, and when, in seconds.
    async fn sent(queue: &Queue, answer: impl Fn(usize) -> Sent) -> Vec<(String, u64)> {
        let clock = Paused(Instant::now());
        let sent = Mutex::new(Vec::new());
        let send = |notice: Arc<Notice>| {
            let mut sent = sent.lock().unwrap();
            sent.push((notice.id.clone(), clock.0.elapsed().as_secs()));
            std::future::ready(answer(sent.len()))
        };
        let day = Duration::from_secs(86_400);
        let _ = timeout(day, deliver(queue, &clock, send)).await;
        sent.into_inner().unwrap()
    }

    fn away() -> Sent {
        Sent::Failed("away".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_is_away_gets_everything_in_order_when_it_is_back() {
        let queue = queue();
        queue.put(notice(1, START));
        queue.put(notice(2, START));
        let sent = sent(
            &queue,
            |attempt| {
                if attempt <= 8 { away() } else { Sent::Taken }
            },
        );
        let sent = sent.await;
        let ids: String = sent.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, "1111111112");
        let times: Vec<u64> = sent.iter().map(|(_, at)| *at).collect();
        assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 123, 183, 183]);
        assert_eq!(queue.front(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_does_not_hold_up_the_rest() {
        let queue = queue();
        queue.put(notice(1, START));
        queue.put(notice(2, START));
        let sent = sent(&queue, |attempt| match attempt {
            1 => Sent::Refused("400".to_owned()),
            _ => Sent::Taken,
        });
        assert_eq!(sent.await, [("1".to_owned(), 0), ("2".to_owned(), 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_within_an_hour_is_given_up() {
        let queue = queue();
        queue.put(notice(1, START));
        let sent = sent(&queue, |_| away()).await;
        let last = sent.last().unwrap().1;
        assert!((3_600..=3_660).contains(&last), "{last}");
        assert_eq!(queue.front(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_each_is_sent_once_until_one_fails() {
        let queue = queue();
        for number in 1..=3 {
            queue.put(notice(number, START));
        }
        let count = Mutex::new(0);
        let send = |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            std::future::ready(if *count == 2 { away() } else { Sent::Taken })
        };
        deliver_rest(&queue, &Paused(Instant::now()), send).await;
        assert_eq!(*count.lock().unwrap(), 2);
        assert_eq!(queue.front().unwrap().id, "2");
    }
}
