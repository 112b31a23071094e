//! How does code without async get a token?

use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::{Error, ErrorKind, Token};

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
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("countersign")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Settings,
                    format!("no thread for the client could be started: {error}"),
                )
            })?;
        Ok(Client {
            client,
            runtime: Arc::new(Worker(Some(runtime))),
        })
    }

    /// See [`crate::Client::token`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn token(&self) -> Result<Token, Error> {
        match self.client.cached() {
            Some(token) => Ok(token),
            None => self.wait_for(self.client.token()),
        }
    }

    /// See [`crate::Client::renew`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn renew(&self) -> Result<Token, Error> {
        self.wait_for(self.client.renew())
    }

    /// See [`crate::Client::platform_token`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn platform_token(&self) -> Result<Token, Error> {
        self.wait_for(self.client.platform_token())
    }

    /// See [`crate::Client::revoke`].
    ///
    /// # Errors
    /// As there, and when called inside async code.
    pub fn revoke(&self, token: &Token) -> Result<(), Error> {
        self.wait_for(self.client.revoke(token))
    }

    /// See [`crate::Client::forget`].
    pub fn forget(&self, token: &Token) {
        self.client.forget(token);
    }

    fn wait_for<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let (Worker(Some(runtime)), Err(_)) =
            (self.runtime.as_ref(), tokio::runtime::Handle::try_current())
        else {
            return Err(Error::new(
                ErrorKind::Settings,
                "the blocking client was called inside async code",
            )
            .with_hint("use countersign::Client there"));
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
    use super::*;
    use crate::scripted::{APP, ISSUER, Pair, Scripted};

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

    #[tokio::test]
    async fn inside_async_code_it_says_so_and_can_be_dropped() {
        let client = client(&Scripted::generous());
        let error = client.renew().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
        assert!(error.to_string().contains("async"), "{error}");
        drop(client);
    }
}
