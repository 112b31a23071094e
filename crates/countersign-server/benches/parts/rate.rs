//! How many answers come back in a second?

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_bench::time;
use tokio::runtime::Runtime;

use super::load::{Caller, Requests};

const CONNECTIONS: usize = 64;

/// Sends every request once, as fast as it goes: answers a second.
pub(crate) fn rate(runtime: &Runtime, to: SocketAddr, requests: &Requests) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let ((), elapsed) = time(|| {
        runtime.block_on(async {
            let callers: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
                    tokio::spawn(async move {
                        let mut caller = Caller::of(to).await;
                        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed))
                        {
                            caller.ask(request).await;
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.expect("a caller ends well");
            }
        });
    });
    requests.len() as f64 / elapsed.as_secs_f64()
}
