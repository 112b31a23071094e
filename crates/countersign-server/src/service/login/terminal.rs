//! What may a terminal do that has proved its key, and what follows?

use std::net::IpAddr;

use countersign_proto::{
    login::{ConfirmValue, VerifiedResume},
    opaque::TokenId,
    scope::Scope,
    time::UnixTime,
    token::{Binding, TokenKind},
};

use super::{Wakeup, permits, stored, told, told::News};
use crate::{
    Platform, audit,
    login::{Accepted, Asked, End, Failure, Stage, Unfit, is_same},
    random,
    refresh::{self, Beginning},
    refusal::Fault,
    store::{SessionRow, SessionState},
};

/// A connection that was proven by the key of a login.
pub(crate) struct Terminal {
    id: String,
    epoch: u64,
}

/// Why a connection is not proven for a login.
#[derive(Debug)]
pub(crate) enum NotResumed {
    /// There is no such login of this key. Which of the two is not told.
    Unknown,
    /// It was not told what the terminal says it was.
    NotExpected,
    Fault(Fault),
}

/// Takes a connection for that of its login. An earlier one counts no more. Answers the number of
/// the last event, too.
///
/// # Errors
/// [`NotResumed`]
pub(crate) async fn resume(
    platform: &Platform,
    proof: &VerifiedResume,
) -> Result<(Terminal, u64), NotResumed> {
    let id = platform.login_key()?.id(&proof.resume().sid);
    let resumed = stored::change(platform, &id, |login, _, _| {
        if !is_same(&login.asked().proof, proof.thumbprint()) {
            return Err(Unfit::Stranger);
        }
        let epoch = login.resume(proof.resume().last_seq)?;
        Ok((epoch, login.last_seq()))
    })
    .await?;
    match resumed {
        Ok((epoch, last_seq)) => Ok((Terminal { id, epoch }, last_seq)),
        Err(Unfit::NotExpected) => Err(NotResumed::NotExpected),
        Err(_) => Err(NotResumed::Unknown),
    }
}

impl Terminal {
    /// The connection that began a login.
    pub(crate) fn new(id: String, epoch: u64) -> Terminal {
        Terminal { id, epoch }
    }

    /// From now on no change of the login is missed.
    pub(crate) fn wakeup(&self, platform: &Platform) -> Wakeup {
        let store = platform.store().as_ref();
        platform.logins().wakeups().of(&self.id, store)
    }

