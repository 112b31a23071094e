//! How is something done with one token, by several threads at once, whether or not it was pulled out
//! meanwhile?

mod login;

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use countersign_proto::showable::showable;
use cryptoki::{
    context::Pkcs11,
    error::Error,
    session::Session,
    slot::{Slot, TokenInfo},
};

use super::{
    module::{Access, Module},
    pin::PinSource,
    trouble::{Meaning, Trouble, in_words, meaning},
};
use crate::certificate_store::Password;

/// By what a token is known again, in whichever slot it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TokenName {
    pub(super) label: String,
    pub(super) serial: String,
    pub(super) manufacturer: String,
    pub(super) model: String,
}

/// A token, for everybody in this process who uses it: a login is the process's too.
pub(super) struct Token {
    module: Arc<Module>,
    name: TokenName,
    sessions: Mutex<Sessions>,
    returned: Condvar,
}

/// So many sessions are open at once, and as many signatures are made.
const MAX_SESSIONS: usize = 8;

/// What is open.
#[derive(Default)]
struct Sessions {
    /// Of which start of the module they are.
    generation: u64,
    /// Raised when everything that is open is worth nothing.
    epoch: u64,
    slot: Option<Slot>,
    logged_in: bool,
    idle: Vec<Open>,
    /// How many are open, idle or not, and how many may be.
    open: usize,
    full_at: Option<usize>,
    /// PINs that the token refused, by whatever answer. None is tried again: tokens lock after a
    /// few.
    refused: Vec<Password>,
    /// PINs of which nobody knows whether the token refused them: it failed, or was pulled out. None is
    /// tried again before the token was seen to be out.
    doubted: Vec<Password>,
}

struct Open {
    session: Session,
    epoch: u64,
}

/// Whether a task needs the token's user to be logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Needed,
    NotNeeded,
}

/// What a task works at.
pub(super) struct Desk<'a> {
    pub(super) session: &'a Session,
    pub(super) context: &'a Pkcs11,
    pub(super) slot: Slot,
    /// Handles of objects of another epoch are worth nothing.
    pub(super) epoch: u64,
    token: &'a Token,
}

