//! What may the platform say next, and what does the terminal answer?
//!
//! No socket and no clock: what was heard goes in, what happened and what is to be sent come out.
//! What the platform says is held against what it said before, and against what was asked of it.

use std::{collections::VecDeque, time::Duration};

use countersign_proto::{
    exchange::TokenResponse,
    login::{
        ClientMessage, ConfirmValue, LoginErrorCode, LoginStatus, ServerBody, ServerMessage, label,
    },
    metadata::check_issuer,
    scope::Scope,
    time::UnixTime,
    token::{Binding, TokenKind},
};
use url::Url;
use zeroize::Zeroizing;

use super::{InteractiveToken, LoginEvent, socket::not_usable};
use crate::{Error, ErrorKind, Token, TokenObject};

/// No login is waited for longer than this, whatever the platform says.
const LIFETIME_MAX: Duration = Duration::from_secs(3600);

/// What the platform says about a login when it begins.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) sid: String,
    pub(super) url: Url,
    pub(super) label: String,
    pub(super) lifetime: Duration,
    seq: u64,
    bind: Binding,
    fallback: Option<Binding>,
}

/// Something that the terminal says.
#[derive(Debug)]
pub(super) enum Said {
    Confirm(ConfirmValue),
    Accept,
    Reject,
    Cancel,
}

/// One login, as far as it is talk.
#[derive(Debug)]
pub(super) struct Conversation {
    issuer: String,
    session: Session,
    expected: Option<String>,
    stage: Stage,
    /// The highest number that was taken in.
    last_seq: u64,
    /// What was said and not answered; said again on a new connection.
    unanswered: Option<ClientMessage>,
    to_send: VecDeque<ClientMessage>,
    line: Line,
    /// How it will end, although the platform has not said so yet.
    ending: Option<Error>,
}

/// Whether what is said arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Up,
    Down,
    /// Something was missed, up to this number. What is unanswered may have been answered there.
    CatchingUp(u64),
}

#[derive(Debug)]
enum Stage {
    /// For something to happen in a browser.
    Waiting {
        code_wanted: bool,
    },
    /// The value was right; the identity follows.
    Confirmed,
    /// Somebody signed in, and is neither accepted nor rejected.
    Shown(Shown),
    Accepted(Shown),
    Rejected,
    /// The token is here; the platform does not know that yet.
    Holding(Box<InteractiveToken>),
    Done,
}

/// Who signed in, as it was shown.
#[derive(Clone, Debug)]
struct Shown {
    principal: String,
    scope: Option<Scope>,
}

impl Session {
    /// Reads the platform's first event, and holds it against the issuer and what was offered.
    pub(super) fn read(
        message: ServerMessage,
        issuer: &str,
        offered: &[Binding],
    ) -> Result<Session, Error> {
        let (
            Some(seq),
            ServerBody::Session {
                sid,
                url,
                label: words,
                bind,
                fallback,
                expires_in_s,
            },
        ) = (message.seq, message.body)
        else {
            return Err(out_of_place());
        };
        let is_ours = check_issuer(issuer).is_ok_and(|issuer| issuer.origin() == url.origin());
        if !is_ours {
            return Err(not_usable(
                "it sends the browser to another place than the issuer",
            ));
        }
        if words != label(&sid) {
            return Err(not_usable("its words do not fit its session"));
        }
        let is_offered = |bind| offered.contains(&bind);
        if !is_offered(bind) || !fallback.is_none_or(is_offered) {
            return Err(not_usable(
                "it wants the value in a way that was not offered",
            ));
        }
        Ok(Session {
            sid,
            url,
            label: words,
            lifetime: Duration::from_secs(expires_in_s).min(LIFETIME_MAX),
            seq,
            bind,
            fallback,
        })
    }

    /// Whether the value may come this way.
    pub(super) fn may_be(&self, bind: Binding) -> bool {
        self.bind == bind || self.fallback == Some(bind)
    }
}

impl Conversation {
    pub(super) fn new(issuer: &str, session: Session, expected: Option<String>) -> Conversation {
        Conversation {
            issuer: issuer.to_owned(),
            last_seq: session.seq,
            session,
            expected,
            stage: Stage::Waiting { code_wanted: false },
            unanswered: None,
            to_send: VecDeque::new(),
            line: Line::Up,
            ending: None,
        }
    }

    pub(super) fn binding(&self) -> Binding {
        self.session.bind
    }

    pub(super) fn fallback(&self) -> Option<Binding> {
        self.session.fallback
    }

    /// What a resume has to name.
    pub(super) fn bookmark(&self) -> (String, u64) {
        (self.session.sid.clone(), self.last_seq)
    }

    /// What is to be sent next.
    pub(super) fn next_to_send(&mut self) -> Option<Zeroizing<String>> {
        self.to_send.pop_front().map(|message| message.encode())
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self) -> Result<(), Error> {
        self.line = Line::Down;
        self.to_send.clear();
        self.ending.clone().map_or(Ok(()), Err)
    }

