//! How is the issuer asked for a document, and what is taken for one?

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use countersign_proto::exchange;
use http::{HeaderMap, StatusCode, header};
use url::Url;

use crate::{Clock, Transport, TransportError, clock::within};

/// The longest that one answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest that a caller waits for one thing that has to be asked: for keys, which may be twice, or for what
/// the issuer says of a token.
pub(crate) const WHOLE_LIMIT: Duration = Duration::from_secs(15);

/// The way to an issuer.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Why the issuer did not say what it was asked for. Whatever it is, no caller is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Away {
    /// For the log.
    pub(crate) why: String,
    /// What the issuer asked to wait.
    pub(crate) retry_after: Option<Duration>,
    /// There is nothing at that address.
    pub(crate) absent: bool,
    /// The connection broke, as one does that was kept for too long.
    interrupted: bool,
}

impl Wire {
    /// What should be the JSON document at an address. Whoever reads it holds it to 1 MiB.
    pub(crate) async fn get(&self, url: &Url) -> Result<Bytes, Away> {
        let request = http::Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| Away::because(url, "the address is not usable"))?;
        self.json(url, request).await
    }

    /// Asks by POST, which does nothing there: an interrupted question is asked once more.
    pub(crate) async fn ask(
        &self,
        url: &Url,
        question: http::Request<Vec<u8>>,
    ) -> Result<Bytes, Away> {
        match self.json(url, question.clone()).await {
            Err(away) if away.interrupted => self.json(url, question).await,
            answer => answer,
        }
    }

    async fn json(&self, url: &Url, request: http::Request<Vec<u8>>) -> Result<Bytes, Away> {
        let answer = within(&*self.clock, LIMIT, self.transport.send(request)).await;
        let response = match answer {
            Some(Ok(response)) => response,
            Some(Err(error)) => {
                let interrupted = matches!(error, TransportError::Interrupted(_));
                return Err(Away {
                    interrupted,
                    ..Away::because(url, error)
                });
            }
            None => return Err(Away::because(url, TransportError::Timeout)),
        };
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Away {
                retry_after: exchange::retry_after(response.headers(), self.clock.now()),
                absent: matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE),
                ..Away::because(url, format!("status {status}"))
            });
        }
        if !is_json(response.headers()) {
            return Err(Away::because(url, "it is not JSON"));
        }
        Ok(response.into_body())
    }
}

impl Away {
    /// There was no answer in time.
    pub(crate) fn late() -> Away {
        Away::new(TransportError::Timeout.to_string())
    }

    pub(crate) fn because(url: &Url, why: impl std::fmt::Display) -> Away {
        Away::new(format!("{url}: {why}"))
    }

    pub(crate) fn new(why: String) -> Away {
        Away {
            why,
            retry_after: None,
            absent: false,
            interrupted: false,
        }
    }
}

/// `application/json`, or a type of its family as `application/jwk-set+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    media_type.is_some_and(|found| found == "application/json" || found.ends_with("+json"))
}
