//! How is the string of a granted token made, by what is it known again, and what of it does a node remember?

use crate::config::TokenRules;

pub(crate) mod digest;

mod mint;
pub(crate) use mint::{mint, opaque_kind};

mod cache;
pub(crate) use cache::{KnownToken, TokenCache, TokenKey};

mod uses;
pub(crate) use uses::TokenUses;

mod refused;
pub(crate) use refused::RefusedUses;

#[cfg(test)]
pub(crate) mod fixtures;

/// What one node remembers of granted tokens, beside the store.
pub(crate) struct Memory {
    pub(crate) cache: TokenCache,
    pub(crate) uses: TokenUses,
    pub(crate) refused: RefusedUses,
}

impl Memory {
    /// Nothing yet.
    pub(crate) fn new(rules: &TokenRules) -> Memory {
        Memory {
            cache: TokenCache::new(rules.cache_max as usize),
            uses: TokenUses::default(),
            refused: RefusedUses::default(),
        }
    }
}
