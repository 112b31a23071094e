//! How does code without async get a token?

use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::{Error, ErrorKind, InteractiveToken, Token};

/// A [`crate::Client`] on a runtime of its own. Not to be used inside async code. Cheap to clone;
/// clones share the cache and the runtime.
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Arc<Worker>,
}

/// The runtime; it is left behind, not waited for, when the last client is dropped.
#[derive(Debug)]
struct Worker(Option<Runtime>);

impl Client {
    /// Wraps a client.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn new(client: crate::Client) -> Result<Client, Error> {
        Ok(Client {
            client,
            runtime: Arc::new(Worker::start()?),
        })
    }

    /// See [`crate::Client::token`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn token(&self) -> Result<Token, Error> {
        match self.client.cached() {
            Some(token) => Ok(token),
            None => self.runtime.wait_for(self.client.token()),
        }
    }

    /// See [`crate::Client::renew`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn renew(&self) -> Result<Token, Error> {
        self.runtime.wait_for(self.client.renew())
    }

    /// See [`crate::Client::platform_token`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn platform_token(&self) -> Result<Token, Error> {
        self.runtime.wait_for(self.client.platform_token())
    }

    /// See [`crate::Client::revoke`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn revoke(&self, token: &Token) -> Result<(), Error> {
        self.runtime.wait_for(self.client.revoke(token))
    }

    /// See [`crate::Client::forget`].
    pub fn forget(&self, token: &Token) {
        self.client.forget(token);
    }
}

/// A [`crate::InteractiveSession`] on a runtime of its own. Not to be used inside async code. Cheap
/// to clone; clones share the token and the runtime.
#[derive(Clone, Debug)]
pub struct InteractiveSession {
    session: crate::InteractiveSession,
    runtime: Arc<Worker>,
}

impl InteractiveSession {
    /// Wraps a session.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn new(session: crate::InteractiveSession) -> Result<InteractiveSession, Error> {
        Ok(InteractiveSession {
            session,
            runtime: Arc::new(Worker::start()?),
        })
    }

    /// See [`crate::InteractiveSession::token`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn token(&self) -> Result<Token, Error> {
        self.runtime.wait_for(self.session.token())
    }

    /// See [`crate::InteractiveSession::refresh`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn refresh(&self) -> Result<Token, Error> {
        self.runtime.wait_for(self.session.refresh())
    }

    /// See [`crate::InteractiveSession::snapshot`].
    pub fn snapshot(&self) -> InteractiveToken {
        self.session.snapshot()
    }

    /// See [`crate::InteractiveSession::end`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn end(&self) -> Result<(), Error> {
        self.runtime.wait_for(self.session.end())
    }
}

impl Worker {
    fn start() -> Result<Worker, Error> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("countersign")
            .enable_all()
            .build()
            .map(|runtime| Worker(Some(runtime)))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Settings,
                    format!("no thread for the client could be started: {error}"),
                )
            })
    }

    fn wait_for<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let (Worker(Some(runtime)), Err(_)) = (self, tokio::runtime::Handle::try_current()) else {
            return Err(Error::new(
                ErrorKind::Settings,
                "the blocking form was called inside async code",
            )
            .with_hint("use the async form there"));
        };
        runtime.block_on(call)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::{
        exchange::RefreshToken,
        key::{KeyType, LocalKey},
        time::UnixTime,
        token::{AccessToken, TokenKind, TokenType},
    };
    use serde_json::json;

    use super::*;
    use crate::{
        SystemClock, TokenObject,
        scripted::{APP, Answer, ISSUER, Pair, Scripted, ok},
    };

    fn client(server: &Arc<Scripted>) -> Client {
        let client = crate::Client::builder(ISSUER, APP, Pair::new("Corellian").credential())
            .transport(server.clone())
            .build()
            .unwrap();
        Client::new(client).unwrap()
    }

    #[test]
    fn threads_without_async_share_one_request() {
        let server = Scripted::generous();
        let client = client(&server);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let token = client.token().unwrap();
                    assert_eq!(token.access_token.expose(), "token-1");
                });
            }
        });
        assert_eq!(server.count(), 1);
        assert_eq!(client.renew().unwrap().access_token.expose(), "token-2");
        assert_eq!(
            client.platform_token().unwrap().access_token.expose(),
            "token-3"
        );
    }

    #[test]
    fn a_session_is_refreshed_without_async() {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        let object = TokenObject {
            access_token: AccessToken::new("token-0").unwrap(),
            token_type: TokenType::Bearer,
            kind: TokenKind::Interactive,
            principal: Some("anna".to_owned()),
            scope: None,
            issued_at: UnixTime::from_secs(0),
            expires_at: UnixTime::from_secs(1),
            issue_app_id: String::new(),
            issue_principal: String::new(),
            issue_cert_subject: String::new(),
            issue_cert_thumbprint: None,
        };
        let signed = InteractiveToken {
            token: Token::from(object),
            refresh_token: Some(RefreshToken::new("secret-0").unwrap()),
            refreshes_remaining: Some(1),
        };
        let server = Scripted::new(|_, asked| match asked.url.path() {
            "/oauth2/revoke" => Answer::Is(ok(&json!({}))),
            _ => Answer::Is(ok(
                &json!({"access_token": "token-1", "token_type": "Bearer",
                "expires_in": 900, "kind": 0, "principal": "anna", "refreshes_remaining": 0}),
            )),
        });
        let session = crate::InteractiveSession::new(
            ISSUER,
            Arc::new(key),
            signed,
            server,
            Arc::new(SystemClock),
        );
        let session = InteractiveSession::new(session.unwrap()).unwrap();
        assert_eq!(session.token().unwrap().access_token.expose(), "token-1");
        assert_eq!(session.snapshot().refreshes_remaining, Some(0));
        let error = session.refresh().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RefreshLimit);
        session.end().unwrap();
    }

    #[tokio::test]
    async fn inside_async_code_it_says_so_and_can_be_dropped() {
        let client = client(&Scripted::generous());
        let error = client.renew().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
        assert!(error.to_string().contains("async"), "{error}");
        drop(client);
    }
}
