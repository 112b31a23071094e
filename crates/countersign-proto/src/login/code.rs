//! Why does a login end without a token, for programs?

use std::fmt;

/// `code` of an `error` message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginErrorCode {
    /// `denied`: the identity provider or the person said no.
    Denied,
    /// `reported`: the person says that somebody else started the login.
    Reported,
    /// `cancelled`: the terminal ended it.
    Cancelled,
    /// `expired`: one of its times ran out.
    Expired,
    /// `policy`: the platform's rules do not permit it.
    Policy,
    /// `identity_rejected`: the terminal did not accept who signed in.
    IdentityRejected,
    /// `superseded`: the login is carried on by a newer connection.
    Superseded,
    /// `bad_message`: a message was not as this protocol writes it.
    BadMessage,
    /// `bad_proof`: a signed message was not believed.
    BadProof,
    /// `not_expected`: a message came when it means nothing.
    NotExpected,
    /// `too_many`: this source has too many logins, or starts them too fast.
    TooMany,
    /// `server_error`: the platform failed.
    ServerError,
    /// A code of a later version.
    Other(String),
}

const CODES: [(LoginErrorCode, &str, u16); 12] = [
    (LoginErrorCode::BadMessage, "bad_message", 4000),
    (LoginErrorCode::BadProof, "bad_proof", 4001),
    (LoginErrorCode::NotExpected, "not_expected", 4002),
    (LoginErrorCode::Superseded, "superseded", 4003),
    (LoginErrorCode::Expired, "expired", 4008),
    (LoginErrorCode::Denied, "denied", 4010),
    (LoginErrorCode::Reported, "reported", 4011),
    (LoginErrorCode::Cancelled, "cancelled", 4012),
    (LoginErrorCode::Policy, "policy", 4020),
    (LoginErrorCode::IdentityRejected, "identity_rejected", 4021),
    (LoginErrorCode::TooMany, "too_many", 4029),
    (LoginErrorCode::ServerError, "server_error", 1011),
];

impl LoginErrorCode {
    /// The value of `code`.
    pub fn as_str(&self) -> &str {
        match self {
            LoginErrorCode::Other(name) => name,
            known => CODES
                .iter()
                .find(|(code, ..)| code == known)
                .map_or("", |(_, name, _)| name),
        }
    }

    /// Reads the value of `code`.
    pub fn from_name(name: &str) -> LoginErrorCode {
        CODES
            .iter()
            .find(|(_, known, _)| *known == name)
            .map_or_else(
                || LoginErrorCode::Other(name.to_owned()),
                |(code, ..)| code.clone(),
            )
    }

    /// Which error a WebSocket was closed for. `None` for an end without an error and for a
    /// connection that broke, 1011 among them: the login may be resumed.
    pub fn from_close_code(close: u16) -> Option<LoginErrorCode> {
        CODES
            .iter()
            .find(|(.., known)| *known == close && (4000..5000).contains(known))
            .map(|(code, ..)| code.clone())
    }

    /// The code with which the WebSocket is closed after a fatal error (RFC 6455 §7.4). An end
    /// without an error is 1000, a code that is not known here 1008.
    pub fn close_code(&self) -> u16 {
        CODES
            .iter()
            .find(|(code, ..)| code == self)
            .map_or(1008, |(.., close)| *close)
    }
}

impl fmt::Display for LoginErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
