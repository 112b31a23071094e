//! How are parameters carried in the body of a POST (RFC 6749 §3.2, App. B)?

use std::{collections::BTreeMap, fmt};

use http::{
    HeaderValue, Method, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::oauth_error::{ErrorCode, OAuthError};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const JWT_BEARER_ASSERTION_TYPE: &str =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Forms may have at most so many bytes.
pub const MAX_FORM_BYTES: usize = 64 * 1024;

/// Forms may have at most so many parameters.
const MAX_PARAMETERS: usize = 64;

/// Form parameters: each at most once, empty is absent, unknown ones ignored (RFC 6749 §3.2).
///
/// Values are wiped when dropped, and never shown.
#[derive(Default)]
pub struct Form {
    parameters: BTreeMap<String, Zeroizing<String>>,
}

impl Form {
    /// Parses a form body.
    ///
    /// # Errors
    ///
    /// `invalid_request` when a parameter is repeated, when a `%` escape is malformed, when a name
    /// or value is not UTF-8 or holds a NUL, or when the body is larger than [`MAX_FORM_BYTES`].
    pub fn parse(body: &[u8]) -> Result<Form, OAuthError> {
        if body.len() > MAX_FORM_BYTES {
            return Err(invalid_request("the form is too large"));
        }
        let mut form = Form::default();
        for pair in body.split(|byte| *byte == b'&') {
            if pair.is_empty() {
                continue;
            }
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match at {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let name = decode(name)?.to_string();
            let value = decode(value)?;
            if form.parameters.len() == MAX_PARAMETERS {
                return Err(invalid_request("the form has too many parameters"));
            }
            if form.parameters.insert(name, value).is_some() {
                return Err(invalid_request("a parameter is repeated"));
            }
        }
        Ok(form)
    }

    /// Takes a parameter out; empty is absent.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let mut value = self.parameters.remove(name)?;
        if value.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut *value))
    }

    /// Whether a parameter is there and not empty.
    pub fn contains(&self, name: &str) -> bool {
        self.parameters
            .get(name)
            .is_some_and(|value| !value.is_empty())
    }

    /// Takes a parameter out that must be there.
    pub(crate) fn require(&mut self, name: &str) -> Result<String, OAuthError> {
        self.take(name)
            .ok_or_else(|| invalid_request(&format!("the parameter {name} is missing")))
    }
}

/// Shows the names of the parameters only.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form")?;
        f.debug_set().entries(self.parameters.keys()).finish()
    }
}

/// A secret as it was presented; Debug prints nothing of it; wiped when dropped.
pub struct Presented {
    secret: Zeroizing<String>,
}

impl Presented {
    /// Takes the secret in.
    pub fn new(text: String) -> Presented {
        Presented {
            secret: Zeroizing::new(text),
        }
    }

    /// The secret, to be verified and nowhere else.
    pub fn expose(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented(..)")
    }
}

/// A POST of these parameters that asks for JSON.
pub(crate) fn post(endpoint: &Url, parameters: &[(&str, &str)]) -> http::Request<Vec<u8>> {
    let room: usize = parameters
        .iter()
        .map(|(name, value)| name.len() + 2 + value.len() * 3)
        .sum();
    // Room for the worst case: growing would leave a copy of the assertion behind.
    let mut body = form_urlencoded::Serializer::new(String::with_capacity(room));
    for (name, value) in parameters {
        body.append_pair(name, value);
    }
    let mut request = http::Request::new(body.finish().into_bytes());
    *request.method_mut() = Method::POST;
    // A URL is a URI. One that is too long for the type becomes "/", which no transport sends.
    *request.uri_mut() = endpoint.as_str().parse::<Uri>().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

/// Takes the client's authentication by assertion out, if there is any (RFC 7521 §4.2).
///
/// `invalid_request` when the type is missing or unknown, or comes without an assertion, or when a
/// `client_secret` stands beside it; `invalid_client` when there is a `client_secret` alone.
pub(crate) fn take_client_assertion(form: &mut Form) -> Result<Option<Presented>, OAuthError> {
    let assertion = form.take("client_assertion").map(Presented::new);
    let assertion_type = form.take("client_assertion_type");
    if form.contains("client_secret") {
        return Err(if assertion.is_some() {
            several_methods()
        } else {
            OAuthError::new(ErrorCode::InvalidClient)
                .describe("clients authenticate with client_assertion, not with client_secret")
        });
    }
    match (assertion, assertion_type) {
        (None, None) => Ok(None),
        (Some(assertion), Some(kind)) if kind == JWT_BEARER_ASSERTION_TYPE => Ok(Some(assertion)),
        (None, Some(_)) => Err(invalid_request("the parameter client_assertion is missing")),
        (Some(_), _) => Err(invalid_request(&format!(
            "the parameter client_assertion_type is not {JWT_BEARER_ASSERTION_TYPE}"
        ))),
    }
}

pub(super) fn invalid_request(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest).describe(description)
}

