//! How does every request of a reqwest client leave with a token?

use std::pin::Pin;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error as MiddlewareError, Middleware, Next};
use url::Origin;

use super::{
    adapter::{Lesson, learn, origin_of},
    apply,
};
use crate::{Client, Error};

/// Gives a token to each request that goes to one origin; others pass as they are.
///
/// A redirect to another origin therefore carries no token: reqwest drops the header when it follows
/// one. An API that asks for a DPoP nonce gets the same request once more, with the nonce.
#[derive(Clone, Debug)]
pub struct AuthorizeMiddleware {
    client: Client,
    origin: Origin,
}

impl AuthorizeMiddleware {
    /// `api`: any address at the origin that the tokens are for.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`] when it is neither https nor http on loopback.
    pub fn new(client: Client, api: &str) -> Result<AuthorizeMiddleware, Error> {
        Ok(AuthorizeMiddleware {
            client,
            origin: origin_of(api)?,
        })
    }

    async fn send(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, MiddlewareError> {
        let url = request.url().clone();
        if url.origin() != self.origin {
            return next.run(request, extensions).await;
        }
        let method = request.method().clone();
        let spare = request.try_clone();
        let token = apply(&self.client, &method, &url, request.headers_mut())
            .await
            .map_err(MiddlewareError::middleware)?;
        let response = next.clone().run(request, extensions).await?;
        // Where redirects were followed, the answer is of another address and says nothing about ours.
        if response.url().origin() != self.origin {
            return Ok(response);
        }
        let lesson = learn(
            &self.client,
            &token,
            &url,
            response.status(),
            response.headers(),
        );
        match (lesson, spare) {
            (Lesson::SendAgain, Some(mut again)) => {
                apply(&self.client, &method, &url, again.headers_mut())
                    .await
                    .map_err(MiddlewareError::middleware)?;
                next.run(again, extensions).await
            }
            _ => Ok(response),
        }
    }
}

impl Middleware for AuthorizeMiddleware {
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        request: Request,
        extensions: &'e mut Extensions,
        next: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = Result<Response, MiddlewareError>> + Send + 'f>>
    where
        's: 'f,
        'e: 'f,
        'n: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request, extensions, next))
    }
}
