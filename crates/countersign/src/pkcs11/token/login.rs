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
        let state = PinState::of(&info);
        state.check()?;
        let given = pin.read().map_err(Trouble::Locked)?;
        if let Some(given) = &given {
            check_try(state, &sessions.refused, given)?;
        } else if !info.protected_authentication_path() {
            return Err(locked("it needs its PIN and none was given"));
        }
        // Without a PIN it is typed at the device itself.
        let typed = given.as_ref().map(auth_pin);
        let told = session.login(UserType::User, typed.as_ref());
        let after = || context.get_token_info(slot).map(|info| PinState::of(&info));
        answered(told, &mut sessions.refused, given, after)
    }
}

/// What the answer to a login means. `after` looks at the token once more, if the PIN was wrong.
fn answered(
    told: Result<(), Error>,
    refused: &mut Vec<Password>,
    given: Option<Password>,
    after: impl FnOnce() -> Result<PinState, Error>,
) -> Result<(), Stop> {
    let Err(Error::Pkcs11(answer, function)) = told else {
        return Ok(told?);
    };
    match answer {
        RvError::UserAlreadyLoggedIn => Ok(()),
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
            refused.extend(given);
            Err(locked(match after() {
                Ok(PinState { locked: true, .. }) => LOCKED,
                Ok(PinState { last_try: true, .. }) => {
                    "the PIN is wrong, and one more wrong one locks it; none is tried by itself"
                }
                _ => "the PIN is wrong; it is not tried again",
            }))
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

impl Desk<'_> {
    /// Logs in for one use of a key that wants its PIN each time (`CKA_ALWAYS_AUTHENTICATE`).
    pub(in crate::pkcs11) fn authenticate(&self, pin: &PinSource) -> Result<(), Stop> {
        let state = || {
            let info = self.context.get_token_info(self.slot);
            info.map(|info| PinState::of(&info))
        };
        let given = pin.read().map_err(Trouble::Locked)?;
        let mut sessions = self.token.lock();
        if let Some(given) = &given {
            check_try(state()?, &sessions.refused, given)?;
        }
        let pin = given.as_ref().map(auth_pin);
        let told = self.session.login(UserType::ContextSpecific, pin.as_ref());
        answered(told, &mut sessions.refused, given, state)
    }
}

const LOCKED: &str =
    "its PIN is locked, after too many wrong ones; its security officer can set a new one";
const NO_PIN_YET: &str = "its user has no PIN yet; its security officer can set one";

/// What a token tells of its user's PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PinState {
    token_initialised: bool,
    set: bool,
    locked: bool,
    last_try: bool,
}

impl PinState {
    fn of(info: &TokenInfo) -> PinState {
        PinState {
            token_initialised: info.token_initialized(),
            set: info.user_pin_initialized(),
            locked: info.user_pin_locked(),
            last_try: info.user_pin_final_try(),
        }
    }

    fn check(self) -> Result<(), Stop> {
        match self {
            PinState {
                token_initialised: false,
                ..
            } => Err(locked("it is not initialised")),
            PinState { locked: true, .. } => Err(locked(LOCKED)),
            PinState { set: false, .. } => Err(locked(NO_PIN_YET)),
            _ => Ok(()),
        }
    }
}

/// A PIN that was refused is not tried again; and a token's last try is spent by a person only.
fn check_try(state: PinState, refused: &[Password], given: &Password) -> Result<(), Stop> {
    if refused.contains(given) {
        return Err(locked("the PIN was wrong before, and is not tried again"));
    }
    if state.last_try && !given.is_typed() {
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

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    const GOOD: PinState = PinState {
        token_initialised: true,
        set: true,
        locked: false,
        last_try: false,
    };

    fn told(stop: Result<(), Stop>) -> Result<(), String> {
        stop.map_err(|stop| match stop {
            Stop::Trouble(Trouble::Locked(why)) => why,
            Stop::Trouble(other) => format!("not a matter of the PIN: {other:?}"),
            Stop::Answer(answer) => format!("only an answer: {answer}"),
        })
    }

    fn pin(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn what_is_wrong_with_a_pin_is_told_before_one_is_tried() {
        assert_eq!(told(GOOD.check()), Ok(()));
        let uninitialised = PinState {
            token_initialised: false,
            set: false,
            ..GOOD
        };
        let no_pin = PinState { set: false, ..GOOD };
        let locked = PinState {
            locked: true,
            ..GOOD
        };
        for (state, why) in [
            (uninitialised, "it is not initialised"),
            (no_pin, NO_PIN_YET),
            (locked, LOCKED),
        ] {
            assert_eq!(told(state.check()), Err(why.to_owned()));
        }
    }

    // security.md 53
    #[test]
    fn the_last_try_of_a_token_is_for_a_pin_that_a_person_typed() {
        let last = PinState {
            last_try: true,
            ..GOOD
        };
        let why = told(check_try(last, &[], &pin("4711"))).unwrap_err();
        assert!(why.starts_with("one more wrong PIN locks it"), "{why}");
        assert_eq!(told(check_try(GOOD, &[], &pin("4711"))), Ok(()));
        let typed = Password::typed("4711".to_owned());
        assert_eq!(told(check_try(last, &[], &typed)), Ok(()));
        // Nor is one that was refused, whoever types it.
        for state in [last, GOOD] {
            let why = told(check_try(state, &[pin("4711")], &typed)).unwrap_err();
            assert!(why.ends_with("is not tried again"), "{why}");
        }
    }

    #[test]
    fn an_answer_to_a_login_says_whether_it_was_the_pin_and_only_then_is_the_pin_refused() {
        let locked = PinState {
            locked: true,
            ..GOOD
        };
        let last = PinState {
            last_try: true,
            ..GOOD
        };
        for (answer, after, why, is_refused) in [
            (
                RvError::PinIncorrect,
                GOOD,
                "the PIN is wrong; it is not tried again",
                true,
            ),
            (
                RvError::PinLenRange,
                last,
                "one more wrong one locks it",
                true,
            ),
            (RvError::PinInvalid, locked, LOCKED, true),
            (RvError::PinLocked, locked, LOCKED, false),
            (RvError::PinExpired, GOOD, "to be changed", false),
            (RvError::UserPinNotInitialized, GOOD, NO_PIN_YET, false),
            (
                RvError::FunctionCanceled,
                GOOD,
                "not typed at the device",
                false,
            ),
            (RvError::DeviceRemoved, GOOD, "only an answer", false),
        ] {
            let mut refused = Vec::new();
            let login = Err(Error::Pkcs11(answer, Function::Login));
            let stop = answered(login, &mut refused, Some(pin("4711")), || Ok(after));
            let said = told(stop).unwrap_err();
            assert!(said.contains(why) && !said.contains("4711"), "{said}");
            assert_eq!(refused.contains(&pin("4711")), is_refused, "{answer:?}");
        }
        let mut refused = Vec::new();
        let again = Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, Function::Login));
        assert_eq!(
            told(answered(again, &mut refused, None, || Ok(GOOD))),
            Ok(())
        );
    }
}