/// Why a task did not end well.
pub(super) enum Stop {
    /// What the module answered.
    Answer(Error),
    /// What is known to be the end of it.
    Trouble(Trouble),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Answer(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Stop {
        Stop::Trouble(trouble)
    }
}

impl Token {
    pub(super) fn new(module: Arc<Module>, name: TokenName) -> Token {
        Token {
            module,
            name,
            sessions: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    pub(super) fn name(&self) -> &TokenName {
        &self.name
    }

    /// Does a task in a session. When what is open turns out to be worth nothing, slot, session and
    /// login are looked for again; when the token is in no slot of the module, the module is started
    /// anew. Each is done once.
    pub(super) fn work<T>(
        &self,
        login: Login,
        pin: &PinSource,
        mut task: impl FnMut(&Desk<'_>) -> Result<T, Stop>,
    ) -> Result<T, Trouble> {
        match self.once(login, pin, &mut task) {
            Err(Failed::Lost { .. }) => {}
            ended => return ended.map_err(Failed::into_trouble),
        }
        let (generation, why) = match self.once(login, pin, &mut task) {
            Err(Failed::Lost { generation, why }) => (generation, why),
            ended => return ended.map_err(Failed::into_trouble),
        };
        self.module
            .restart(generation)
            .map_err(|problem| Trouble::Away(format!("{why}; {problem}")))?;
        self.once(login, pin, &mut task)
            .map_err(Failed::into_trouble)
    }

    fn once<T>(
        &self,
        login: Login,
        pin: &PinSource,
        task: &mut impl FnMut(&Desk<'_>) -> Result<T, Stop>,
    ) -> Result<T, Failed> {
        // What cannot be started needs no other start.
        let access = self
            .module
            .access()
            .map_err(|why| Failed::Ended(Trouble::Away(why)))?;
        let (open, slot) = self.take(&access, login, pin)?;
        let done = task(&Desk {
            session: &open.session,
            context: access.context,
            slot,
            epoch: open.epoch,
            token: self,
        });
        let epoch = open.epoch;
        self.give_back(open);
        done.map_err(|stop| self.failed(stop, epoch, &access))
    }

    /// A session, logged in where that is needed.
    fn take(
        &self,
        access: &Access<'_>,
        login: Login,
        pin: &PinSource,
    ) -> Result<(Open, Slot), Failed> {
        let mut sessions = self.lock();
        if sessions.generation != access.generation() {
            // Not closed: their numbers may be those of others now.
            sessions.begin_again();
            sessions.generation = access.generation();
        }
        while sessions.idle.is_empty() && sessions.open >= sessions.full_at.unwrap_or(MAX_SESSIONS)
        {
            sessions = self
                .returned
                .wait(sessions)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let epoch = sessions.epoch;
        let taken = self.take_of(&mut sessions, access.context, login, pin);
        drop(sessions);
        match taken {
            Err(Stop::Answer(error)) if meaning(&error) == Meaning::Full => {
                self.take_another(access, login, pin, &error)
            }
            taken => taken.map_err(|stop| self.failed(stop, epoch, access)),
        }
    }

    /// The token has no more sessions: those that we have must do.
    fn take_another(
        &self,
        access: &Access<'_>,
        login: Login,
        pin: &PinSource,
        error: &Error,
    ) -> Result<(Open, Slot), Failed> {
        let mut sessions = self.lock();
        if sessions.open == 0 {
            let why = format!("other programs hold all its sessions: {}", in_words(error));
            return Err(Failed::Ended(Trouble::Busy(why)));
        }
        sessions.full_at = Some(sessions.open);
        drop(sessions);
        self.take(access, login, pin)
    }

    fn take_of(
        &self,
        sessions: &mut Sessions,
        context: &Pkcs11,
        login: Login,
        pin: &PinSource,
    ) -> Result<(Open, Slot), Stop> {
        let slot = match sessions.slot {
            Some(slot) => slot,
            None => match self.find(context) {
                Ok(slot) => *sessions.slot.insert(slot),
                Err(stop) => {
                    if let Stop::Trouble(Trouble::Away(_)) = stop {
                        sessions.doubted.clear();
                    }
                    return Err(stop);
                }
            },
        };
        let open = match sessions.idle.pop() {
            Some(open) => open,
            None => {
                let session = context.open_ro_session_no_drop(slot)?;
                sessions.open += 1;
                let epoch = sessions.epoch;
                Open { session, epoch }
            }
        };
        if login == Login::Needed && !sessions.logged_in {
            if let Err(stop) = self.log_in(sessions, context, &open.session, slot, pin) {
                sessions.idle.push(open);
                return Err(stop);
            }
            sessions.logged_in = true;
        }
        Ok((open, slot))
    }

    /// The slot that it is in now: numbers change when a token is put in again.
    fn find(&self, context: &Pkcs11) -> Result<Slot, Stop> {
        let slots = context.get_slots_with_token()?;
        let is_here = |slot: &Slot| {
            let info = context.get_token_info(*slot);
            info.is_ok_and(|info| TokenName::of(&info) == self.name)
        };
        let found = slots.into_iter().find(is_here);
        found.ok_or_else(|| Trouble::Away("it is in no slot; put it in".to_owned()).into())
    }

    fn give_back(&self, open: Open) {
        let mut sessions = self.lock();
        if open.epoch == sessions.epoch {
            sessions.idle.push(open);
        } else {
            drop(open.session.close());
        }
        drop(sessions);
        self.returned.notify_one();
    }

    /// What a stop means, once what is worth nothing was forgotten.
    fn failed(&self, stop: Stop, epoch: u64, access: &Access<'_>) -> Failed {
        let trouble = match stop {
            Stop::Answer(error) => Trouble::answered(&error),
            Stop::Trouble(trouble) => trouble,
        };
        let Trouble::Away(why) = trouble else {
            return Failed::Ended(trouble);
        };
        let mut sessions = self.lock();
        if sessions.epoch == epoch {
            for open in sessions.idle.drain(..) {
                drop(open.session.close());
            }
            sessions.begin_again();
        }
        drop(sessions);
        self.returned.notify_all();
        let generation = access.generation();
        Failed::Lost { generation, why }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    fn begin_again(&mut self) {
        self.epoch += 1;
        self.slot = None;
        self.logged_in = false;
        self.idle.clear();
        self.open = 0;
        self.full_at = None;
    }
}

/// How an attempt failed.
enum Failed {
    /// Worth another one.
    Lost {
        generation: u64,
        why: String,
    },
    Ended(Trouble),
}

impl Failed {
    fn into_trouble(self) -> Trouble {
        match self {
            Failed::Lost { why, .. } => Trouble::Away(why),
            Failed::Ended(trouble) => trouble,
        }
    }
}

impl TokenName {
    pub(super) fn of(info: &TokenInfo) -> TokenName {
        TokenName {
            label: info.label().to_owned(),
            serial: info.serial_number().to_owned(),
            manufacturer: info.manufacturer_id().to_owned(),
            model: info.model().to_owned(),
        }
    }
}

/// As a person calls it.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TokenName { label, serial, .. } = &self.name;
        let (label, serial) = (showable(label, 32), showable(serial, 16));
        match label.is_empty() {
            true => write!(f, "with serial number {serial:?}"),
            false => write!(f, "{label:?}"),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("module", &self.module)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
