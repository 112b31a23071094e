//! Is a token still good, and how is it given back (RFC 7662, RFC 7009)?

use countersign_proto::{
    bearer,
    exchange::{Presented, retry_after},
    introspection::Introspection,
    oauth_error::OAuthError,
    token::TokenKind,
    token_form::TokenForm,
};
use http::header::AUTHORIZATION;
use url::Url;

use crate::{Client, Error, ErrorKind, Token, exchange::Grant, retry};

/// What is told about the token, so that it is found sooner.
const HINT: &str = "access_token";

impl Client {
    /// Gives a token back (RFC 7009). The cache forgets it first, whatever the server says.
    ///
    /// The client authenticates as it does for a token. Without a usable certificate, and for a
    /// platform token, it presents the token itself: who holds it may give it back.
    ///
    /// # Errors
    /// When the server offers no revocation, did not answer, or refused.
    pub async fn revoke(&self, token: &Token) -> Result<(), Error> {
        self.forget(token);
        let metadata = self.metadata().await?;
        let endpoint = offered(metadata.revocation_endpoint.as_ref(), "revocation")?;
        let client_id = &self.exchange().settings.client_id;
        self.persist(async || {
            let assertion = match token.kind {
                TokenKind::Platform => None,
                _ => self.assertion_if_possible().await?,
            };
            let by_itself = assertion.is_none();
            let request = TokenForm {
                token: Presented::new(token.access_token.expose().to_owned()),
                token_type_hint: Some(HINT.to_owned()),
                client_id: assertion.is_some().then(|| client_id.clone()),
                client_assertion: assertion,
                client_address: None,
            };
            let mut request = request.to_http(endpoint);
            if by_itself {
                let presented = bearer::authorization(&token.access_token, token.token_type);
                request.headers_mut().insert(AUTHORIZATION, presented);
            }
            self.ask(request).await.map(|_| ())
        })
        .await
    }

    /// Whether the server says that a token is active (RFC 7662).
    ///
    /// # Errors
    /// When the server offers no introspection, did not answer, or refused to say.
    pub async fn is_active(&self, token: &Token) -> Result<bool, Error> {
        let metadata = self.metadata().await?;
        let endpoint = offered(metadata.introspection_endpoint.as_ref(), "introspection")?;
        let client_id = &self.exchange().settings.client_id;
        self.persist(async || {
            let request = TokenForm {
                token: Presented::new(token.access_token.expose().to_owned()),
                token_type_hint: Some(HINT.to_owned()),
                client_assertion: Some(self.assertion().await?),
                client_id: Some(client_id.clone()),
                client_address: None,
            };
            let body = self.ask(request.to_http(endpoint)).await?;
            Introspection::active_from_json(&body).map_err(|error| {
                Error::new(
                    ErrorKind::Server,
                    format!("the answer of {endpoint} is no introspection: {error}"),
                )
            })
        })
        .await
    }

    async fn persist<T>(&self, ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        retry::persist(self.clock().as_ref(), self.deadline(), 3, || ask()).await
    }

    async fn assertion(&self) -> Result<Presented, Error> {
        let exchange = self.exchange();
        let metadata = self.metadata().await?;
        let credential = exchange.believed(Grant::Client).await?;
        let assertion = exchange.sign(Grant::Client, &metadata, &credential).await?;
        Ok(Presented::new(assertion.expose().to_owned()))
    }

