//! How is a name and its password sent to sign in: `POST /api/v1/signin`?

use std::fmt;

use zeroize::Zeroizing;

use crate::json::{self, JsonError, Limits, Value, Wiped};

/// `POST /api/v1/signin`. Wiped when dropped, never printed.
pub struct SignIn {
    username: String,
    password: Zeroizing<String>,
}

impl SignIn {
    /// The name of the account.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password, to be compared and nowhere else.
    pub fn into_password(self) -> Zeroizing<String> {
        self.password
    }

    /// Reads the JSON body: the members `username` and `password` and no other.
    ///
    /// # Errors
    ///
    /// Not acceptable JSON, or a member is absent, not a string, or one too many.
    pub fn from_json(body: &[u8]) -> Result<SignIn, JsonError> {
        const LIMITS: Limits = Limits {
            bytes: 16 * 1024,
            depth: 1,
            members: 2,
            string: 4 * 1024,
        };
        let members = Wiped::new(json::object(body, &LIMITS)?);
        let text = |name| match members.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(JsonError::Member(name)),
        };
        Ok(SignIn {
            username: text("username")?.to_owned(),
            password: Zeroizing::new(text("password")?.to_owned()),
        })
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_password_are_read_and_nothing_beside_them() {
        let read = SignIn::from_json(br#"{"password":"\u0061b","username":"anna"}"#).unwrap();
        assert_eq!(format!("{read:?}"), "SignIn(..)");
        assert_eq!(read.username(), "anna");
        assert_eq!(*read.into_password(), "ab");
        for bad in [
            r"{}",
            r#"{"username":"anna"}"#,
            r#"{"username":"anna","password":1}"#,
            r#"{"username":"anna","password":"a","more":1}"#,
            r#"{"username":"anna","password":"a","password":"b"}"#,
            r#"["anna","a"]"#,
        ] {
            assert!(SignIn::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
