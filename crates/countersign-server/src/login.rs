//! How does a sign-in through a browser go, from its link to its token?
//!
//! A login is one value. Everything that happens to it is a pure function on that value with the
//! time as an argument, so that whoever keeps it can compare and set:
//!
//! ```text
//! CREATED → OPENED → SIGNED_IN → APPROVED → BOUND → ISSUED → DONE
//!    any of them → DENIED, REPORTED, CANCELLED, EXPIRED, FAILED
//! ```
//!
//! The terminal is told by numbered events, which are kept so that they can be told again. Nothing
//! in here is a secret: of secrets only digests come in.

use std::net::IpAddr;

use countersign_proto::{time::UnixTime, token::Binding};
use serde::{Deserialize, Serialize};

use crate::config::LoginTimes;

mod asked;
pub(crate) use asked::{Asked, Seen, Ways};

mod course;
pub(crate) use course::Stage;
use course::{Connection, Course};

mod transaction;
pub(crate) use transaction::{Identity, Release, Transaction, View};

mod event;
pub(crate) use event::{Event, Numbered};

mod end;
pub(crate) use end::{End, Failure};

mod standing;

mod key;
pub(crate) use key::{LoginKey, TransactionSecret, is_same};

mod wire;

/// How often people may sign in to one login, and how often they may allow it: what it grows by.
const SIGN_INS: u32 = 16;
const APPROVALS: u32 = 16;

/// One sign-in through a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    asked: Asked,
    times: LoginTimes,
    created_at: UnixTime,
    course: Course,
    transactions: Vec<Transaction>,
    connection: Connection,
    tries_left: u32,
    sign_ins_left: u32,
    approvals_left: u32,
    events: Vec<Event>,
}

/// Why something cannot happen to a login. It stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has ended.
    Over,
    /// A newer connection counts.
    Superseded,
    /// Not in this state.
    NotExpected,
    /// No transaction of this login, or one whose time is over.
    Stranger,
    /// The value may not come this way.
    NotOffered,
    /// Often enough.
    TooMany,
}

/// What the terminal accepted: what a session is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) identity: Identity,
    /// Where the browser was.
    pub(crate) address: Option<IpAddr>,
    pub(crate) binding: Binding,
}

impl Login {
    /// A login whose terminal has proved its key, on its first connection.
    pub(crate) fn begin(asked: Asked, times: LoginTimes, now: UnixTime) -> Login {
        Login {
            asked,
            times,
            created_at: now,
            course: Course::Created,
            transactions: Vec::new(),
            connection: Connection::first(),
            tries_left: times.code_tries,
            sign_ins_left: SIGN_INS,
            approvals_left: APPROVALS,
            events: vec![Event::Session],
        }
    }

    /// Lets time pass: whatever has a deadline that is over comes to its end. Every function below
    /// is asked of a login whose time has passed.
    pub(crate) fn pass(&mut self, now: UnixTime) {
        if self.is_over() {
            return;
        }
        let ends = [
            Some(self.expires_at()),
            self.course.deadline(),
            self.connection.deadline(&self.times),
        ];
        if ends.into_iter().flatten().any(|end| now >= end) {
            return self.end(End::Expired);
        }
        let was_approved = self.stage() == Stage::Approved;
        for transaction in &mut self.transactions {
            transaction.pass(&self.times, now);
        }
        if was_approved && self.stage() != Stage::Approved {
            self.tell(Event::ValueExpired);
        }
    }

    /// A browser has opened the link. Only the first is remembered.
    pub(crate) fn open(&mut self, seen: Seen) -> Result<(), Unfit> {
        self.must_be_open()?;
        if self.course == Course::Created {
            self.course = Course::Opened;
            self.tell(Event::Opened { browser: seen });
        }
        Ok(())
    }

    /// A person has signed in: a transaction of this browser begins.
    pub(crate) fn sign_in(
        &mut self,
        digest: String,
        identity: Identity,
        seen: Seen,
        now: UnixTime,
    ) -> Result<(), Unfit> {
        self.must_be_open()?;
        self.sign_ins_left = self.sign_ins_left.checked_sub(1).ok_or(Unfit::TooMany)?;
        self.course = Course::Opened;
        let until = now.plus(self.times.review);
        self.transactions
            .push(Transaction::new(digest, identity, seen.address, until));
        self.tell(Event::SignedIn { browser: seen });
        Ok(())
    }

