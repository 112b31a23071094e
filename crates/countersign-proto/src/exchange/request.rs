//! What does a client ask of the token endpoint (RFC 6749 §4.4, §6, RFC 7523 §2)?

use super::{
    form::{
        Form, JWT_BEARER_ASSERTION_TYPE, Presented, invalid_request, post, several_methods,
        take_client_assertion,
    },
    refresh_token::RefreshToken,
    request_form::{ClientIdParameter, RequestForm},
};
use crate::{
    assertion::ClientAssertion,
    oauth_error::{ErrorCode, OAuthError, Reason},
    scope::Scope,
    token::INTERACTIVE_CLIENT_ID,
};

/// `grant_type` for platform tokens (RFC 7523 §2.1).
pub const JWT_BEARER_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// `grant_type` for a counted refresh of an interactive token (RFC 6749 §6).
pub const REFRESH_GRANT: &str = "refresh_token";

/// What the client asks (encode side).
#[derive(Debug)]
#[non_exhaustive]
pub enum TokenRequest<'a> {
    /// A token of kind 1, for an application.
    ClientCredentials {
        /// `client_id`, the same as the assertion's `iss`.
        client_id: &'a str,
        /// `client_assertion`
        assertion: &'a ClientAssertion,
        /// `scope`; left out when absent or empty.
        scope: Option<&'a Scope>,
        /// `principal`; left out when absent.
        principal: Option<&'a str>,
    },
    /// A token of kind 2, for a component of the platform.
    Platform {
        /// `assertion`
        assertion: &'a ClientAssertion,
        /// `scope`; left out when absent or empty.
        scope: Option<&'a Scope>,
    },
    /// The next token of kind 0 of a session. A `DPoP` proof by the session's key goes with it.
    Refresh {
        /// `refresh_token`
        refresh_token: &'a RefreshToken,
        /// `scope`, at most what the session has; left out when absent or empty.
        scope: Option<&'a Scope>,
    },
}

impl TokenRequest<'_> {
    /// A POST request with `Content-Type: application/x-www-form-urlencoded` and
    /// `Accept: application/json`.
    pub fn to_http(&self, token_endpoint: &url::Url) -> http::Request<Vec<u8>> {
        self.to_http_in(token_endpoint, &RequestForm::default())
    }

    /// The same, as a server of another make wants it.
    pub fn to_http_in(
        &self,
        token_endpoint: &url::Url,
        request_form: &RequestForm,
    ) -> http::Request<Vec<u8>> {
        let scope = match self {
            TokenRequest::ClientCredentials { scope, .. }
            | TokenRequest::Platform { scope, .. }
            | TokenRequest::Refresh { scope, .. } => {
                scope.map(Scope::to_string).unwrap_or_default()
            }
        };
        let mut parameters = match self {
            TokenRequest::ClientCredentials {
                client_id,
                assertion,
                principal,
                ..
            } => vec![
                ("grant_type", "client_credentials"),
                ("client_id", *client_id),
                ("client_assertion_type", JWT_BEARER_ASSERTION_TYPE),
                ("client_assertion", assertion.expose()),
                ("principal", principal.unwrap_or_default()),
            ],
            TokenRequest::Platform { assertion, .. } => vec![
                ("grant_type", JWT_BEARER_GRANT),
                ("assertion", assertion.expose()),
            ],
            TokenRequest::Refresh { refresh_token, .. } => vec![
                ("grant_type", REFRESH_GRANT),
                ("client_id", INTERACTIVE_CLIENT_ID),
                ("refresh_token", refresh_token.expose()),
            ],
        };
        if request_form.client_id == ClientIdParameter::LeftOut {
            parameters.retain(|(name, _)| *name != "client_id");
        }
        parameters.push(("scope", &scope));
        parameters.extend(request_form.parameters());
        parameters.retain(|(_, value)| !value.is_empty());
        post(token_endpoint, &parameters)
    }
}

/// What the platform read (decode side). Strings are as sent; nothing is verified.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceivedTokenRequest {
    /// `grant_type=client_credentials`
    ClientCredentials {
        /// `client_id`; when it is there it must be the assertion's `iss`.
        client_id: Option<String>,
        /// `client_assertion`
        assertion: Presented,
        /// `scope`, empty when it was not sent.
        scope: Scope,
        /// `principal`
        principal: Option<String>,
    },
    /// `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer`
    Platform {
        /// `assertion`
        assertion: Presented,
        /// `scope`, empty when it was not sent.
        scope: Scope,
        /// Client authentication sent beside the grant, which must be checked (RFC 7523 §3.1).
        client_assertion: Option<Presented>,
    },
    /// `grant_type=refresh_token`, by the interactive client, which has no credentials: the session
    /// is proved by the `DPoP` header.
    Refresh {
        /// `refresh_token`
        refresh_token: Presented,
        /// `scope`, empty when it was not sent.
        scope: Scope,
    },
}

