//! How long does an answer take?

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::load::{Caller, Requests};

const CONNECTIONS: usize = 64;

/// Sends every request once at its own moment, `every` after the one before, on as many connections
/// as that takes: how long each took from its moment to its answer. A server that is held up is not
/// asked less.
pub(crate) async fn latencies(
    to: Vec<SocketAddr>,
    requests: Requests,
    every: Duration,
) -> Vec<Duration> {
    let begin = Instant::now() + every;
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
            let to = to[number % to.len()];
            tokio::spawn(async move {
                let mut caller = Caller::of(to).await;
                let mut took = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(number) else {
                        return took;
                    };
                    let due = begin + every * u32::try_from(number).expect("few requests");
                    sleep_until(due).await;
                    caller.ask(request).await;
                    took.push(due.elapsed());
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.expect("a caller ends well"));
    }
    all
}
