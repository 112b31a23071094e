//! How does every request of a tower service leave with a token?

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tower_layer::Layer;
use tower_service::Service;
use url::Origin;

use super::{
    TokenHolder,
    adapter::{learn, origin_of},
    apply, whole_url,
};
use crate::Error;

/// What went wrong: an [`Error`], or what the service inside said.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Gives a token to each request that goes to one origin; others pass as they are.
///
/// Put it inside of whatever follows redirects: each hop is then judged by its own address.
#[derive(Clone, Debug)]
pub struct AuthorizeLayer {
    holder: TokenHolder,
    origin: Origin,
}

impl AuthorizeLayer {
    /// `api`: any address at the origin that the tokens are for.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`] when it is neither https nor http on loopback.
    pub fn new(holder: impl Into<TokenHolder>, api: &str) -> Result<AuthorizeLayer, Error> {
        Ok(AuthorizeLayer {
            holder: holder.into(),
            origin: origin_of(api)?,
        })
    }
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize {
            inner,
            holder: self.holder.clone(),
            origin: self.origin.clone(),
        }
    }
}

/// The service that [`AuthorizeLayer`] makes.
#[derive(Clone, Debug)]
pub struct Authorize<S> {
    inner: S,
    holder: TokenHolder,
    origin: Origin,
}

impl<S, B, R> Service<http::Request<B>> for Authorize<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
    R: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // The service that said it was ready is the one to call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (holder, origin) = (self.holder.clone(), self.origin.clone());
        Box::pin(async move {
            let url = whole_url(request.uri())?;
            if url.origin() != origin {
                return inner.call(request).await.map_err(Into::into);
            }
            let client = match holder {
                TokenHolder::Client(client) => client,
                TokenHolder::Granted(granted) => {
                    granted.apply(&url, request.headers_mut()).await?;
                    return inner.call(request).await.map_err(Into::into);
                }
            };
            let method = request.method().clone();
            let token = apply(&client, &method, &url, request.headers_mut()).await?;
            let response = inner.call(request).await.map_err(Into::into)?;
            learn(&client, &token, &url, response.status(), response.headers());
            Ok(response)
        })
    }
}
