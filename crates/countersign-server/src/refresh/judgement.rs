//! What follows when a refresh token is presented?

use std::time::Duration;

use countersign_proto::time::UnixTime;

use crate::store::{SessionRow, SessionState};

/// How long a refresh token is refused without effect once its successor was used: an honest
/// duplicate may be under way.
const GRACE: Duration = Duration::from_secs(60);

/// A session that lives, of which a token may be signed. Only a judgement, a counted refresh or a
/// login that was completed makes one.
///
/// ```compile_fail,E0451
/// # use countersign_server::LiveSession;
/// fn without_a_judgement() -> LiveSession {
///     LiveSession { row: panic!() }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    row: SessionRow,
}

/// Which refresh token of a session was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// The newest.
    Current,
    /// An earlier one.
    Past {
        /// When the one after it was used for the first time.
        successor_used_at: Option<UnixTime>,
    },
    /// None of this session's.
    Unknown,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The session goes on by one generation, unless somebody else was faster.
    Advance,
    /// An answer was lost: the same successor again, and the same access token. Nothing is counted.
    SameAgain(Box<LiveSession>),
    /// Nothing is given.
    Refused(Denial),
}

/// Why nothing is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// It is no refresh token of this session.
    Unknown,
    /// The proof is by another key: somebody has a token that is not his. Ends nothing, since
    /// otherwise whoever finds a token could end its session.
    WrongKey,
    /// The terminal has not acknowledged the token of the login.
    Pending,
    /// The session has ended.
    Ended,
    /// It was refreshed as often as it may be.
    LimitReached,
    /// The successor was used a moment ago.
    Superseded,
    /// It came again long after its successor was used, when no honest holder would present it: the
    /// session must end.
    Reused,
    /// It came again when the access token of its successor was dead, and the successor never used:
    /// the session must end, unless the successor is used meanwhile.
    Stale,
}

/// Judges a presented refresh token by tokens.md, "Refresh counting". `proof` is the thumbprint of
/// the key that proved itself; `idle` is how long a session may rest.
pub(crate) fn judge(
    session: &SessionRow,
    presented: Presented,
    proof: &str,
    idle: Duration,
    now: UnixTime,
) -> Verdict {
    use Verdict::Refused;
    if presented == Presented::Unknown {
        return Refused(Denial::Unknown);
    }
    if session.proof != proof {
        return Refused(Denial::WrongKey);
    }
    match session.state {
        SessionState::Pending => return Refused(Denial::Pending),
        SessionState::Ended => return Refused(Denial::Ended),
        SessionState::Active => {}
    }
    if now >= session.ends_at || now >= session.refreshed_at.plus(idle) {
        return Refused(Denial::Ended);
    }
    match presented {
        Presented::Current if session.generation >= session.refresh_limit => {
            Refused(Denial::LimitReached)
        }
        Presented::Current => Verdict::Advance,
        Presented::Past {
            successor_used_at: Some(used_at),
        } if now < used_at.plus(GRACE) => Refused(Denial::Superseded),
        Presented::Past {
            successor_used_at: Some(_),
        } => Refused(Denial::Reused),
        Presented::Past {
            successor_used_at: None,
        } if now < session.expires_at => Verdict::SameAgain(Box::new(LiveSession {
            row: session.clone(),
        })),
        Presented::Past { .. } => Refused(Denial::Stale),
        Presented::Unknown => Refused(Denial::Unknown),
    }
}

impl LiveSession {
    /// The session of a login whose token is delivered, or delivered again: not acknowledged yet, or
    /// acknowledged and never refreshed. `None` when that time is over.
    pub(crate) fn of_login(row: SessionRow, now: UnixTime) -> Option<LiveSession> {
        let alive = match row.state {
            SessionState::Pending => now <= row.pending_until,
            SessionState::Active => row.generation == 0 && now < row.expires_at,
            SessionState::Ended => false,
        };
        alive.then_some(LiveSession { row })
    }

    /// The session as the store answered that its refresh was counted.
    pub(crate) fn advanced(row: SessionRow) -> LiveSession {
        LiveSession { row }
    }

    /// The session of an access token or a refresh token that is asked about: acknowledged, not
    /// ended, and before its end.
    pub(crate) fn standing(row: SessionRow, now: UnixTime) -> Option<LiveSession> {
        let alive = row.state == SessionState::Active && now < row.ends_at;
        alive.then_some(LiveSession { row })
    }

    /// What the store has of it.
    pub(crate) fn row(&self) -> &SessionRow {
        &self.row
    }