impl ReceivedTokenRequest {
    /// Decodes a form.
    ///
    /// # Errors
    ///
    /// `unsupported_grant_type`; `invalid_request` (two methods of client authentication, a
    /// missing parameter, an unknown assertion type); `invalid_client` (no assertion at all, or a
    /// method that is not offered); `invalid_scope`; and `invalid_grant` with reason
    /// `not_refreshable` for a refresh by a client that authenticates or is not the interactive
    /// one, since no token of such a client can be refreshed.
    pub fn from_form(
        mut form: Form,
        authorization_header_present: bool,
    ) -> Result<ReceivedTokenRequest, OAuthError> {
        let grant_type = form.require("grant_type")?;
        match grant_type.as_str() {
            "client_credentials" | JWT_BEARER_GRANT => {}
            REFRESH_GRANT => return refresh(form, authorization_header_present),
            _ => return Err(OAuthError::new(ErrorCode::UnsupportedGrantType)),
        }

        let client_assertion = take_client_assertion(&mut form)?;
        if authorization_header_present {
            return Err(if client_assertion.is_some() {
                several_methods()
            } else {
                OAuthError::new(ErrorCode::InvalidClient)
                    .describe("clients authenticate with client_assertion")
            });
        }
        let scope = scope(&mut form)?;

        if grant_type == JWT_BEARER_GRANT {
            return Ok(ReceivedTokenRequest::Platform {
                assertion: Presented::new(form.require("assertion")?),
                scope,
                client_assertion,
            });
        }
        Ok(ReceivedTokenRequest::ClientCredentials {
            client_id: identifier(&mut form, "client_id")?,
            assertion: client_assertion.ok_or_else(|| {
                OAuthError::new(ErrorCode::InvalidClient)
                    .describe("the parameter client_assertion is missing")
            })?,
            scope,
            principal: identifier(&mut form, "principal")?,
        })
    }
}

/// The session's key proves itself beside the form; the form names nobody.
fn refresh(
    mut form: Form,
    authorization_header_present: bool,
) -> Result<ReceivedTokenRequest, OAuthError> {
    let client_id = identifier(&mut form, "client_id")?;
    let is_another = client_id.is_some_and(|client_id| client_id != INTERACTIVE_CLIENT_ID);
    if is_another || take_client_assertion(&mut form)?.is_some() {
        return Err(OAuthError::new(ErrorCode::InvalidGrant)
            .describe("this token cannot be refreshed: sign in again with the certificate")
            .because(Reason::NotRefreshable));
    }
    if authorization_header_present {
        return Err(invalid_request(
            "a refresh is proved by the DPoP header, and has no Authorization header",
        ));
    }
    Ok(ReceivedTokenRequest::Refresh {
        refresh_token: Presented::new(form.require("refresh_token")?),
        scope: scope(&mut form)?,
    })
}

fn scope(form: &mut Form) -> Result<Scope, OAuthError> {
    Scope::parse(&form.take("scope").unwrap_or_default())
        .map_err(|error| OAuthError::new(ErrorCode::InvalidScope).describe(error.to_string()))
}