    /// What happened after `seq`.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn news(&self, platform: &Platform, seq: u64) -> Result<News, Fault> {
        told::news(platform, &self.id, self.epoch, seq).await
    }

    /// Brings a value.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn confirm(
        &self,
        platform: &Platform,
        binding: Binding,
        value: &ConfirmValue,
        peer: Option<IpAddr>,
    ) -> Result<Result<(), Unfit>, Fault> {
        let digest = platform.login_key()?.value(value, binding);
        let peer = platform.observed(peer);
        stored::change(platform, &self.id, |login, beside, now| {
            let who = login.approver().unwrap_or_default().to_owned();
            login.confirm(self.epoch, binding, &digest, now)?;
            if let Some(end @ End::Failed(Failure::TooManyTries)) = login.ended() {
                let entry = audit::login_refused(&who, end.reason(), peer, now);
                beside.audit.push(entry);
            }
            Ok(())
        })
        .await
    }

    /// Accepts the identity: the session is made, in the same write.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn accept(
        &self,
        platform: &Platform,
        peer: Option<IpAddr>,
    ) -> Result<Result<(), Unfit>, Fault> {
        let (id, jti) = (random::opaque_id(platform.now())?, random::token_id()?);
        let peer = platform.observed(peer);
        let mut fault = None;
        let accepted = stored::change(platform, &self.id, |login, beside, now| {
            if self.epoch == login.epoch() && login.stage() == Stage::Issued {
                return Ok(());
            }
            let accepted = login.acceptable(self.epoch)?;
            let who = &accepted.identity.principal;
            let permitted = permits(
                platform.settings().session.binding,
                &platform.registry(),
                who,
                login.asked(),
                accepted.binding,
            );
            if let Err(failure) = permitted {
                let entry = audit::login_refused(who, failure.reason(), peer, now);
                beside.audit.push(entry);
                return login.fail(self.epoch, failure);
            }
            let beginning = beginning(login.asked(), accepted, id, jti.clone(), now);
            match session(platform, beginning) {
                Ok(session) => {
                    login.accept(self.epoch, session.id.clone(), session.pending_until)?;
                    beside.audit.push(audit::session_started(&session, peer));
                    beside.new_session = Some(session);
                    Ok(())
                }
                Err(error) => {
                    fault = Some(error);
                    Err(Unfit::NotExpected)
                }
            }
        })
        .await?;
        match fault {
            Some(fault) => Err(fault),
            None => {
                if accepted.is_ok() {
                    platform.metrics().issued(TokenKind::Interactive);
                }
                Ok(accepted)
            }
        }
    }

    /// Does not accept it.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn reject(
        &self,
        platform: &Platform,
        peer: Option<IpAddr>,
    ) -> Result<Result<(), Unfit>, Fault> {
        let peer = platform.observed(peer);
        stored::change(platform, &self.id, |login, beside, now| {
            let who = login.acceptable(self.epoch)?.identity.principal;
            login.reject(self.epoch)?;
            let reason = Failure::TurnedDown.reason();
            beside
                .audit
                .push(audit::login_refused(&who, reason, peer, now));
            Ok(())
        })
        .await
    }

    /// Has the token: from now on it is good.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn received(&self, platform: &Platform) -> Result<Result<(), Unfit>, Fault> {
        let received = stored::change(platform, &self.id, |login, beside, _| {
            if self.epoch == login.epoch() && login.stage() == Stage::Done {
                return Ok(());
            }
            beside.acknowledge = Some(login.receive(self.epoch)?);
            Ok(())
        })
        .await?;
        if received == Err(Unfit::Over) {
            self.lapse_if_ended(platform).await?;
        }
        Ok(received)
    }

    /// Gives up. A session that was made for it ends.
    ///
    /// # Errors
    /// [`Unfit`], or the store does not answer.
    pub(crate) async fn cancel(&self, platform: &Platform) -> Result<Result<(), Unfit>, Fault> {
        stored::change(platform, &self.id, |login, beside, now| {
            let who = login.principal().unwrap_or_default().to_owned();
            let session = login.cancel(self.epoch)?;
            beside.end_with(session, &who, End::Cancelled.reason(), now);
            Ok(())
        })
        .await
    }

    /// Is gone. It may come back.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn leave(&self, platform: &Platform) -> Result<(), Fault> {
        let left = stored::change(platform, &self.id, |login, _, now| {
            login.leave(self.epoch, now);
            Ok(())
        });
        left.await.map(drop)
    }

    /// A session that somebody has ended meanwhile cannot be acknowledged.
    async fn lapse_if_ended(&self, platform: &Platform) -> Result<(), Fault> {
        let Some(row) = platform.store().login(&self.id).await? else {
            return Ok(());
        };
        let login = stored::read(&row)?;
        let Some(id) = login.session() else {
            return Ok(());
        };
        let session = platform.store().session(id).await?;
        if session.is_some_and(|session| session.state == SessionState::Pending) {
            return Ok(());
        }
        let lapsed = stored::change(platform, &self.id, |login, _, _| login.lapse());
        lapsed.await.map(drop)
    }
}

fn beginning(
    asked: &Asked,
    accepted: Accepted,
    id: TokenId,
    jti: String,
    now: UnixTime,
) -> Beginning {
    Beginning {
        id,
        jti,
        now,
        principal: accepted.identity.principal,
        proof: asked.proof.clone(),
        scope: Scope::parse(&asked.scope).unwrap_or_default(),
        binding: accepted.binding,
        address: accepted.address.map(|address| address.to_string()),
        client: asked.client.to_string(),
        provider: accepted.identity.provider,
    }
}

fn session(platform: &Platform, beginning: Beginning) -> Result<SessionRow, Fault> {
    let settings = platform.settings();
    refresh::new_session(
        beginning,
        &settings.session,
        &settings.token,
        platform.secrets(),
        &settings.tokens.prefix,
    )
}

impl<E: Into<Fault>> From<E> for NotResumed {
    fn from(error: E) -> NotResumed {
        NotResumed::Fault(error.into())
    }
}
