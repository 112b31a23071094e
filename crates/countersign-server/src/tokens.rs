//! How is the string of a granted token made, and by what is it known again?

pub(crate) mod digest;

mod mint;
pub(crate) use mint::{mint, opaque_kind};

#[cfg(test)]
pub(crate) mod fixtures;
