//! Who was recognized by something else than a token, and what is answered to everybody else?

use std::{fmt, future::Future, pin::Pin, sync::Arc, task};

use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use tower_service::Service;

/// Who sent a request, as one of [`crate::Basic`], [`crate::ApiKeys`] and
/// [`crate::ClientCertificates`] recognized them: an extension of the request, made by nobody else.
///
/// It is the first factor: enough to be given a token, not a token. A route that demands a
/// [`crate::Caller`] does not take it for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstFactor {
    name: Arc<str>,
    factor: Factor,
}

/// By what somebody was recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Factor {
    /// A user name and a password.
    Password,
    /// A key in a header.
    ApiKey,
    /// The certificate of the connection.
    Certificate,
}

impl FirstFactor {
    pub(crate) fn new(name: &str, factor: Factor) -> FirstFactor {
        FirstFactor {
            name: name.into(),
            factor,
        }
    }

    /// Who it is: the name that the verifier of a password answered, or that of the key or
    /// certificate.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By what.
    pub fn factor(&self) -> Factor {
        self.factor
    }
}

/// Why nobody was recognized. It stands in the extensions of the answer, for whoever logs or counts
/// it; the answer itself does not tell the last four apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotRecognized {
    /// The request came over plain http. What it carries was not looked at: 426, without a challenge,
    /// so that no client sends a password there again.
    PlainHttp,
    /// There is more than one of what should be there once: 400.
    Several,
    /// It could not be verified now, which is not the fault of who asks: 503.
    CannotVerify,
    /// The request carries nothing to recognize anybody by.
    Missing,
    /// What it carries has not the form that it must have.
    Malformed,
    /// Nobody has this.
    Unknown,
    /// It is somebody's certificate, and not valid now.
    NotValidNow,
}

impl fmt::Display for NotRecognized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotRecognized::PlainHttp => "the request came over plain http, and secrets go over TLS",
            NotRecognized::Several => "the request carries more than one credential",
            NotRecognized::CannotVerify => "credentials cannot be verified now",
            NotRecognized::Missing => "the request carries no credentials",
            NotRecognized::Malformed => "the credentials are malformed",
            NotRecognized::Unknown => "the credentials are nobody's",
            NotRecognized::NotValidNow => "the certificate is not valid now",
        })
    }
}

impl std::error::Error for NotRecognized {}

pub(crate) type Checked =
    Pin<Box<dyn Future<Output = Result<FirstFactor, NotRecognized>> + Send + 'static>>;

/// One way to recognize somebody.
pub(crate) trait Recognize: fmt::Debug + Send + Sync {
    /// Takes what it recognizes by out of the headers, so that it goes no further.
    fn recognize(&self, headers: &mut HeaderMap, extensions: &Extensions) -> Checked;

    /// The answer to whoever was not recognized and may try again: 401 with this challenge, or 403
    /// where there is nothing that a client could be asked for.
    fn challenge(&self) -> Option<&HeaderValue>;
}

/// A service that only those reach who were recognized.
#[derive(Clone, Debug)]
pub struct Recognizing<S> {
    inner: S,
    by: Arc<dyn Recognize>,
}

impl<S> Recognizing<S> {
    pub(crate) fn new(inner: S, by: Arc<dyn Recognize>) -> Recognizing<S> {
        Recognizing { inner, by }
    }
}

impl<S, B, R> Service<Request<B>> for Recognizing<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that said it is ready is the one to be called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let by = self.by.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match by.recognize(&mut parts.headers, &parts.extensions).await {
                Ok(who) => {
                    parts.extensions.insert(who);
                    request = Request::from_parts(parts, body);
                    inner.call(request).await
                }
                Err(why) => Ok(answer(why, by.challenge())),
            }
        })
    }
}