pub(super) fn several_methods() -> OAuthError {
    invalid_request("more than one method of client authentication")
}

fn decode(text: &[u8]) -> Result<Zeroizing<String>, OAuthError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = rest.next().map(|digit| char::from(*digit))?;
                    digit.to_digit(16).map(|digit| digit as u8)
                };
                match (digit(), digit()) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => return Err(invalid_request("the form holds a malformed escape")),
                }
            }
            byte => *byte,
        });
    }
    let bytes = std::mem::take(&mut *bytes);
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Zeroizing::new(text)),
        Ok(text) => {
            drop(Zeroizing::new(text));
            Err(invalid_request("the form holds a NUL"))
        }
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(invalid_request("the form is not UTF-8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 38
    #[test]
    fn a_repeated_parameter_is_refused() {
        for body in [
            "scope=a&scope=b",
            "x=1&x=1",
            "scope=&scope=a",
            "a&a",
            "a=1&%61=2",
        ] {
            assert_eq!(
                Form::parse(body.as_bytes()).unwrap_err().code,
                ErrorCode::InvalidRequest,
                "{body}"
            );
        }
    }

    // security.md 57
    #[test]
    fn an_empty_parameter_is_absent() {
        let mut form = Form::parse(b"a=&b&c=1&&d=+").unwrap();
        assert_eq!(form.take("a"), None);
        assert_eq!(form.take("b"), None);
        assert_eq!(form.take("c").as_deref(), Some("1"));
        assert_eq!(form.take("c"), None);
        assert_eq!(form.take("d").as_deref(), Some(" "));
        assert!(Form::parse(b"").is_ok());
    }

    #[test]
    fn escapes_are_resolved_and_malformed_ones_refused() {
        let mut form = Form::parse("a=%C3%A9+%2B%26%3d=&b=é".as_bytes()).unwrap();
        assert_eq!(form.take("a").as_deref(), Some("é +&=="));
        assert_eq!(form.take("b").as_deref(), Some("é"));
        for body in [
            &b"a=%"[..],
            b"a=%4",
            b"a=%zz",
            b"a=%ff",
            b"a=\xff",
            b"a=%00",
            b"%=1",
        ] {
            assert!(Form::parse(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_form_is_bounded() {
        let many: Vec<String> = (0..=MAX_PARAMETERS).map(|n| format!("p{n}=1")).collect();
        assert!(Form::parse(many[1..].join("&").as_bytes()).is_ok());
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
        assert!(Form::parse(&vec![b'a'; MAX_FORM_BYTES]).is_ok());
        assert!(Form::parse(&vec![b'a'; MAX_FORM_BYTES + 1]).is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let form = Form::parse(b"client_assertion=hush&scope=quiet").unwrap();
        let shown = format!("{form:?} {:?}", Presented::new("hush".to_owned()));
        assert!(shown.contains("client_assertion"));
        assert!(
            !shown.contains("hush") && !shown.contains("quiet"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_posted_is_read_back() {
        let endpoint = Url::parse("https://id.example/oauth2/token?tenant=a").unwrap();
        let request = post(&endpoint, &[("a", "é +&=%"), ("b", "")]);
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://id.example/oauth2/token?tenant=a");
        assert_eq!(request.headers()["accept"], "application/json");
        assert_eq!(
            request.headers()["content-type"],
            "application/x-www-form-urlencoded"
        );
        let mut form = Form::parse(request.body()).unwrap();
        assert_eq!(form.take("a").as_deref(), Some("é +&=%"));
    }
}
