//! What may a granted token do now, and who may grant which?
//!
//! A token never carries more than its owner has now, and nobody grants what he has not: neither by
//! a permission, nor by the name of a role, nor by a later end than that of his own token.

mod rights;
pub(crate) use rights::{Api, Carried, Rights, rights};

mod terms;
pub(crate) use terms::{Facts, GrantRefusal, Grantor, Predecessor, Terms, describe, grant, renew};

mod owner;

mod lifetime;
pub(crate) use lifetime::in_words;

#[cfg(test)]
mod tests;