    /// The person allows it: from now on there is a value that releases the token, and it is the
    /// only one of this transaction.
    pub(crate) fn approve(
        &mut self,
        digest: &str,
        release: Release,
        now: UnixTime,
    ) -> Result<(), Unfit> {
        self.must_be_open()?;
        let binding = release.binding();
        if !self.asked.offers(binding) {
            return Err(Unfit::NotOffered);
        }
        let until = now.plus(match binding {
            Binding::Loopback => self.times.loopback,
            Binding::Code => self.times.code,
        });
        let transaction = self
            .transactions
            .iter_mut()
            .find(|transaction| transaction.is(digest))
            .ok_or(Unfit::Stranger)?;
        // A code is a second way of what was allowed already.
        let is_second = binding != self.asked.binding();
        if is_second && transaction.release().is_none() {
            return Err(Unfit::NotExpected);
        }
        self.approvals_left = self.approvals_left.checked_sub(1).ok_or(Unfit::TooMany)?;
        transaction.approve(release, until)?;
        self.tell(Event::NeedConfirm {
            binding: binding.into(),
            tries_left: self.tries_left,
        });
        Ok(())
    }

    /// The person did not start this. Answers the session that ends with it, if one was made.
    pub(crate) fn report(&mut self) -> Result<Option<String>, Unfit> {
        self.stop(End::Reported)
    }

    /// The person, or the identity provider, said no.
    pub(crate) fn deny(&mut self) -> Result<(), Unfit> {
        self.must_be_open()?;
        self.end(End::Denied);
        Ok(())
    }

    /// Who signed in may not have a token.
    pub(crate) fn refuse(&mut self, failure: Failure) -> Result<(), Unfit> {
        self.must_be_open()?;
        self.end(End::Failed(failure));
        Ok(())
    }

    /// The terminal brings a value. Its transaction is the one that counts from now on, and no
    /// other can be confirmed.
    pub(crate) fn confirm(
        &mut self,
        epoch: u64,
        binding: Binding,
        digest: &str,
        now: UnixTime,
    ) -> Result<(), Unfit> {
        self.must_be_current(epoch)?;
        self.must_be_open()?;
        if self.stage() != Stage::Approved {
            return Err(Unfit::NotExpected);
        }
        let confirmed = self
            .transactions
            .iter()
            .find(|transaction| transaction.is_released_by(binding, digest));
        let Some(confirmed) = confirmed else {
            self.tries_left = self.tries_left.saturating_sub(1);
            self.tell(Event::ConfirmResult {
                ok: false,
                tries_left: self.tries_left,
            });
            if self.tries_left == 0 {
                self.end(End::Failed(Failure::TooManyTries));
            }
            return Ok(());
        };
        let identity = confirmed.identity().clone();
        self.course = Course::Bound {
            by: confirmed.digest().to_owned(),
            binding: binding.into(),
            until: now.plus(self.times.accept),
        };
        self.forget_values();
        self.tell(Event::ConfirmResult {
            ok: true,
            tries_left: self.tries_left,
        });
        self.tell(Event::Identity(identity));
        Ok(())
    }

    /// Whom the terminal is about to accept.
    pub(crate) fn acceptable(&self, epoch: u64) -> Result<Accepted, Unfit> {
        self.must_be_current(epoch)?;
        match (&self.course, self.confirmed()) {
            (Course::Bound { binding, .. }, Some(confirmed)) => Ok(Accepted {
                identity: confirmed.identity().clone(),
                address: confirmed.address(),
                binding: binding.0,
            }),
            (Course::Done { .. } | Course::Ended(_), _) => Err(Unfit::Over),
            _ => Err(Unfit::NotExpected),
        }
    }