/// Identifiers are shown and logged: they hold no controls (attack A23).
fn identifier(form: &mut Form, name: &str) -> Result<Option<String>, OAuthError> {
    let value = form.take(name);
    if value
        .as_ref()
        .is_some_and(|value| value.len() > 256 || value.chars().any(char::is_control))
    {
        return Err(invalid_request(&format!(
            "the parameter {name} is too long or holds control characters"
        )));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::{
        assertion::Assertion,
        fixtures::{CLIENT, ISSUER, Identity, JTI, NOW},
        key::Algorithm,
    };

    fn assertion() -> ClientAssertion {
        let identity = Identity::named("p256");
        Assertion::client(CLIENT, ISSUER)
            .mint(&identity.chain, &identity.key, Algorithm::ES256, NOW, JTI)
            .unwrap()
    }

    fn decode(body: &[u8]) -> Result<ReceivedTokenRequest, OAuthError> {
        ReceivedTokenRequest::from_form(Form::parse(body)?, false)
    }

    fn refusal(body: &str) -> ErrorCode {
        decode(body.as_bytes()).unwrap_err().code
    }

    const TYPED: &str = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type\
                         %3Ajwt-bearer&client_assertion=a.b.c";
    const PLATFORM: &str =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c";

    #[test]
    fn a_request_of_an_application_is_written_and_read_back() {
        let assertion = assertion();
        let scope = Scope::parse("write read").unwrap();
        let request = TokenRequest::ClientCredentials {
            client_id: CLIENT,
            assertion: &assertion,
            scope: Some(&scope),
            principal: Some("robot é"),
        };
        let http = request.to_http(&Url::parse("https://id.example/oauth2/token").unwrap());
        match decode(http.body()).unwrap() {
            ReceivedTokenRequest::ClientCredentials {
                client_id,
                assertion: received,
                scope: asked,
                principal,
            } => {
                assert_eq!(client_id.as_deref(), Some(CLIENT));
                assert_eq!(received.expose(), assertion.expose());
                assert_eq!(asked, scope);
                assert_eq!(principal.as_deref(), Some("robot é"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_in_another_form_differs_in_what_that_says_and_in_nothing_else() {
        let assertion = assertion();
        let request = TokenRequest::ClientCredentials {
            client_id: CLIENT,
            assertion: &assertion,
            scope: None,
            principal: None,
        };
        let endpoint = Url::parse("https://id.example/oauth2/token").unwrap();
        let form = |request_form: &RequestForm| {
            let http = request.to_http_in(&endpoint, request_form);
            url::form_urlencoded::parse(http.body())
                .into_owned()
                .collect::<Vec<(String, String)>>()
        };
        let own = form(&RequestForm::default());
        assert!(
            own.iter()
                .any(|(name, value)| name == "client_id" && value == CLIENT)
        );

        let mut request_form = RequestForm::default();
        request_form.client_id = ClientIdParameter::LeftOut;
        request_form
            .add("audience", "https://api.example/a b")
            .unwrap();
        let mut expected: Vec<_> = own
            .into_iter()
            .filter(|(name, _)| name != "client_id")
            .collect();
        expected.push(("audience".to_owned(), "https://api.example/a b".to_owned()));
        assert_eq!(form(&request_form), expected);
    }

    #[test]
    fn a_request_of_the_platform_is_written_and_read_back() {
        let assertion = assertion();
        let request = TokenRequest::Platform {
            assertion: &assertion,
            scope: None,
        };
        let http = request.to_http(&Url::parse("https://id.example/oauth2/token").unwrap());
        assert!(!String::from_utf8_lossy(http.body()).contains("scope"));
        match decode(http.body()).unwrap() {
            ReceivedTokenRequest::Platform {
                assertion: received,
                scope,
                client_assertion,
            } => {
                assert_eq!(received.expose(), assertion.expose());
                assert!(scope.is_empty());
                assert!(client_assertion.is_none());
            }
            other => panic!("{other:?}"),
        }
    }

    // security.md 38, 57
    #[test]
    fn empty_is_absent_and_unknown_is_ignored() {
        let body =
            format!("grant_type=client_credentials&{TYPED}&scope=&principal=&x=1&client_id=");
        match decode(body.as_bytes()).unwrap() {
            ReceivedTokenRequest::ClientCredentials {
                client_id,
                scope,
                principal,
                ..
            } => {
                assert_eq!((client_id, principal), (None, None));
                assert!(scope.is_empty());
            }
            other => panic!("{other:?}"),
        }
        for repeated in [
            "client_assertion=x",
            "grant_type=x",
            "scope=a&scope=a",
            "x=1&x=2",
        ] {
            assert_eq!(
                refusal(&format!("grant_type=client_credentials&{TYPED}&{repeated}")),
                ErrorCode::InvalidRequest,
                "{repeated}"
            );
        }
        assert_eq!(
            refusal(&format!("{PLATFORM}&assertion=x")),
            ErrorCode::InvalidRequest
        );
    }

    // security.md 58
    #[test]
    fn grants_that_do_not_exist_are_unsupported() {
        for grant in [
            "password",
            "implicit",
            "authorization_code",
            "Client_Credentials",
            "client_credentials%20",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:saml2-bearer",
        ] {
            assert_eq!(
                refusal(&format!("grant_type={grant}&{TYPED}&username=a&password=b")),
                ErrorCode::UnsupportedGrantType,
                "{grant}"
            );
        }
        assert_eq!(refusal(TYPED), ErrorCode::InvalidRequest);
        assert_eq!(refusal("grant_type="), ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_refresh_is_written_and_read_back() {
        let refresh_token = RefreshToken::new("csn_rt_+&=% x").unwrap();
        let scope = Scope::parse("roles:read audit:read").unwrap();
        let request = TokenRequest::Refresh {
            refresh_token: &refresh_token,
            scope: Some(&scope),
        };
        let http = request.to_http(&Url::parse("https://id.example/oauth2/token").unwrap());
        let mut form = Form::parse(http.body()).unwrap();
        assert_eq!(form.take("client_id").as_deref(), Some("countersign:cli"));
        match decode(http.body()).unwrap() {
            ReceivedTokenRequest::Refresh {
                refresh_token: received,
                scope: asked,
            } => {
                assert_eq!(received.expose(), refresh_token.expose());
                assert_eq!(asked, scope);
            }
            other => panic!("{other:?}"),
        }
        match decode(b"grant_type=refresh_token&refresh_token=x&scope=&client_id=").unwrap() {
            ReceivedTokenRequest::Refresh { scope, .. } => assert!(scope.is_empty()),
            other => panic!("{other:?}"),
        }
    }

    // security.md 69; checklist T4
    #[test]
    fn what_an_assertion_earned_is_not_refreshable() {
        for beside in [TYPED, "client_id=app-1", "client_id=COUNTERSIGN:CLI"] {
            let body = format!("grant_type=refresh_token&refresh_token=x&{beside}");
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidGrant, "{beside}");
            assert_eq!(error.reason, Some(Reason::NotRefreshable), "{beside}");
        }
    }

    #[test]
    fn a_refresh_has_one_token_and_no_other_credentials() {
        for (body, code) in [
            ("", ErrorCode::InvalidRequest),
            ("&refresh_token=", ErrorCode::InvalidRequest),
            (
                "&refresh_token=x&refresh_token=x",
                ErrorCode::InvalidRequest,
            ),
            ("&refresh_token=x&scope=a%22", ErrorCode::InvalidScope),
            ("&refresh_token=x&client_secret=s", ErrorCode::InvalidClient),
            (
                "&refresh_token=x&client_id=a%0Ab",
                ErrorCode::InvalidRequest,
            ),
        ] {
            assert_eq!(
                refusal(&format!("grant_type=refresh_token{body}")),
                code,
                "{body}"
            );
        }
        let form = Form::parse(b"grant_type=refresh_token&refresh_token=x").unwrap();
        let error = ReceivedTokenRequest::from_form(form, true).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }

    // security.md 39
    #[test]
    fn a_client_authenticates_by_one_method() {
        let application = format!("grant_type=client_credentials&{TYPED}");
        let with_header = |body: &str| {
            ReceivedTokenRequest::from_form(Form::parse(body.as_bytes()).unwrap(), true)
                .unwrap_err()
                .code
        };
        assert_eq!(
            refusal(&format!("{application}&client_secret=s")),
            ErrorCode::InvalidRequest
        );
        assert_eq!(with_header(&application), ErrorCode::InvalidRequest);
        assert_eq!(
            with_header(&format!("{PLATFORM}&{TYPED}")),
            ErrorCode::InvalidRequest
        );
        // One method, but not one that is offered.
        assert_eq!(
            refusal("grant_type=client_credentials&client_id=a&client_secret=s"),
            ErrorCode::InvalidClient
        );
        assert_eq!(
            with_header("grant_type=client_credentials"),
            ErrorCode::InvalidClient
        );
        assert_eq!(
            refusal("grant_type=client_credentials&client_id=a"),
            ErrorCode::InvalidClient
        );
    }

    #[test]
    fn an_assertion_has_its_type() {
        for body in [
            "grant_type=client_credentials&client_assertion=a.b.c",
            "grant_type=client_credentials&client_assertion=a.b.c&client_assertion_type=jwt-bearer",
            "grant_type=client_credentials&client_assertion=a.b.c&client_assertion_type=\
             urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            "grant_type=client_credentials&client_assertion_type=\
             urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
        ] {
            assert_eq!(refusal(body), ErrorCode::InvalidRequest, "{body}");
        }
    }

    // security.md 40
    #[test]
    fn client_authentication_beside_a_grant_is_handed_on_to_be_checked() {
        match decode(format!("{PLATFORM}&{TYPED}").as_bytes()).unwrap() {
            ReceivedTokenRequest::Platform {
                client_assertion: Some(found),
                ..
            } => assert_eq!(found.expose(), "a.b.c"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scope_or_identifier_that_cannot_be_is_refused() {
        let application = format!("grant_type=client_credentials&{TYPED}");
        assert_eq!(
            refusal(&format!("{application}&scope=a%22")),
            ErrorCode::InvalidScope
        );
        for (name, value) in [
            ("principal", "a%0Ab".to_owned()),
            ("principal", "%1B%5B2J".to_owned()),
            ("client_id", "a%7F".to_owned()),
            ("client_id", "x".repeat(257)),
        ] {
            assert_eq!(
                refusal(&format!("{application}&{name}={value}")),
                ErrorCode::InvalidRequest,
                "{name}={value}"
            );
        }
    }

    #[test]
    fn a_received_request_shows_no_secret() {
        let shown = format!("{:?}", decode(PLATFORM.as_bytes()).unwrap());
        assert!(!shown.contains("a.b.c"), "{shown}");
    }
}
