//! How does every request of a reqwest client leave with a token?

use std::pin::Pin;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error as MiddlewareError, Middleware, Next};
use url::Origin;

use super::{
    TokenHolder,
    adapter::{Lesson, learn, origin_of},
    apply,
};
use crate::Error;

/// Gives a token to each request that goes to one origin; others pass as they are.
///
/// A redirect to another origin therefore carries no token: reqwest drops the header when it follows
/// one. An API that asks for a DPoP nonce gets the same request once more, with the nonce.
#[derive(Clone, Debug)]
pub struct AuthorizeMiddleware {
    holder: TokenHolder,
    origin: Origin,
}

impl AuthorizeMiddleware {
    /// `api`: any address at the origin that the tokens are for.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`] when it is neither https nor http on loopback.
    pub fn new(holder: impl Into<TokenHolder>, api: &str) -> Result<AuthorizeMiddleware, Error> {
        Ok(AuthorizeMiddleware {
            holder: holder.into(),
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
        let client = match &self.holder {
            TokenHolder::Client(client) => client,
            TokenHolder::Granted(granted) => {
                let headed = granted.apply(&url, request.headers_mut()).await;
                headed.map_err(MiddlewareError::middleware)?;
                return next.run(request, extensions).await;
            }
        };
        let method = request.method().clone();
        let spare = request.try_clone();
        let token = apply(client, &method, &url, request.headers_mut())
            .await
            .map_err(MiddlewareError::middleware)?;
        let response = next.clone().run(request, extensions).await?;
        // Where redirects were followed, the answer is of another address and says nothing about ours.
        if response.url().origin() != self.origin {
            return Ok(response);
        }
        let lesson = learn(client, &token, &url, response.status(), response.headers());
        match (lesson, spare) {
            (Lesson::SendAgain, Some(mut again)) => {
                apply(client, &method, &url, again.headers_mut())
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