    /// Another connection is there; what was missed up to this number follows.
    pub(super) fn resumed(&mut self, up_to: u64) {
        self.line = Line::CatchingUp(up_to);
        self.catch_up();
    }

    /// The platform closed the connection for this reason.
    pub(super) fn closed(&self, code: LoginErrorCode) -> Error {
        self.ended(code, "", None)
    }

    pub(super) fn expired(&self) -> Error {
        self.ended(
            LoginErrorCode::Expired,
            "it was not completed in time",
            None,
        )
    }

    /// Says something.
    ///
    /// # Errors
    /// It means nothing at the moment.
    pub(super) fn say(&mut self, said: Said) -> Result<(), Error> {
        let message = match (said, &self.stage) {
            (Said::Cancel, _) => ClientMessage::Cancel,
            (Said::Confirm(value), stage) => {
                return self.confirm(value, matches!(stage, Stage::Waiting { code_wanted: true }));
            }
            (Said::Accept, Stage::Shown(shown)) => {
                self.stage = Stage::Accepted(shown.clone());
                ClientMessage::Accept
            }
            (Said::Reject, Stage::Shown(shown)) => {
                self.ending = Some(self.rejected(&shown.principal));
                self.stage = Stage::Rejected;
                ClientMessage::Reject
            }
            (Said::Accept | Said::Reject, _) => {
                return Err(Error::new(
                    ErrorKind::Settings,
                    "nobody waits to be accepted or rejected",
                ));
            }
        };
        self.send(message);
        Ok(())
    }

    /// Takes a message in. What was heard already is passed over: so a token that comes twice is
    /// one token.
    ///
    /// # Errors
    /// The login has ended, or what the platform says cannot be believed.
    pub(super) fn hear(
        &mut self,
        message: ServerMessage,
        now: UnixTime,
    ) -> Result<Option<LoginEvent>, Error> {
        if let Some(seq) = message.seq {
            if seq <= self.last_seq {
                return Ok(None);
            }
            self.last_seq = seq;
        }
        let event = self.take_in(message.body, now)?;
        self.catch_up();
        Ok(event)
    }

