//! What is said when something fails, what may help, and with which code does the program end?

use countersign::{
    ErrorKind, TransportError,
    cache_file::{CacheFileError, CacheProblem},
};

use crate::sealing::what_helps;

/// A failure as it is shown: one line, a hint where there is a next step, and an exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    exit: Exit,
}

/// Exit codes. Scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failure = 1,
    Usage = 2,
    Denied = 10,
    Expired = 11,
    Policy = 12,
    Network = 13,
    IdentityRejected = 14,
    RefreshLimit = 15,
    NotNeeded = 20,
    Interrupted = 130,
}

impl Exit {
    const ALL: [Exit; 10] = [
        Exit::Failure,
        Exit::Usage,
        Exit::Denied,
        Exit::Expired,
        Exit::Policy,
        Exit::Network,
        Exit::IdentityRejected,
        Exit::RefreshLimit,
        Exit::NotNeeded,
        Exit::Interrupted,
    ];

    /// The one with this code, as another run of this program told it.
    pub(crate) fn of_code(code: u8) -> Exit {
        let found = Exit::ALL.into_iter().find(|exit| *exit as u8 == code);
        found.unwrap_or(Exit::Failure)
    }
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            hint: None,
            exit,
        }
    }

    /// An answer, and no failure: the code tells it, and there is nothing more to say.
    pub(crate) fn answer(exit: Exit) -> Failure {
        Failure::new(exit, "")
    }

    /// Something that was asked for could not be done.
    pub(crate) fn other(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Failure, message)
    }

    /// What was typed, or what stands in a settings file, is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure, said about something.
    pub(crate) fn about(mut self, what: &str) -> Failure {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn code(&self) -> u8 {
        self.exit as u8
    }
}

/// The one table from the SDK's reasons to exit codes.
const fn exit_of(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::Settings => Exit::Usage,
        ErrorKind::Network | ErrorKind::Deadline => Exit::Network,
        ErrorKind::IdentityRejected => Exit::IdentityRejected,
        ErrorKind::Policy => Exit::Policy,
        ErrorKind::Denied => Exit::Denied,
        ErrorKind::Expired => Exit::Expired,
        ErrorKind::RefreshLimit => Exit::RefreshLimit,
        // No usable certificate, a key that does not sign, a server that makes no sense.
        _ => Exit::Failure,
    }
}

impl From<countersign::Error> for Failure {
    fn from(error: countersign::Error) -> Failure {
        let hint = error.hint().or(match error.kind() {
            ErrorKind::Settings => Some("see countersign help login for what each option takes"),
            ErrorKind::Network | ErrorKind::Deadline => {
                Some("countersign doctor SERVER looks where it ends")
            }
            _ => None,
        });
        Failure {
            message: error.to_string(),
            hint: hint.map(str::to_owned),
            exit: exit_of(error.kind()),
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Failure {
        Failure::from(countersign::Error::from(error))
    }
}

impl From<CacheFileError> for Failure {
    fn from(error: CacheFileError) -> Failure {
        match &error.problem {
            CacheProblem::Sealed(why) | CacheProblem::NotSealed(why) => {
                Failure::other(error.to_string()).hint(what_helps(why))
            }
            // Whoever needs what was in it has to begin anew.
            CacheProblem::KeyLost | CacheProblem::BadSeal => {
                Failure::new(Exit::RefreshLimit, error.to_string())
            }
            _ => Failure::other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let table = [
            (ErrorKind::Settings, 2),
            (ErrorKind::Credential, 1),
            (ErrorKind::Network, 13),
            (ErrorKind::Server, 1),
            (ErrorKind::IdentityRejected, 14),
            (ErrorKind::Policy, 12),
            (ErrorKind::Denied, 10),
            (ErrorKind::Expired, 11),
            (ErrorKind::RefreshLimit, 15),
            (ErrorKind::Deadline, 13),
            (ErrorKind::Signing, 1),
        ];
        for (kind, code) in table {
            assert_eq!(exit_of(kind) as u8, code, "{kind:?}");
        }
    }

    #[test]
    fn an_exit_code_of_another_run_is_known_again() {
        for exit in Exit::ALL {
            assert_eq!(Exit::of_code(exit as u8), exit);
        }
        assert_eq!(Exit::of_code(99), Exit::Failure);
    }

    #[test]
    fn an_interrupted_program_ends_with_130() {
        assert_eq!(Failure::new(Exit::Interrupted, "interrupted").code(), 130);
    }

    #[test]
    fn a_failure_about_something_names_it_first() {
        let failure = Failure::other("no such file")
            .about("key.pem")
            .hint("look again");
        assert_eq!(failure.message(), "key.pem: no such file");
        assert_eq!(failure.hint_text(), Some("look again"));
    }
}
