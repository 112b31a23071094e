//! How does a token's user log in, without ever locking the token?

use cryptoki::{
    context::Pkcs11,
    error::{Error, RvError},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};

use super::{Desk, PinSource, Sessions, Stop, Token, Trouble, in_words};
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
            if sessions.doubted.contains(given) {
                return Err(Trouble::Away(DOUBTED.to_owned()).into());
            }
            begin_try(state, &sessions.refused, given)?;
        } else if !info.protected_authentication_path() {
            return Err(locked("it needs its PIN and none was given"));
        }
        // Without a PIN it is typed at the device itself.
        let typed = given.as_ref().map(auth_pin);
        let told = session.login(UserType::User, typed.as_ref());
        let after = || context.get_token_info(slot).map(|info| PinState::of(&info));
        if let (Err(error), Some(given)) = (&told, &given)
            && is_doubtful(error)
        {
            sessions.doubted.push(given.clone());
            let why = format!("{}; {DOUBTED}", in_words(error));
            return Err(Trouble::Away(why).into());
        }
        answered(told, &mut sessions.refused, given, after)
    }
}

/// What the answer to a login means. `after` looks at the token once more, if the PIN was wrong.
///
/// A PIN is shown again only where the answer says that no token saw it. Modules say many things of a
/// wrong one, `CKR_FUNCTION_FAILED` among them, and each time may be one of three.
fn answered(
    told: Result<(), Error>,
    refused: &mut Vec<Password>,
    given: Option<Password>,
    after: impl FnOnce() -> Result<PinState, Error>,
) -> Result<(), Stop> {
    let Err(error) = told else {
        return Ok(());
    };
    let Error::Pkcs11(answer, _) = error else {
        return Err(error.into());
    };
    let why = match answer {
        RvError::UserAlreadyLoggedIn => return Ok(()),
        RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::SlotIdInvalid
        | RvError::TokenNotPresent
        | RvError::DeviceRemoved
        | RvError::CryptokiNotInitialized => return Err(error.into()),
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => match after() {
            Ok(PinState { locked: true, .. }) => LOCKED.to_owned(),
            Ok(PinState { last_try: true, .. }) => {
                "the PIN is wrong, and one more wrong one locks it; none is tried by itself"
                    .to_owned()
            }
            _ => "the PIN is wrong; it is not tried again".to_owned(),
        },
        RvError::PinLocked => LOCKED.to_owned(),
        RvError::PinExpired => "its PIN is to be changed before it can be used".to_owned(),
        RvError::UserPinNotInitialized => NO_PIN_YET.to_owned(),
        RvError::FunctionCanceled | RvError::Cancel if given.is_none() => {
            "the PIN was not typed at the device".to_owned()
        }
        _ if given.is_none() => in_words(&error),
        _ => format!("{}; the PIN is not tried again", in_words(&error)),
    };
    refused.extend(given);
    Err(Trouble::Locked(why).into())
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
            begin_try(state()?, &sessions.refused, given)?;
        }
        let pin = given.as_ref().map(auth_pin);
        let told = self.session.login(UserType::ContextSpecific, pin.as_ref());
        answered(told, &mut sessions.refused, given, state)
    }
}

/// Whether an answer may be about a wrong PIN as well as about a token that was pulled out.
fn is_doubtful(error: &Error) -> bool {
    let Error::Pkcs11(answer, _) = error else {
        return false;
    };
    matches!(
        answer,
        RvError::GeneralError | RvError::FunctionFailed | RvError::DeviceError
    )
}

const DOUBTED: &str = "its PIN is not tried again before the token was pulled out and put in";
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

