//! Where does a request come from, as far as it is counted?
//!
//! A source is an IPv4 address or an IPv6 network of 64 bits, as the socket says: headers that a
//! client can write are not believed.

use std::{fmt, net::IpAddr};

/// Where requests and connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(u64);

impl Source {
    /// Whoever is not known is one source.
    pub(crate) fn of(peer: Option<IpAddr>) -> Source {
        match peer.map(|address| address.to_canonical()) {
            // The prefix ::/32 is not routed, so that no IPv6 network is taken for an IPv4 address.
            Some(IpAddr::V4(address)) => Source(u64::from(address.to_bits())),
            Some(IpAddr::V6(address)) => {
                Source(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX))
            }
            None => Source(u64::MAX),
        }
    }

    /// In which of `lines` lines it stands.
    pub(crate) fn spread(self, lines: usize) -> usize {
        // Addresses of one network differ in their last bits.
        usize::try_from(self.0 % (lines.max(1) as u64)).unwrap_or(0)
    }
}

/// As the store counts by it.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
