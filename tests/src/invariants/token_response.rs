//! What must hold of the answer of a token endpoint (RFC 6749 §5)?

use countersign::proto::{
    exchange::{ExchangeError, read_response},
    oauth_error::OAuthError,
    token::TokenType,
};
use http::{Response, header::CONTENT_TYPE};

use super::rereading::{has_repeated_members, is_shown_safely, lenient};

/// Of a body as it is, as a yes and as a no.
pub fn hold(input: &[u8]) {
    for expect_dpop in [false, true] {
        let response = match read_response(&answer(200, input), expect_dpop) {
            Ok(response) => response,
            Err(why) => {
                is_shown_safely(&why);
                continue;
            }
        };
        assert!(!has_repeated_members(input));
        let members = lenient(input).expect("a JSON object");
        assert_eq!(members["access_token"], response.access_token.expose());
        assert_eq!(response.token_type == TokenType::DPoP, expect_dpop);
        assert!(
            !format!("{response:?}").contains(response.access_token.expose())
                || response.access_token.expose().len() < 16
        );
        let written = response.to_json();
        let again = read_response(&answer(200, &written), expect_dpop).expect("what was written");
        assert_eq!(again.access_token.expose(), response.access_token.expose());
        assert_eq!(again.expires_in, response.expires_in);
        assert_eq!(again.scope, response.scope);
        assert_eq!(
            (again.kind, again.principal),
            (response.kind, response.principal)
        );
    }
    match read_response(&answer(400, input), false) {
        Ok(_) => panic!("a refusal was read as a token"),
        Err(ExchangeError::Refused { status, error }) => {
            assert_eq!(status, 400);
            is_shown_safely(&error);
            let again = OAuthError::parse(&error.to_json()).expect("what was written");
            assert_eq!(again.code.as_str(), error.code.as_str());
        }
        Err(_) => {}
    }
}

fn answer(status: u16, body: &[u8]) -> Response<&[u8]> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(body)
        .expect("a response")
}
