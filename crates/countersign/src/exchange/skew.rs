//! How far is the server's clock from ours, and when does that matter?

use std::sync::atomic::{AtomicI64, Ordering};

use countersign_proto::{
    oauth_error::{OAuthError, Reason},
    time::UnixTime,
};

/// How far the server's clock is ahead of ours, in seconds.
#[derive(Default)]
pub(crate) struct Skew(AtomicI64);

/// A difference that is no reason to sign anew.
const TOLERATED_S: u64 = 10;
/// A server that is further away than this is not believed.
const BELIEVED_S: u64 = 24 * 3600;

impl Skew {
    pub(crate) fn correct(&self, now: UnixTime) -> UnixTime {
        let ahead = self.0.load(Ordering::Relaxed);
        UnixTime::from_secs(now.as_secs().saturating_add_signed(ahead))
    }

    /// Takes the server's time from a refusal. Whether it makes a difference to what was signed.
    pub(crate) fn learn(
        &self,
        now: UnixTime,
        refusal: &OAuthError,
        headers: &http::HeaderMap,
    ) -> bool {
        let dated = headers
            .get(http::header::DATE)
            .and_then(|date| date.to_str().ok())
            .and_then(UnixTime::from_http_date);
        let Some(theirs) = refusal.server_time.or(dated) else {
            return false;
        };
        let told = refusal.reason == Some(Reason::ClockSkew);
        let off = theirs.as_secs().abs_diff(self.correct(now).as_secs());
        if (off <= TOLERATED_S && !(told && off > 0))
            || theirs.as_secs().abs_diff(now.as_secs()) > BELIEVED_S
        {
            return false;
        }
        let (ahead, behind) = (theirs.since(now).as_secs(), now.since(theirs).as_secs());
        let ahead = i64::try_from(ahead).unwrap_or(0) - i64::try_from(behind).unwrap_or(0);
        tracing::warn!(
            ahead_s = ahead,
            "the server's clock differs from this machine's; assertions are dated by the server's"
        );
        self.0.store(ahead, Ordering::Relaxed);
        true
    }
}
