//! Does a person sign in with a browser from a terminal, and from where there is none?

pub(crate) mod place;

mod cancelled;
mod code;
mod kept;
pub(crate) use kept::age;
mod loopback;
mod moved;
mod refused;
mod secrets;
mod two_at_once;
