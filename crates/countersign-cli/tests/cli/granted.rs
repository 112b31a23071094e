//! Is what is typed about granted tokens understood, or refused before anything is sent?

mod bad_input;
mod strings;
