//! What does the answer of a module mean: is the token gone, is its PIN wrong, will it get better?

use std::fmt;

use countersign_proto::key::SigningError;
use cryptoki::error::{Error, RvError};

/// Why a token does not do what it was asked for. Each says the rest of a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not there, or its module has lost it; it may come back.
    Away(String),
    /// It is there, and cannot do it just now.
    Busy(String),
    /// It wants a PIN, or another one.
    Locked(String),
    /// It will not do it, however often it is asked.
    Refused(String),
}

impl Trouble {
    /// An answer that no second question changes.
    pub(super) fn answered(error: &Error) -> Trouble {
        match meaning(error) {
            Meaning::Lost => Trouble::Away(in_words(error)),
            Meaning::Full => Trouble::Busy(in_words(error)),
            Meaning::Else => Trouble::Refused(in_words(error)),
        }
    }

    pub(super) fn into_signing_error(self, token: &str) -> SigningError {
        let told = format!("token {token}: {self}");
        match self {
            Trouble::Away(_) | Trouble::Busy(_) => SigningError::Unavailable(told),
            Trouble::Locked(_) | Trouble::Refused(_) => SigningError::Refused(told),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Away(what)
            | Trouble::Busy(what)
            | Trouble::Locked(what)
            | Trouble::Refused(what) => f.write_str(what),
        }
    }
}

/// What an answer says about going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Session, login or object are worth nothing any more: they are to be looked for again.
    Lost,
    /// No more sessions at once.
    Full,
    /// Anything else.
    Else,
}

/// Modules say many things of a token that was pulled out; some of them say no more than that
/// something failed, so that is looked into once as well. What is said to a login is judged where it
/// is asked for: it may have cost a try of the PIN.
pub(super) fn meaning(error: &Error) -> Meaning {
    let Error::Pkcs11(answer, _) = error else {
        return Meaning::Else;
    };
    match answer {
        RvError::DeviceRemoved
        | RvError::DeviceError
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::SlotIdInvalid
        | RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::UserNotLoggedIn
        | RvError::ObjectHandleInvalid
        | RvError::KeyHandleInvalid
        | RvError::CryptokiNotInitialized
        | RvError::OperationActive
        | RvError::OperationNotInitialized
        | RvError::FunctionFailed
        | RvError::GeneralError => Meaning::Lost,
        RvError::SessionCount | RvError::DeviceMemory => Meaning::Full,
        _ => Meaning::Else,
    }
}

/// By the name that the module's manual and the specification use.
pub(super) fn in_words(error: &Error) -> String {
    match error {
        Error::Pkcs11(answer, function) => {
            format!("the module answers {} to C_{function:?}", name(*answer))
        }
        Error::LibraryLoading(error) => format!("it cannot be loaded: {error}"),
        Error::MissingSymbol(_) => "it is no PKCS#11 module".to_owned(),
        other => format!("the module answers what is not understood: {other}"),
    }
}

/// `SessionClosed` is `CKR_SESSION_CLOSED`.
fn name(answer: RvError) -> String {
    match answer {
        RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => format!("{code:#x}"),
        other => {
            let mut name = "CKR".to_owned();
            for letter in format!("{other:?}").chars() {
                if letter.is_ascii_uppercase() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
            }
            name
        }
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn an_answer_is_named_as_the_specification_names_it() {
        let said = |answer| in_words(&Error::Pkcs11(answer, Function::SignInit));
        assert_eq!(
            said(RvError::UserNotLoggedIn),
            "the module answers CKR_USER_NOT_LOGGED_IN to C_SignInit"
        );
        assert_eq!(
            said(RvError::VendorDefined(0x8000_0001)),
            "the module answers 0x80000001 to C_SignInit"
        );
    }

    #[test]
    fn a_lost_token_may_come_back_and_a_wrong_pin_does_not_get_better() {
        let trouble = |answer| Trouble::answered(&Error::Pkcs11(answer, Function::Sign));
        let signing = |trouble: Trouble| trouble.into_signing_error("\"one\"");
        for lost in [
            RvError::DeviceRemoved,
            RvError::TokenNotPresent,
            RvError::SessionCount,
        ] {
            let error = signing(trouble(lost));
            assert!(matches!(error, SigningError::Unavailable(_)), "{error}");
        }
        let error = signing(trouble(RvError::MechanismInvalid));
        assert!(matches!(error, SigningError::Refused(_)), "{error}");
        assert_eq!(
            signing(Trouble::Locked("the PIN is locked".to_owned())),
            SigningError::Refused("token \"one\": the PIN is locked".to_owned())
        );
    }
}
