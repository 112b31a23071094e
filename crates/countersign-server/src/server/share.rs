//! Has this source its share of the connections?

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::source::Source;

/// How many connections each source holds. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shares {
    most: usize,
    held: Arc<Mutex<HashMap<Source, usize>>>,
}

/// One connection of a source, counted until it is dropped.
pub(super) struct Share {
    source: Source,
    held: Arc<Mutex<HashMap<Source, usize>>>,
}

impl Shares {
    /// At most so many connections for each source.
    pub(super) fn new(most: usize) -> Shares {
        Shares {
            most,
            held: Arc::default(),
        }
    }

    /// One more, unless the source has its share.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Share> {
        let source = Source::of(Some(peer));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(source).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share {
            source,
            held: Arc::clone(&self.held),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gets_its_share_and_gives_it_back() {
        let shares = Shares::new(2);
        let one = "192.0.2.1".parse().unwrap();
        let first = shares.take(one);
        let second = shares.take(one);
        assert!(first.is_some() && second.is_some());
        assert!(shares.take(one).is_none());
        assert!(shares.take("192.0.2.2".parse().unwrap()).is_some());
        drop(first);
        assert!(shares.take(one).is_some());
        drop(second);
        assert!(
            shares.held.lock().unwrap().is_empty(),
            "nothing is kept of who is gone"
        );
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let shares = Shares::new(1);
        let _held = shares.take("2001:db8::1".parse().unwrap()).unwrap();
        assert!(shares.take("2001:db8::2".parse().unwrap()).is_none());
        assert!(shares.take("2001:db8:0:1::2".parse().unwrap()).is_some());
    }
}
