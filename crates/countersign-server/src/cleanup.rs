//! How fast is forgotten what is over, so that nobody waits for it and nothing piles up?
//!
//! While some of it is forgotten, other writes wait: one writer has the SQLite store, and on
//! PostgreSQL the rows and their indexes are touched beside those of requests. So little is forgotten
//! at a time, with a rest after it that is many times as long. What piles up all the same shortens the
//! rest by half, again and again, until there is none; then more is forgotten at a time.

use std::time::Duration;

/// Rows at a time, while there is a rest. A few milliseconds of one writer.
const FEW: u32 = 16;
/// How often that is doubled at most: 512 rows, of which PostgreSQL locks the indexes for some tens of
/// milliseconds.
const DOUBLINGS: u32 = 5;
/// A rest is so many times as long as what it follows took, at first: of 100 writes less than two meet
/// a cleanup.
const RESTS: u32 = 64;
/// After so long without an end in sight it goes on twice as fast.
const HASTE_EVERY: Duration = Duration::from_secs(5);
/// Whatever the store took: somebody waits for the end of the cleanup when the platform stops.
const REST_MAX: Duration = Duration::from_secs(1);

/// How it goes on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Rows to be forgotten at a time. Fewer were there: that was all.
    pub(crate) rows: u32,
    rests: u32,
}

impl Pace {
    /// After there has been more to forget for so long.
    pub(crate) fn after(backlog_for: Duration) -> Pace {
        let haste = backlog_for.as_secs() / HASTE_EVERY.as_secs();
        let haste = u32::try_from(haste).unwrap_or(u32::MAX);
        // So many halvings leave no rest; what comes after them are doublings.
        let halvings = RESTS.ilog2() + 1;
        Pace {
            rows: FEW << haste.saturating_sub(halvings).min(DOUBLINGS),
            rests: RESTS >> haste.min(halvings),
        }
    }

    /// How long others have the store for themselves, after it took so long to forget some.
    pub(crate) fn rest(self, took: Duration) -> Duration {
        took.saturating_mul(self.rests).min(REST_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_goes_on_twice_as_fast_each_five_seconds_that_there_is_more() {
        for (seconds, rows, rest_of_2_ms) in [
            (0, 16, 128),
            (4, 16, 128),
            (5, 16, 64),
            (10, 16, 32),
            (15, 16, 16),
            (20, 16, 8),
            (25, 16, 4),
            (30, 16, 2),
            (34, 16, 2),
            (35, 16, 0),
            (40, 32, 0),
            (45, 64, 0),
            (60, 512, 0),
            (65, 512, 0),
            (86_400, 512, 0),
            (u64::MAX, 512, 0),
        ] {
            let pace = Pace::after(Duration::from_secs(seconds));
            assert_eq!(
                (pace.rows, pace.rest(2 * MS)),
                (rows, rest_of_2_ms * MS),
                "after {seconds} s"
            );
        }
    }

    #[test]
    fn a_rest_is_a_second_at_most_and_none_after_nothing() {
        let pace = Pace::after(Duration::ZERO);
        assert_eq!(pace.rest(Duration::from_secs(10)), Duration::from_secs(1));
        assert_eq!(pace.rest(Duration::MAX), Duration::from_secs(1));
        assert_eq!(pace.rest(Duration::ZERO), Duration::ZERO);
    }

    /// A store that needs 1 ms for whatever it forgets, and so much for each row.
    fn took(rows: u64, row: Duration) -> Duration {
        MS + row * u32::try_from(rows).unwrap()
    }

    /// The most rows that wait, when so many end each second for an hour and a cleanup begins each
    /// minute, as a running platform's does.
    fn most_waiting(ending_per_second: u64, row: Duration) -> u64 {
        let (mut now, mut waiting, mut most) = (Duration::ZERO, 0, 0);
        let mut ended = 0;
        let mut end = |now: Duration, waiting: &mut u64| {
            let all = now.as_millis() as u64 * ending_per_second / 1_000;
            *waiting += all - ended;
            ended = all;
        };
        while now < Duration::from_secs(3_600) {
            now += Duration::from_secs(60);
            end(now, &mut waiting);
            most = most.max(waiting);
            let begun = now;
            loop {
                let pace = Pace::after(now - begun);
                let forgotten = waiting.min(u64::from(pace.rows));
                let took = took(forgotten, row);
                waiting -= forgotten;
                now += took;
                end(now, &mut waiting);
                if forgotten < u64::from(pace.rows) {
                    break;
                }
                now += pace.rest(took);
                end(now, &mut waiting);
                most = most.max(waiting);
            }
        }
        most
    }

    #[test]
    fn nothing_piles_up_at_rates_beyond_what_a_platform_was_ever_measured_at() {
        // Rows that end each second: an exchange with a proof leaves two, and a platform on two cores
        // makes fewer than two thousand of them.
        for ending in [1, 100, 1_000, 4_000, 8_000] {
            // What ends while none is forgotten, and while the pace picks up.
            let bound = ending * (60 + 60);
            let most = most_waiting(ending, MS / 20);
            assert!(most <= bound, "{ending} a second: {most} wait");
        }
    }

    #[test]
    fn of_what_little_load_leaves_less_than_two_in_a_hundred_milliseconds_are_a_cleanup() {
        let pace = Pace::after(Duration::ZERO);
        let took = took(u64::from(pace.rows), MS / 20);
        let share = took.as_secs_f64() / (took + pace.rest(took)).as_secs_f64();
        assert!(share < 0.02, "{share}");
    }
}
