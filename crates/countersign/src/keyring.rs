//! Which key of the user's keyring seals what waits on this machine?
//!
//! The keyring is whatever keeps secrets on the session bus (Secret Service): GNOME Keyring, KWallet,
//! KeePassXC. It is asked for one key, which is made once and named so that a person finds it.
//! Nothing here asks a person to unlock it, and nothing waits longer than five seconds.

use std::{fmt, sync::mpsc, time::Duration};

use crate::cache_file::{KeyId, SealingKey};

#[cfg(feature = "keyring")]
mod secret_service;

/// The keyring of this user, on the session bus at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    bus: Option<String>,
}

/// A keyring that was found open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundKeyring {
    /// The name of the program that keeps it, as the system tells.
    pub program: Option<String>,
    /// The collection in which the key is, or will be.
    pub collection: String,
    /// Whether the key is there already.
    pub has_key: bool,
}

/// Why the keyring gives no key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringProblem {
    /// It was switched off in the settings.
    SwitchedOff,
    /// This program was built without it.
    NotBuilt,
    /// There is no session bus.
    NoBus,
    /// The session bus is not reached, or is no bus: what was answered.
    Unreachable(String),
    /// The session bus is that of this user id.
    NotOurs(u32),
    /// Nobody on the session bus keeps secrets.
    NoService,
    /// There is no collection that secrets go to.
    NoCollection,
    /// It is locked.
    Locked,
    /// It did not answer in time.
    NoAnswer,
    /// It says no.
    Refused(String),
}

/// How long the keyring may take for all that is asked of it at once. Starting a keyring that was
/// not running takes about a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

impl Keyring {
    /// The keyring on the session bus at this address, as `DBUS_SESSION_BUS_ADDRESS` has it. Only
    /// the socket of a bus on this machine is spoken to; where there is no bus there is no keyring.
    pub fn at(bus: Option<&str>) -> Keyring {
        Keyring {
            bus: bus.map(str::to_owned),
        }
    }

    /// Looks whether it is there and open, and makes nothing. May block for five seconds.
    ///
    /// # Errors
    /// Why it gives no key.
    pub fn look(&self) -> Result<FoundKeyring, KeyringProblem> {
        self.ask(Question::Look, |answer| match answer {
            Answer::Found(found) => Some(found),
            Answer::Key(_) => None,
        })
    }

    /// The key with this name, or the one that seals from now on; `None` when it has none.
    pub(crate) fn key(&self, id: Option<KeyId>) -> Result<Option<SealingKey>, KeyringProblem> {
        self.ask(Question::Key(id), |answer| match answer {
            Answer::Key(key) => Some(key),
            Answer::Found(_) => None,
        })
    }

    /// Keeps a key that was made; the one that seals from now on, which is another where somebody
    /// else was quicker.
    pub(crate) fn keep(&self, key: SealingKey) -> Result<SealingKey, KeyringProblem> {
        self.ask(Question::Keep(key), |answer| match answer {
            Answer::Key(key) => key,
            Answer::Found(_) => None,
        })
    }

    /// On a thread of its own: a caller may be async already, and whatever hangs is left behind.
    fn ask<T>(
        &self,
        question: Question,
        read: impl FnOnce(Answer) -> Option<T>,
    ) -> Result<T, KeyringProblem> {
        let bus = self.bus.clone().ok_or(KeyringProblem::NoBus)?;
        let (sender, receiver) = mpsc::sync_channel(1);
        let spawned = std::thread::Builder::new().spawn(move || {
            let _ = sender.send(answer(&bus, question)); // nobody waits any more: nothing to tell
        });
        spawned.map_err(|error| KeyringProblem::Unreachable(error.to_string()))?;
        let answer = receiver
            .recv_timeout(PATIENCE)
            .map_err(|_| KeyringProblem::NoAnswer)?;
        let unfit = || KeyringProblem::Refused("the key that it was given is not there".to_owned());
        read(answer?).ok_or_else(unfit)
    }
}

/// What a keyring can be asked.
#[cfg_attr(not(feature = "keyring"), allow(dead_code))]
enum Question {
    Look,
    Key(Option<KeyId>),
    Keep(SealingKey),
}

#[cfg_attr(not(feature = "keyring"), allow(dead_code))]
enum Answer {
    Found(FoundKeyring),
    Key(Option<SealingKey>),
}

#[cfg(feature = "keyring")]
fn answer(bus: &str, question: Question) -> Result<Answer, KeyringProblem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| KeyringProblem::Unreachable(error.to_string()))?;
    runtime.block_on(async {
        let asked = secret_service::ask(bus, question);
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        answer.unwrap_or(Err(KeyringProblem::NoAnswer))
    })
}

#[cfg(not(feature = "keyring"))]
fn answer(_: &str, _: Question) -> Result<Answer, KeyringProblem> {
    Err(KeyringProblem::NotBuilt)
}

impl fmt::Display for KeyringProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyringProblem::SwitchedOff => f.write_str("the keyring is switched off"),
            KeyringProblem::NotBuilt => f.write_str("this build speaks to no keyring"),
            KeyringProblem::NoBus => f.write_str("there is no session bus"),
            KeyringProblem::Unreachable(answer) => {
                write!(f, "the session bus is not reached: {answer}")
            }
            KeyringProblem::NotOurs(uid) => write!(f, "the session bus belongs to user {uid}"),
            KeyringProblem::NoService => f.write_str("nobody on the session bus keeps secrets"),
            KeyringProblem::NoCollection => f.write_str("the keyring has no default collection"),
            KeyringProblem::Locked => f.write_str("the keyring is locked"),
            KeyringProblem::NoAnswer => {
                let seconds = PATIENCE.as_secs();
                write!(f, "the keyring does not answer within {seconds} s")
            }
            KeyringProblem::Refused(answer) => write!(f, "the keyring says no: {answer}"),
        }
    }
}

impl std::error::Error for KeyringProblem {}
