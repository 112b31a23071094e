//! How does a token's user log in, without ever locking the token?

use cryptoki::{
    context::Pkcs11,
    error::{Error, RvError},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};

use super::{Desk, PinSource, Sessions, Stop, Token, Trouble};
use crate::certificate_store::Password;

impl Token {
    pub(super) fn log_in(
        &self,
        sessions: &mut Sessions,
        context: &Pkcs11,
        session: &Session,
        slot: Slot,
        pin: &PinSource,
    ) -> Result<(), Stop> {
        let info = context.get_token_info(slot)?;
        if !info.login_required() {
            return Ok(());
        }
        check_pin_can_be_tried(&info)?;
        let given = pin.read().map_err(Trouble::Locked)?;
        let Some(given) = given else {
            if !info.protected_authentication_path() {
                return Err(locked("it needs its PIN and none was given"));
            }
            // The PIN is typed at the device itself.
            return self.answered(session.login(UserType::User, None), sessions, None);
        };
        check_try(&info, sessions, &given)?;
        let told = session.login(UserType::User, Some(&auth_pin(&given)));
        self.answered(told, sessions, Some(given))
    }

    fn answered(
        &self,
        told: Result<(), Error>,
        sessions: &mut Sessions,
        given: Option<Password>,
    ) -> Result<(), Stop> {
        let Err(Error::Pkcs11(answer, function)) = told else {
            return Ok(told?);
        };
        match answer {
            RvError::UserAlreadyLoggedIn => Ok(()),
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
                sessions.refused.extend(given);
                Err(locked("the PIN is wrong; it is not tried again"))
            }
            RvError::PinLocked => Err(locked(LOCKED)),
            RvError::PinExpired => Err(locked("its PIN is to be changed before it can be used")),
            RvError::UserPinNotInitialized => Err(locked(NO_PIN_YET)),
            RvError::FunctionCanceled | RvError::Cancel => {
                Err(locked("the PIN was not typed at the device"))
            }
            other => Err(Error::Pkcs11(other, function).into()),
        }
    }
}

impl Desk<'_> {
    /// Logs in for one use of a key that wants its PIN each time (`CKA_ALWAYS_AUTHENTICATE`).
    pub(in crate::pkcs11) fn authenticate(&self, pin: &PinSource) -> Result<(), Stop> {
        let info = self.context.get_token_info(self.slot)?;
        let given = pin.read().map_err(Trouble::Locked)?;
        let mut sessions = self.token.lock();
        if let Some(given) = &given {
            check_try(&info, &sessions, given)?;
        }
        let pin = given.as_ref().map(auth_pin);
        let told = self.session.login(UserType::ContextSpecific, pin.as_ref());
        self.token.answered(told, &mut sessions, given)
    }
}

const LOCKED: &str =
    "its PIN is locked, after too many wrong ones; its security officer can set a new one";
const NO_PIN_YET: &str = "its user has no PIN yet; its security officer can set one";

fn check_pin_can_be_tried(info: &TokenInfo) -> Result<(), Stop> {
    if !info.token_initialized() {
        Err(locked("it is not initialised"))
    } else if info.user_pin_locked() {
        Err(locked(LOCKED))
    } else if !info.user_pin_initialized() {
        Err(locked(NO_PIN_YET))
    } else {
        Ok(())
    }
}

/// A PIN that was refused is not tried again; and a token's last try is spent by a person only.
fn check_try(info: &TokenInfo, sessions: &Sessions, given: &Password) -> Result<(), Stop> {
    if sessions.refused.contains(given) {
        return Err(locked("the PIN was wrong before, and is not tried again"));
    }
    if info.user_pin_final_try() && !given.is_typed() {
        return Err(locked(
            "one more wrong PIN locks it, so none is tried that was not typed just now",
        ));
    }
    Ok(())
}

fn locked(why: &str) -> Stop {
    Trouble::Locked(why.to_owned()).into()
}

fn auth_pin(password: &Password) -> AuthPin {
    AuthPin::from(password.expose().to_owned())
}
