//! What went wrong for the application, and may it try again?

use std::time::Duration;

use countersign_proto::oauth_error::OAuthError;

/// The one error of the SDK.
#[derive(Clone, Debug)]
pub struct Error {}

/// Whose fault, roughly. Maps to the exit codes of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /** wrong settings or arguments */
    Settings,
    /** no usable certificate */
    Credential,
    /** no answer, or no sense in it */
    Network,
    /** the server's metadata or answer is not acceptable */
    Server,
    /** certificate, client or mapping refused */
    IdentityRejected,
    /** refused by policy */
    Policy,
    /** access denied */
    Denied,
    /** the token or the certificate is past its end */
    Expired,
    /** the caller's deadline passed */
    Deadline,
    /** a device or service that signs did not */
    Signing,
}

impl Error {
    /// What kind.
    pub fn kind(&self) -> ErrorKind {
        todo!()
    }
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        todo!()
    }
    /// What the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        todo!()
    }
    /// The server's refusal.
    pub fn oauth(&self) -> Option<&OAuthError> {
        todo!()
    }
    /// What to do next, when there is something.
    pub fn hint(&self) -> Option<&str> {
        todo!()
    }
}
impl std::fmt::Display for Error {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
impl std::error::Error for Error {}