    fn take_in(&mut self, body: ServerBody, now: UnixTime) -> Result<Option<LoginEvent>, Error> {
        match body {
            ServerBody::Status {
                state,
                browser,
                tries_left,
                bind,
            } => match state {
                LoginStatus::Opened => {
                    let browser = browser.ok_or_else(out_of_place)?;
                    Ok(Some(LoginEvent::Opened(browser)))
                }
                LoginStatus::SignedIn => {
                    // It also follows a value that nobody brought in time.
                    if let Stage::Waiting { code_wanted } = &mut self.stage {
                        *code_wanted = false;
                    }
                    Ok(Some(LoginEvent::SignedIn))
                }
                LoginStatus::NeedConfirm => self.value_wanted(bind, tries_left).map(Some),
                _ => Ok(None),
            },
            ServerBody::ConfirmResult { ok, tries_left } => self.judged(ok, tries_left).map(Some),
            ServerBody::Identity {
                principal,
                name,
                idp,
                scope,
            } => self.signed_in(principal, name, idp, scope).map(Some),
            ServerBody::Token(response) => self.granted(*response, now).map(|()| None),
            ServerBody::Bye => match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Holding(token) => {
                    self.unanswered = None;
                    Ok(Some(LoginEvent::Signed(token)))
                }
                _ => Err(out_of_place()),
            },
            ServerBody::Error {
                code,
                fatal: true,
                message,
                support_id,
            } => Err(self.ended(code, &message, support_id.as_deref())),
            ServerBody::Error { code, message, .. } => {
                tracing::warn!(%code, message, "the platform did not take a message of the login");
                // A value that came too late is not judged; the next one may be brought.
                if matches!(self.unanswered, Some(ClientMessage::Confirm { .. })) {
                    self.unanswered = None;
                }
                Ok(None)
            }
            _ => Err(out_of_place()),
        }
    }

    fn value_wanted(
        &mut self,
        bind: Option<Binding>,
        tries_left: Option<u32>,
    ) -> Result<LoginEvent, Error> {
        let Stage::Waiting { code_wanted } = &mut self.stage else {
            return Err(out_of_place());
        };
        match bind.filter(|bind| self.session.may_be(*bind)) {
            Some(Binding::Loopback) => Ok(LoginEvent::WaitingForLoopback),
            Some(Binding::Code) => {
                *code_wanted = true;
                let tries_left = tries_left.ok_or_else(out_of_place)?;
                Ok(LoginEvent::NeedCode { tries_left })
            }
            None => Err(not_usable(
                "it wants the value in a way that was not offered",
            )),
        }
    }

    fn judged(&mut self, ok: bool, tries_left: u32) -> Result<LoginEvent, Error> {
        if !matches!(self.unanswered, Some(ClientMessage::Confirm { .. })) {
            return Err(out_of_place());
        }
        self.unanswered = None;
        if !ok {
            return Ok(LoginEvent::CodeRefused { tries_left });
        }
        self.stage = Stage::Confirmed;
        Ok(LoginEvent::Confirmed)
    }

    fn signed_in(
        &mut self,
        principal: String,
        name: String,
        idp: String,
        scope: Option<String>,
    ) -> Result<LoginEvent, Error> {
        if !matches!(self.stage, Stage::Confirmed) {
            return Err(out_of_place());
        }
        let parsed = scope.as_deref().map(Scope::parse).transpose();
        self.stage = Stage::Shown(Shown {
            principal: principal.clone(),
            scope: parsed.map_err(|_| out_of_place())?,
        });
        let accepted = match &self.expected {
            None => false,
            Some(expected) if *expected == principal => {
                self.say(Said::Accept)?;
                true
            }
            Some(_) => {
                self.say(Said::Reject)?;
                false
            }
        };
        Ok(LoginEvent::Identity {
            principal,
            name,
            idp,
            scope,
            accepted,
        })
    }

    /// A token is taken for the one that was accepted, and for no other.
    fn granted(&mut self, response: TokenResponse, now: UnixTime) -> Result<(), Error> {
        let Stage::Accepted(shown) = &self.stage else {
            return Err(not_usable(
                "it sent a token for somebody who was not accepted",
            ));
        };
        if response.principal.as_ref() != Some(&shown.principal) {
            return Err(not_usable("its token stands for another than was accepted"));
        }
        if response.kind != Some(TokenKind::Interactive) {
            return Err(not_usable("its token is not that of a login"));
        }
        let is_wider = match (&shown.scope, &response.scope) {
            (Some(shown), Some(granted)) => !granted.is_subset(shown),
            (Some(shown), None) => !shown.is_empty(),
            (None, _) => false,
        };
        if is_wider {
            return Err(not_usable("its token may do more than was accepted"));
        }
        let token = Token::from(TokenObject {
            access_token: response.access_token,
            token_type: response.token_type,
            kind: TokenKind::Interactive,
            principal: response.principal,
            scope: response.scope,
            issued_at: now,
            expires_at: now.plus(response.expires_in),
            issue_app_id: String::new(),
            issue_principal: String::new(),
            issue_cert_subject: String::new(),
            issue_cert_thumbprint: None,
        });
        self.stage = Stage::Holding(Box::new(InteractiveToken {
            token,
            refresh_token: response.refresh_token,
            refreshes_remaining: response.refreshes_remaining,
        }));
        self.send(ClientMessage::Received);
        Ok(())
    }

    fn confirm(&mut self, value: ConfirmValue, code_wanted: bool) -> Result<(), Error> {
        let bind = value.binding();
        let is_waiting = matches!(self.stage, Stage::Waiting { .. });
        let is_free = !matches!(self.unanswered, Some(ClientMessage::Confirm { .. }));
        match bind {
            // The browser may be faster than the word of the platform that it is on its way.
            Binding::Loopback if is_waiting && is_free && self.session.may_be(bind) => {}
            // Another way was faster.
            Binding::Loopback => return Ok(()),
            Binding::Code if code_wanted && is_free => {}
            Binding::Code => {
                return Err(Error::new(
                    ErrorKind::Settings,
                    "no code is asked for at the moment",
                ));
            }
        }
        self.send(ClientMessage::Confirm { bind, value });
        Ok(())
    }

    fn send(&mut self, message: ClientMessage) {
        if self.line == Line::Up {
            self.to_send.push_back(message.clone());
        }
        self.unanswered = Some(message);
    }

    /// Says again what was not answered by anything that was missed.
    fn catch_up(&mut self) {
        if let Line::CatchingUp(up_to) = self.line
            && self.last_seq >= up_to
        {
            self.line = Line::Up;
            self.to_send.extend(self.unanswered.clone());
        }
    }

    /// What ended it: what the terminal wanted, if it was the terminal, else what the platform says.
    fn ended(&self, code: LoginErrorCode, message: &str, support_id: Option<&str>) -> Error {
        self.ending
            .clone()
            .unwrap_or_else(|| Error::login_ended(&self.issuer, code, message, support_id))
    }

    fn rejected(&self, principal: &str) -> Error {
        let code = LoginErrorCode::IdentityRejected;
        match &self.expected {
            Some(expected) => {
                let message = format!("{principal} signed in, and {expected} was expected");
                Error::login_ended(&self.issuer, code, &message, None)
                    .with_hint("sign out in the browser, and sign in as the one who is meant")
            }
            None => {
                let message = format!("{principal} signed in, and was not accepted");
                Error::login_ended(&self.issuer, code, &message, None)
            }
        }
    }
}

fn out_of_place() -> Error {
    not_usable("it sent a message that is out of place")
}

#[cfg(test)]
mod tests;