/// A PIN that was refused is not tried again; and a token's last try is spent by a person only. What
/// a person typed is so for the try that begins here, and for no later one.
fn begin_try(state: PinState, refused: &[Password], given: &Password) -> Result<(), Stop> {
    if refused.contains(given) {
        return Err(locked("the PIN was refused before, and is not tried again"));
    }
    if !given.take_typed() && state.last_try {
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
    use crate::pkcs11::trouble::{Meaning, meaning};

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
        let why = told(begin_try(last, &[], &pin("4711"))).unwrap_err();
        assert!(why.starts_with("one more wrong PIN locks it"), "{why}");
        assert_eq!(told(begin_try(GOOD, &[], &pin("4711"))), Ok(()));
        let typed = Password::typed("4711".to_owned());
        assert_eq!(told(begin_try(last, &[], &typed)), Ok(()));
        // Nor is one that was refused, whoever types it.
        for state in [last, GOOD] {
            let why = told(begin_try(state, &[pin("4711")], &typed)).unwrap_err();
            assert!(why.ends_with("is not tried again"), "{why}");
        }
    }

    // security.md 53
    #[test]
    fn a_pin_that_a_person_typed_is_so_for_the_first_login_only() {
        let last = PinState {
            last_try: true,
            ..GOOD
        };
        for first in [last, GOOD] {
            let typed = Password::typed("4711".to_owned());
            let kept = typed.clone();
            assert_eq!(told(begin_try(first, &[], &typed)), Ok(()));
            for later in [&typed, &kept] {
                let why = told(begin_try(last, &[], later)).unwrap_err();
                assert!(why.starts_with("one more wrong PIN locks it"), "{why}");
                assert_eq!(told(begin_try(GOOD, &[], later)), Ok(()));
            }
            // Typed once more, it is tried.
            let anew = Password::typed("4711".to_owned());
            assert_eq!(told(begin_try(last, &[], &anew)), Ok(()));
        }
    }

    #[test]
    fn an_answer_to_a_login_says_what_is_wrong_with_the_pin_and_the_pin_is_refused() {
        let locked = PinState {
            locked: true,
            ..GOOD
        };
        let last = PinState {
            last_try: true,
            ..GOOD
        };
        for (answer, after, why) in [
            (
                RvError::PinIncorrect,
                GOOD,
                "the PIN is wrong; it is not tried again",
            ),
            (RvError::PinLenRange, last, "one more wrong one locks it"),
            (RvError::PinInvalid, locked, LOCKED),
            (RvError::PinLocked, locked, LOCKED),
            (RvError::PinExpired, GOOD, "to be changed"),
            (RvError::UserPinNotInitialized, GOOD, NO_PIN_YET),
        ] {
            let mut refused = Vec::new();
            let login = Err(Error::Pkcs11(answer, Function::Login));
            let stop = answered(login, &mut refused, Some(pin("4711")), || Ok(after));
            let said = told(stop).unwrap_err();
            assert!(said.contains(why) && !said.contains("4711"), "{said}");
            assert_eq!(refused, [pin("4711")], "{answer:?}");
        }
        let mut refused = Vec::new();
        let again = Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, Function::Login));
        for fine in [again, Ok(())] {
            let given = Some(pin("4711"));
            let ended = answered(fine, &mut refused, given, || Ok(GOOD));
            assert_eq!(told(ended), Ok(()));
        }
        assert!(refused.is_empty());
    }

    // security.md 53: a module that answers so to a wrong PIN would lock its token in one call.
    #[test]
    fn a_login_that_fails_without_a_word_about_the_pin_is_not_tried_again() {
        for (answer, named) in [
            (RvError::FunctionFailed, "CKR_FUNCTION_FAILED"),
            (RvError::GeneralError, "CKR_GENERAL_ERROR"),
            (RvError::DeviceError, "CKR_DEVICE_ERROR"),
            (RvError::DeviceMemory, "CKR_DEVICE_MEMORY"),
            (RvError::HostMemory, "CKR_HOST_MEMORY"),
            (RvError::SessionCount, "CKR_SESSION_COUNT"),
            (RvError::TokenNotRecognized, "CKR_TOKEN_NOT_RECOGNIZED"),
            (RvError::UserNotLoggedIn, "CKR_USER_NOT_LOGGED_IN"),
            (
                RvError::OperationNotInitialized,
                "CKR_OPERATION_NOT_INITIALIZED",
            ),
            (RvError::FunctionCanceled, "CKR_FUNCTION_CANCELED"),
            (RvError::VendorDefined(0x8000_0001), "0x80000001"),
        ] {
            let mut refused = Vec::new();
            let login = || Err(Error::Pkcs11(answer, Function::Login));
            let stop = answered(login(), &mut refused, Some(pin("4711")), || Ok(GOOD));
            assert_eq!(
                told(stop),
                Err(format!(
                    "the module answers {named} to C_Login; the PIN is not tried again"
                ))
            );
            let why = told(begin_try(GOOD, &refused, &pin("4711"))).unwrap_err();
            assert!(why.ends_with("is not tried again"), "{why}");
            assert_eq!(told(begin_try(GOOD, &refused, &pin("4712"))), Ok(()));
            // What is typed at the device itself is nobody's to keep.
            let mut refused = Vec::new();
            let stop = answered(login(), &mut refused, None, || Ok(GOOD));
            let said = told(stop).unwrap_err();
            assert!(!said.contains("tried again"), "{said}");
            assert!(refused.is_empty());
        }
    }

    #[test]
    fn a_login_is_repeated_where_token_session_or_module_were_gone() {
        for answer in [
            RvError::SessionHandleInvalid,
            RvError::SessionClosed,
            RvError::SlotIdInvalid,
            RvError::TokenNotPresent,
            RvError::DeviceRemoved,
            RvError::CryptokiNotInitialized,
        ] {
            let mut refused = Vec::new();
            let login = Err(Error::Pkcs11(answer, Function::Login));
            let stop = answered(login, &mut refused, Some(pin("4711")), || Ok(GOOD));
            let Err(Stop::Answer(error)) = stop else {
                panic!("{answer:?} is no answer any more");
            };
            assert_eq!(meaning(&error), Meaning::Lost, "{answer:?}");
            assert!(refused.is_empty());
        }
    }

    #[test]
    fn a_pin_that_nobody_typed_at_the_device_is_told_so() {
        for answer in [RvError::FunctionCanceled, RvError::Cancel] {
            let login = Err(Error::Pkcs11(answer, Function::Login));
            let stop = answered(login, &mut Vec::new(), None, || Ok(GOOD));
            assert_eq!(
                told(stop),
                Err("the PIN was not typed at the device".to_owned())
            );
        }
    }
}
