//! What does a token endpoint of another make want otherwise in the form?

use std::fmt;

/// How a request differs from the platform's own form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestForm {
    /// Whether the client names itself beside its assertion.
    pub client_id: ClientIdParameter,
    parameters: Vec<(String, String)>,
}

/// Whether `client_id` is in the form. It is optional beside an assertion (RFC 7521 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientIdParameter {
    /// It is, and the same as the assertion's `sub`.
    #[default]
    Sent,
    /// It is not: the assertion says it.
    LeftOut,
}

/// Why a parameter cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// Its name is empty, longer than 64 bytes, or has other characters than ASCII letters, digits,
    /// `-`, `.` and `_`.
    Name,
    /// It is one of those that the request is made of, or the place of a secret.
    Reserved,
    /// Its value is empty, longer than 2048 bytes, or holds a control character.
    Value,
    /// It was added before: a server refuses a parameter that comes twice (RFC 6749 §3.2).
    Repeated,
}

/// What the request is made of, and where other grants and methods carry their secrets: a secret
/// does not belong into settings.
const RESERVED: [&str; 14] = [
    "assertion",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "grant_type",
    "password",
    "principal",
    "refresh_token",
    "scope",
    "username",
];

impl RequestForm {
    /// Adds a parameter, such as `audience` or `resource` (RFC 8707).
    ///
    /// # Errors
    ///
    /// [`ParameterError`].
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), ParameterError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if !(1..=64).contains(&name.len()) || !name.chars().all(fits) {
            return Err(ParameterError::Name);
        }
        if RESERVED.contains(&name) {
            return Err(ParameterError::Reserved);
        }
        if !(1..=2048).contains(&value.len()) || value.chars().any(char::is_control) {
            return Err(ParameterError::Value);
        }
        if self.parameters.iter().any(|(known, _)| known == name) {
            return Err(ParameterError::Repeated);
        }
        self.parameters.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Whether a parameter of this name was added.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, _)| known == name)
    }

    /// What was added, in that order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParameterError::Name => {
                "its name must have 1 to 64 letters, digits, dashes, dots or underscores"
            }
            ParameterError::Reserved => "it is set by other means, or would carry a secret",
            ParameterError::Value => {
                "its value must have 1 to 2048 bytes and no control characters"
            }
            ParameterError::Repeated => "it is there already, and none may come twice",
        })
    }
}

impl std::error::Error for ParameterError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_would_change_who_asks_or_for_what_cannot_be_added() {
        let mut request_form = RequestForm::default();
        for name in RESERVED {
            assert_eq!(request_form.add(name, "x"), Err(ParameterError::Reserved));
        }
        assert_eq!(request_form.add("audience", "https://a.example"), Ok(()));
        assert_eq!(
            request_form.add("audience", "b"),
            Err(ParameterError::Repeated)
        );
        assert_eq!(request_form.add("resource", "https://b.example"), Ok(()));
        for name in ["", "a b", "a=b", "client\u{200b}_id", &"x".repeat(65)] {
            assert_eq!(
                request_form.add(name, "x"),
                Err(ParameterError::Name),
                "{name:?}"
            );
        }
        for value in ["", "a\nb", &"x".repeat(2049)] {
            assert_eq!(request_form.add("c", value), Err(ParameterError::Value));
        }
        assert!(request_form.has("audience") && !request_form.has("c"));
        let all: Vec<_> = request_form.parameters().collect();
        let expected = [
            ("audience", "https://a.example"),
            ("resource", "https://b.example"),
        ];
        assert_eq!(all, expected);
    }
}