    async fn assertion_if_possible(&self) -> Result<Option<Presented>, Error> {
        match self.assertion().await {
            Ok(assertion) => Ok(Some(assertion)),
            Err(error) if matches!(error.kind(), ErrorKind::Credential | ErrorKind::Expired) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, request: http::Request<Vec<u8>>) -> Result<bytes::Bytes, Error> {
        let exchange = self.exchange();
        let response = exchange.transport.send(request).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let error = refused(&exchange.settings.issuer, &response);
        Err(error.with_retry_after(retry_after(response.headers(), exchange.server_time())))
    }
}

/// What an endpoint of `issuer` answered in place of what was asked for (RFC 6749 §5.2).
pub(crate) fn refused(issuer: &str, response: &http::Response<bytes::Bytes>) -> Error {
    let status = response.status().as_u16();
    match OAuthError::parse(response.body()) {
        Some(refusal) => Error::refused(issuer, status, &refusal),
        None => Error::status(issuer, status),
    }
}

/// An endpoint of the metadata, or that there is none.
pub(crate) fn offered<'a>(endpoint: Option<&'a Url>, what: &str) -> Result<&'a Url, Error> {
    endpoint.ok_or_else(|| {
        Error::new(
            ErrorKind::Server,
            format!("the server's metadata names no {what} endpoint"),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scripted::{
        APP, Answer, ISSUER, Pair, Scripted, TestClock, answer, client, granted, ok,
    };

    #[tokio::test(start_paused = true)]
    async fn a_revoked_token_is_forgotten_and_given_back_with_an_assertion() {
        let server = Scripted::new(|number, asked| match asked.url.path() {
            "/oauth2/revoke" => Answer::Is(answer(200, &json!({}))),
            _ => Answer::Is(granted(&format!("token-{number}"))),
        });
        let client = client(&server);
        let token = client.token().await.unwrap();
        client.revoke(&token).await.unwrap();
        let asked = &server.asked()[1];
        assert_eq!(asked.form["token"], "token-1");
        assert_eq!(asked.form["token_type_hint"], "access_token");
        assert_eq!(asked.form["client_id"], APP);
        assert_eq!(asked.claim("sub"), APP);
        assert!(asked.url.query().is_none());
        let next = client.token().await.unwrap();
        assert_eq!(next.access_token.expose(), "token-3");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_forgotten_even_when_its_revocation_is_refused() {
        let server = Scripted::new(|number, asked| match asked.url.path() {
            "/oauth2/revoke" => Answer::Is(answer(401, &json!({ "error": "invalid_client" }))),
            _ => Answer::Is(granted(&format!("token-{number}"))),
        });
        let client = client(&server);
        let token = client.token().await.unwrap();
        let error = client.revoke(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdentityRejected);
        let next = client.token().await.unwrap();
        assert_eq!(next.access_token.expose(), "token-3");
    }

    #[tokio::test(start_paused = true)]
    async fn a_platform_token_and_one_whose_certificate_ended_present_themselves() {
        let server = Scripted::new(|_, asked| match asked.url.path() {
            "/oauth2/revoke" => Answer::Is(answer(200, &json!({}))),
            _ => Answer::Is(ok(
                &json!({ "access_token": "held", "token_type": "Bearer", "expires_in": 300, "kind": 2 }),
            )),
        });
        let platform_token = client(&server).platform_token().await.unwrap();
        client(&server).revoke(&platform_token).await.unwrap();

        let token = client(&Scripted::generous()).token().await.unwrap();
        let ended = Pair::valid("Corellian", (2020, 2026)).credential();
        let client = Client::builder(ISSUER, APP, ended)
            .transport(server.clone())
            .clock(TestClock::new())
            .build()
            .unwrap();
        client.revoke(&token).await.unwrap();

        let asked = server.asked();
        for (asked, token) in [(&asked[1], "held"), (&asked[2], "token-1")] {
            assert_eq!(asked.form["token"], token);
            assert!(!asked.form.contains_key("client_assertion"));
            assert_eq!(asked.headers["authorization"], format!("Bearer {token}"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn introspection_says_whether_a_token_is_active() {
        for active in [true, false] {
            let server = Scripted::new(move |_, asked| match asked.url.path() {
                "/oauth2/introspect" => Answer::Is(ok(&json!({ "active": active }))),
                _ => Answer::Is(granted("token")),
            });
            let client = client(&server);
            let token = client.token().await.unwrap();
            assert_eq!(client.is_active(&token).await.unwrap(), active);
        }
    }
}
