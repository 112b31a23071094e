//! How does a login stand, for the terminal, for a browser, for whoever keeps it?

use countersign_proto::time::UnixTime;

use super::{Asked, Course, End, Login, Numbered, Stage, Transaction, View};

impl Login {
    /// What the terminal was told after `seq`.
    pub(crate) fn events_after(&self, seq: u64) -> impl Iterator<Item = Numbered<'_>> {
        let told = usize::try_from(seq).unwrap_or(usize::MAX);
        (1..)
            .zip(&self.events)
            .skip(told)
            .map(|(seq, event)| Numbered { seq, event })
    }

    /// The number of the last event.
    pub(crate) fn last_seq(&self) -> u64 {
        self.events.len() as u64
    }

    /// What was asked for.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// When it began.
    pub(crate) fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// When it ends at the latest.
    pub(crate) fn expires_at(&self) -> UnixTime {
        self.created_at.plus(self.times.total)
    }

    /// When it ends if nothing happens: earlier when its terminal is away, or has to answer.
    pub(crate) fn ends_by(&self) -> UnixTime {
        [
            self.course.deadline(),
            self.connection.deadline(&self.times),
        ]
        .into_iter()
        .flatten()
        .fold(self.expires_at(), UnixTime::min)
    }

    /// Which connection counts.
    pub(crate) fn epoch(&self) -> u64 {
        self.connection.epoch()
    }

    /// How it ended, if it ended without a token.
    pub(crate) fn ended(&self) -> Option<&End> {
        match &self.course {
            Course::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// The session that was made and is not acknowledged.
    pub(crate) fn session(&self) -> Option<&str> {
        match &self.course {
            Course::Issued { session, .. } => Some(session),
            _ => None,
        }
    }

    /// The transaction with this digest.
    pub(crate) fn transaction(&self, digest: &str) -> Option<&Transaction> {
        self.transactions
            .iter()
            .find(|transaction| transaction.is(digest))
    }

    /// Whom the token would stand for, once a browser was confirmed.
    pub(crate) fn principal(&self) -> Option<&str> {
        self.confirmed().map(|it| it.identity().principal.as_str())
    }

    /// Who has allowed it, as long as the value is waited for.
    pub(crate) fn approver(&self) -> Option<&str> {
        let mut allowed = self.transactions.iter();
        allowed
            .find(|transaction| transaction.release().is_some())
            .map(|transaction| transaction.identity().principal.as_str())
    }

    /// Whether no browser has opened the link yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.course == Course::Created
    }

    /// What the browser of a transaction is shown.
    pub(crate) fn view(&self, digest: &str) -> Option<View<'_>> {
        let transaction = self.transaction(digest)?;
        if let Some(end) = self.ended() {
            return Some(View::Ended(end));
        }
        let is_confirmed = self.course.confirmed_by() == Some(transaction.digest());
        Some(match &self.course {
            Course::Bound { .. } | Course::Issued { .. } | Course::Done { .. } if !is_confirmed => {
                View::Elsewhere
            }
            Course::Bound { .. } | Course::Issued { .. } => View::Confirmed,
            Course::Done { .. } => View::Done,
            _ => transaction.view(),
        })
    }

    /// Its state, by name.
    pub(crate) fn stage(&self) -> Stage {
        match &self.course {
            Course::Created => Stage::Created,
            Course::Opened => self
                .transactions
                .iter()
                .filter_map(Transaction::stage)
                .max()
                .unwrap_or(Stage::Opened),
            Course::Bound { .. } => Stage::Bound,
            Course::Issued { .. } => Stage::Issued,
            Course::Done { .. } => Stage::Done,
            Course::Ended(end) => end.stage(),
        }
    }

    /// Whether nothing more can happen.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.course, Course::Done { .. } | Course::Ended(_))
    }

    /// The next moment at which time alone changes something.
    pub(crate) fn next_deadline(&self) -> Option<UnixTime> {
        if self.is_over() {
            return None;
        }
        self.transactions
            .iter()
            .filter_map(Transaction::deadline)
            .chain(self.course.deadline())
            .chain(self.connection.deadline(&self.times))
            .chain([self.expires_at()])
            .min()
    }
}