    /// The terminal accepts the identity: `session` was made for it, and waits to be acknowledged.
    pub(crate) fn accept(
        &mut self,
        epoch: u64,
        session: String,
        until: UnixTime,
    ) -> Result<(), Unfit> {
        self.acceptable(epoch)?;
        let Some(by) = self.course.confirmed_by().map(str::to_owned) else {
            return Err(Unfit::NotExpected);
        };
        self.course = Course::Issued { by, session, until };
        self.tell(Event::Token);
        Ok(())
    }

    /// The terminal does not want to be this person.
    pub(crate) fn reject(&mut self, epoch: u64) -> Result<(), Unfit> {
        self.acceptable(epoch)?;
        self.end(End::Failed(Failure::TurnedDown));
        Ok(())
    }

    /// Whom the terminal accepts may not have a token any more.
    pub(crate) fn fail(&mut self, epoch: u64, failure: Failure) -> Result<(), Unfit> {
        self.acceptable(epoch)?;
        self.end(End::Failed(failure));
        Ok(())
    }

    /// Somebody has ended the session before it was acknowledged.
    pub(crate) fn lapse(&mut self) -> Result<(), Unfit> {
        match self.course {
            Course::Issued { .. } => {
                self.end(End::Expired);
                Ok(())
            }
            _ => Err(Unfit::NotExpected),
        }
    }

    /// The terminal has the token. Answers the session that is acknowledged by it.
    pub(crate) fn receive(&mut self, epoch: u64) -> Result<String, Unfit> {
        self.must_be_current(epoch)?;
        match &self.course {
            Course::Issued { by, session, .. } => {
                let (by, session) = (by.clone(), session.clone());
                self.course = Course::Done { by };
                self.tell(Event::Bye);
                Ok(session)
            }
            Course::Done { .. } | Course::Ended(_) => Err(Unfit::Over),
            _ => Err(Unfit::NotExpected),
        }
    }

    /// The terminal gives up. Answers the session that ends with it, if one was made.
    pub(crate) fn cancel(&mut self, epoch: u64) -> Result<Option<String>, Unfit> {
        self.must_be_current(epoch)?;
        self.stop(End::Cancelled)
    }

    /// Another connection was proven by the key of this login. It counts from now on; answers its
    /// epoch.
    pub(crate) fn resume(&mut self, last_seq: u64) -> Result<u64, Unfit> {
        // Without the first event nobody can know how to resume.
        if last_seq == 0 || last_seq > self.last_seq() {
            return Err(Unfit::NotExpected);
        }
        Ok(self.connection.next())
    }

    /// A connection is gone. It matters only for the one that counts.
    pub(crate) fn leave(&mut self, epoch: u64, now: UnixTime) {
        if self.epoch() == epoch && !self.is_over() {
            self.connection.leave(now);
        }
    }

    fn confirmed(&self) -> Option<&Transaction> {
        self.transaction(self.course.confirmed_by()?)
    }

    fn must_be_open(&self) -> Result<(), Unfit> {
        match self.course {
            Course::Created | Course::Opened => Ok(()),
            Course::Bound { .. } | Course::Issued { .. } => Err(Unfit::NotExpected),
            Course::Done { .. } | Course::Ended(_) => Err(Unfit::Over),
        }
    }

    fn must_be_current(&self, epoch: u64) -> Result<(), Unfit> {
        if self.epoch() == epoch {
            Ok(())
        } else {
            Err(Unfit::Superseded)
        }
    }

    /// Ends what is under way. Answers the session that was made and is not acknowledged.
    fn stop(&mut self, end: End) -> Result<Option<String>, Unfit> {
        if self.is_over() {
            return Err(Unfit::Over);
        }
        let session = self.session().map(str::to_owned);
        self.end(end);
        Ok(session)
    }

    fn end(&mut self, end: End) {
        self.tell(Event::Ended(end.clone()));
        self.course = Course::Ended(end);
        self.forget_values();
    }

    /// A value dies with its transaction, and when one of them was used all have.
    fn forget_values(&mut self) {
        for transaction in &mut self.transactions {
            transaction.close();
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push(event);
    }
}

#[cfg(test)]
mod tests;
