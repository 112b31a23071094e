//! How does a session begin, which refresh token follows which, and what when one comes again?
//!
//! Pure. A session counts its refreshes by its generation. Its refresh token of generation n is
//! used to reach n + 1, and the token of n + 1 is derived from that of n, under a key that is not in
//! the store: so an answer that was lost is given again, and nothing is counted twice.

mod beginning;
pub(crate) use beginning::{Beginning, new_session};

mod succession;
pub(crate) use succession::{digest_of, digests_of, first_token, kept_of, successor};

mod judgement;
pub use judgement::LiveSession;
pub(crate) use judgement::{Denial, Presented, Verdict, judge};