fn answer<R: Default>(why: NotRecognized, challenge: Option<&HeaderValue>) -> Response<R> {
    let mut response = Response::new(R::default());
    response.extensions_mut().insert(why);
    *response.status_mut() = match why {
        NotRecognized::PlainHttp => {
            // RFC 9110 §15.5.22
            let headers = response.headers_mut();
            let tls = HeaderValue::from_static("TLS/1.2, HTTP/1.1");
            headers.insert(header::UPGRADE, tls);
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            StatusCode::UPGRADE_REQUIRED
        }
        NotRecognized::Several => StatusCode::BAD_REQUEST,
        NotRecognized::CannotVerify => StatusCode::SERVICE_UNAVAILABLE,
        NotRecognized::Missing
        | NotRecognized::Malformed
        | NotRecognized::Unknown
        | NotRecognized::NotValidNow => match challenge {
            Some(challenge) => {
                let headers = response.headers_mut();
                headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
                StatusCode::UNAUTHORIZED
            }
            None => StatusCode::FORBIDDEN,
        },
    };
    response
}

#[cfg(test)]
pub(crate) mod tests {
    use std::convert::Infallible;

    use tower::{Layer, ServiceExt as _, service_fn};

    use super::*;

    /// What comes of a request to a service behind `layer`, which answers the name of whoever was
    /// recognized, by what, and how many headers still came along.
    pub(crate) async fn ask<L>(layer: &L, request: Request<()>) -> Response<String>
    where
        L: Layer<Greeter, Service = Recognizing<Greeter>>,
    {
        let greeter: Greeter = service_fn(|request: Request<()>| {
            let who = request.extensions().get::<FirstFactor>().unwrap();
            let text = format!(
                "{} {:?} {}",
                who.name(),
                who.factor(),
                request.headers().len()
            );
            std::future::ready(Ok(Response::new(text)))
        });
        layer.layer(greeter).oneshot(request).await.unwrap()
    }

    pub(crate) type Greeter = tower::util::ServiceFn<
        fn(Request<()>) -> std::future::Ready<Result<Response<String>, Infallible>>,
    >;

    /// Why a request did not get there; nothing is said of it in the body.
    pub(crate) fn reason(response: &Response<String>) -> NotRecognized {
        assert_eq!(response.body(), "");
        *response.extensions().get().unwrap()
    }

    #[derive(Debug)]
    struct Nobody(NotRecognized, Option<HeaderValue>);

    impl Recognize for Nobody {
        fn recognize(&self, _: &mut HeaderMap, _: &Extensions) -> Checked {
            Box::pin(std::future::ready(Err(self.0)))
        }

        fn challenge(&self) -> Option<&HeaderValue> {
            self.1.as_ref()
        }
    }

    // security.md 83
    #[tokio::test]
    async fn each_reason_has_its_status_and_a_challenge_only_where_another_try_may_help() {
        let table = [
            (NotRecognized::PlainHttp, 426, 426),
            (NotRecognized::Several, 400, 400),
            (NotRecognized::CannotVerify, 503, 503),
            (NotRecognized::Missing, 401, 403),
            (NotRecognized::Malformed, 401, 403),
            (NotRecognized::Unknown, 401, 403),
            (NotRecognized::NotValidNow, 401, 403),
        ];
        for (why, with_challenge, without) in table {
            for (challenge, status) in [
                (
                    Some(HeaderValue::from_static("Basic realm=\"r\"")),
                    with_challenge,
                ),
                (None, without),
            ] {
                let response: Response<String> = answer(why, challenge.as_ref());
                assert_eq!(response.status(), status, "{why:?}");
                let asked = response.headers().get(header::WWW_AUTHENTICATE);
                assert_eq!(
                    asked,
                    challenge.as_ref().filter(|_| status == 401),
                    "{why:?}"
                );
                assert_eq!(reason(&response), why);
            }
        }
    }

    #[test]
    fn who_must_come_over_tls_is_told_so() {
        let response: Response<String> = answer(NotRecognized::PlainHttp, None);
        assert_eq!(response.headers()["upgrade"], "TLS/1.2, HTTP/1.1");
        assert_eq!(response.headers()["connection"], "upgrade");
    }

    #[tokio::test]
    async fn who_is_not_recognized_does_not_reach_the_service() {
        let unreached = service_fn(|_: Request<()>| async {
            if true {
                panic!("it was reached");
            }
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let by = Arc::new(Nobody(NotRecognized::Unknown, None));
        let response = Recognizing::new(unreached, by)
            .oneshot(Request::new(()))
            .await;
        assert_eq!(response.unwrap().status(), 403);
    }
}