    /// What the store has of it.
    pub(crate) fn into_row(self) -> SessionRow {
        self.row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session in generation 3 of 5, refreshed at 1000, whose access token ends at 1600, which
    /// ends at 9000, and whose key is `mine`.
    fn session() -> SessionRow {
        let at = UnixTime::from_secs;
        SessionRow {
            id: "02wq5mOzTzPWGCpJqKQcwj".to_owned(),
            principal: "anna".to_owned(),
            proof: "mine".to_owned(),
            scope: String::new(),
            binding: "loopback".to_owned(),
            address: None,
            client: String::new(),
            provider: String::new(),
            created_at: at(400),
            ends_at: at(9000),
            refresh_limit: 5,
            generation: 3,
            state: SessionState::Active,
            end_reason: None,
            ended_at: None,
            pending_until: at(460),
            secret: vec![3; 32],
            pepper_version: 1,
            key_version: 1,
            jti: "jti-3".to_owned(),
            issued_at: at(1000),
            expires_at: at(1600),
            refreshed_at: at(1000),
        }
    }

    const IDLE: Duration = Duration::from_secs(5000);

    fn judged(session: &SessionRow, presented: Presented, proof: &str, now: u64) -> Verdict {
        judge(session, presented, proof, IDLE, UnixTime::from_secs(now))
    }

    fn past(successor_used_at: Option<u64>) -> Presented {
        Presented::Past {
            successor_used_at: successor_used_at.map(UnixTime::from_secs),
        }
    }

    const REFUSED: fn(Denial) -> Verdict = Verdict::Refused;

    // security.md 65, 67
    #[test]
    fn each_refresh_counts_once_and_an_old_token_is_reuse() {
        use Denial as D;
        let same = || Verdict::SameAgain(Box::new(LiveSession { row: session() }));
        let table = [
            // The newest token counts, however long its access token is dead.
            (Presented::Current, 1000, Verdict::Advance),
            (Presented::Current, 1600, Verdict::Advance),
            (Presented::Current, 5999, Verdict::Advance),
            // The one before it, while the newest was never used: the same again, to the last
            // second of its access token.
            (past(None), 1000, same()),
            (past(None), 1599, same()),
            (past(None), 1600, REFUSED(D::Stale)),
            // Once the newest was used, a duplicate is without effect for 60 s.
            (past(Some(1500)), 1500, REFUSED(D::Superseded)),
            (past(Some(1500)), 1559, REFUSED(D::Superseded)),
            (past(Some(1500)), 1560, REFUSED(D::Reused)),
            // Also when the clock was set back.
            (past(Some(1500)), 1100, REFUSED(D::Superseded)),
            // What is not known is neither.
            (Presented::Unknown, 1000, REFUSED(D::Unknown)),
        ];
        for (presented, now, expected) in table {
            let verdict = judged(&session(), presented, "mine", now);
            assert_eq!(verdict, expected, "{presented:?} at {now}");
        }
    }

    // security.md 66
    #[test]
    fn a_wrong_key_is_refused_whatever_it_presents() {
        for presented in [Presented::Current, past(None), past(Some(1))] {
            let verdict = judged(&session(), presented, "another", 1000);
            assert_eq!(verdict, REFUSED(Denial::WrongKey), "{presented:?}");
        }
        let unknown = judged(&session(), Presented::Unknown, "another", 1000);
        assert_eq!(unknown, REFUSED(Denial::Unknown));
    }

    // security.md 65
    #[test]
    fn the_last_refresh_is_given_again_and_none_follows_it() {
        let mut spent = session();
        spent.generation = 5;
        let current = judged(&spent, Presented::Current, "mine", 1000);
        assert_eq!(current, REFUSED(Denial::LimitReached));
        let again = judged(&spent, past(None), "mine", 1000);
        let same = Verdict::SameAgain(Box::new(LiveSession { row: spent }));
        assert_eq!(again, same);
        let mut never = session();
        (never.generation, never.refresh_limit) = (0, 0);
        let first = judged(&never, Presented::Current, "mine", 1000);
        assert_eq!(first, REFUSED(Denial::LimitReached));
    }

    // security.md 68
    #[test]
    fn a_session_ends_at_its_end_and_when_it_rested_too_long() {
        for presented in [Presented::Current, past(None), past(Some(900))] {
            // It rests since 1000.
            let rested = judged(&session(), presented, "mine", 6000);
            assert_eq!(rested, REFUSED(Denial::Ended), "{presented:?}");
            let mut refreshed = session();
            refreshed.refreshed_at = UnixTime::from_secs(8999);
            let ended = judged(&refreshed, presented, "mine", 9000);
            assert_eq!(ended, REFUSED(Denial::Ended), "{presented:?}");
        }
        let mut refreshed = session();
        refreshed.refreshed_at = UnixTime::from_secs(8999);
        let alive = judged(&refreshed, Presented::Current, "mine", 8999);
        assert_eq!(alive, Verdict::Advance);
    }

    // login.md R5
    #[test]
    fn a_session_that_is_pending_or_has_ended_gives_nothing() {
        for (state, denial) in [
            (SessionState::Pending, Denial::Pending),
            (SessionState::Ended, Denial::Ended),
        ] {
            let mut row = session();
            row.state = state;
            for presented in [Presented::Current, past(None), past(Some(900))] {
                let verdict = judged(&row, presented, "mine", 1000);
                assert_eq!(verdict, REFUSED(denial), "{presented:?}");
            }
        }
    }

    // login.md R5
    #[test]
    fn the_token_of_a_login_is_delivered_until_it_is_acknowledged_or_too_old() {
        let table = [
            (SessionState::Pending, 0, 460, true),
            (SessionState::Pending, 0, 461, false),
            (SessionState::Active, 0, 461, true),
            (SessionState::Active, 0, 1600, false),
            (SessionState::Active, 1, 461, false),
            (SessionState::Ended, 0, 460, false),
        ];
        for (state, generation, now, alive) in table {
            let mut row = session();
            (row.state, row.generation) = (state, generation);
            let live = LiveSession::of_login(row, UnixTime::from_secs(now));
            assert_eq!(live.is_some(), alive, "{state:?} {generation} at {now}");
        }
    }

    // login.md R5
    #[test]
    fn only_an_acknowledged_session_stands_behind_a_token() {
        let table = [
            (SessionState::Active, 8999, true),
            (SessionState::Active, 9000, false),
            (SessionState::Pending, 500, false),
            (SessionState::Ended, 500, false),
        ];
        for (state, now, alive) in table {
            let mut row = session();
            row.state = state;
            let live = LiveSession::standing(row, UnixTime::from_secs(now));
            assert_eq!(live.is_some(), alive, "{state:?} at {now}");
        }
    }
}
