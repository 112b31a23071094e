//! Where does a server of the dialect answer, and what does an answer mean?

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use countersign_proto::{
    exchange::retry_after,
    showable::showable,
    tachyon::{self, Consumer, Generation, Root, TachyonError, is_answered},
};
use http::{Request, Response, StatusCode};
use url::Url;

use super::TachyonToken;
use crate::{
    Clock, Error, ErrorKind, Transport,
    clock::within,
    discovery::Discovery,
    error::{printable, status_is_transient},
    retry,
};

/// What a program calls itself unless told. Servers may ask for one that is registered with them.
pub const DEFAULT_CONSUMER: &str = "countersign";

/// The longest that one request may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One server of the dialect, for what needs no sign-in.
#[derive(Clone)]
pub struct TachyonSite {
    site: Arc<Site>,
}

impl TachyonSite {
    /// The server at this address, asked as this consumer. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] when the address is none of a server, or the consumer has no name.
    pub fn new(
        server: &str,
        consumer: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<TachyonSite, Error> {
        let site = Arc::new(Site::new(server, consumer, transport, clock)?);
        Ok(TachyonSite { site })
    }

    /// Of which generation the server is.
    ///
    /// # Errors
    /// It does not answer, or not as a server of the dialect does.
    pub async fn generation(&self) -> Result<Generation, Error> {
        self.site.generation().await
    }

    /// Whether the dialect is all that the server has to offer: it has no metadata of RFC 8414 or
    /// OpenID Connect, and answers as a server of the dialect does. Ask this before falling back from
    /// something better, and tell the person.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn is_all_there_is(&self) -> Result<bool, Error> {
        let Site {
            server,
            transport,
            clock,
            ..
        } = self.site.as_ref();
        let issuer = server.as_str().trim_end_matches('/');
        match Discovery::at(issuer)?
            .metadata(transport.as_ref(), clock.as_ref())
            .await
        {
            Ok(_) => return Ok(false),
            Err(error) if error.is_transient() || error.kind() != ErrorKind::Server => {
                return Err(error);
            }
            Err(_) => {}
        }
        match self.generation().await {
            Ok(_) => Ok(true),
            Err(error) if error.is_transient() || error.kind() != ErrorKind::Server => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Gives a token back. One that the server does not take any more is given back already.
    ///
    /// # Errors
    /// The server did not hear of it, or did not do it.
    pub async fn log_out(&self, token: &TachyonToken) -> Result<(), Error> {
        self.site.log_out(token).await
    }
}

impl std::fmt::Debug for TachyonSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TachyonSite")
            .field("server", &self.site.server.as_str())
            .finish_non_exhaustive()
    }
}

/// One server, and what was learnt of it.
pub(super) struct Site {
    pub(super) server: Url,
    pub(super) consumer: Consumer,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    generation: Generation,
    /// Where the API may stand: all places, or the one that has answered.
    roots: Vec<Root>,
}

impl Site {
    pub(super) fn new(
        server: &str,
        consumer: &str,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Site, Error> {
        let wrong = |text: String| Error::new(ErrorKind::Settings, printable(&text));
        let url = tachyon::server(server)
            .map_err(|error| wrong(format!("{server} is no server of the dialect: {error}")))
            .map_err(|error| error.with_hint("give it as https://HOST"))?;
        let consumer = Consumer::new(consumer)
            .map_err(|error| wrong(format!("the consumer {consumer:?}: {error}")))?;
        Ok(Site {
            server: url,
            consumer,
            transport,
            clock,
            known: Mutex::default(),
        })
    }

    /// As people write it.
    pub(super) fn name(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    pub(super) async fn generation(&self) -> Result<Generation, Error> {
        Ok(self.known().await?.generation)
    }

    /// The likeliest place of the API.
    pub(super) async fn root(&self) -> Result<Root, Error> {
        let known = self.known().await?;
        known.roots.into_iter().next().ok_or_else(|| self.unknown())
    }

    async fn known(&self) -> Result<Known, Error> {
        let known = self.learnt().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        for generation in Generation::PROBED {
            let answer = self.send(generation.probe(&self.server)).await?;
            let status = answer.status();
            if status_is_transient(status.as_u16()) || status.is_server_error() {
                return Err(self.status(&answer));
            }
            if is_answered(status, answer.headers()) {
                tracing::debug!(
                    server = self.name(),
                    generation = generation.name(),
                    "found"
                );
                let known = Known {
                    generation,
                    roots: generation.roots(&self.server),
                };
                *self.learnt() = Some(known.clone());
                return Ok(known);
            }
        }
        Err(self.unknown())
    }

    fn learnt(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown(&self) -> Error {
        Error::new(
            ErrorKind::Server,
            format!(
                "{} is no server of the Tachyon dialect: it answers neither /api/information nor \
                 /tachyon/api/information",
                self.name()
            ),
        )
        .with_hint("look at the address, or leave the dialect out")
    }

    /// Asks where the API stands. Where nothing is found the next place is asked, and what was found
    /// is remembered.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub(super) async fn ask(
        &self,
        request: impl Fn(&Root) -> Request<Vec<u8>>,
    ) -> Result<Response<Bytes>, Error> {
        let known = self.known().await?;
        let mut absent = None;
        for root in known.roots {
            let answer = self.send(request(&root)).await?;
            if answer.status() == StatusCode::NOT_FOUND {
                absent = Some(answer);
                continue;
            }
            if let Some(known) = self.learnt().as_mut() {
                known.roots = vec![root];
            }
            return match answer.status().is_success() {
                true => Ok(answer),
                false => Err(self.status(&answer)),
            };
        }
        Err(absent.map_or_else(|| self.unknown(), |answer| self.status(&answer)))
    }

    /// One request and its answer, whatever it is.
    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Error> {
        let sent = within(self.clock.as_ref(), LIMIT, self.transport.send(request)).await;
        Ok(sent.ok_or_else(|| retry::passed(None))??)
    }

    pub(super) async fn log_out(&self, token: &TachyonToken) -> Result<(), Error> {
        let token = token.access_token();
        let asked = self
            .ask(|root| tachyon::logout(root, token, &self.consumer))
            .await;
        match asked {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::IdentityRejected => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What a status means that is no success. What servers write beside it is not public; the
    /// members by which servers of its kind explain themselves are shown.
    pub(super) fn status(&self, answer: &Response<Bytes>) -> Error {
        let status = answer.status();
        if !status.is_client_error() || status_is_transient(status.as_u16()) {
            let wait = retry_after(answer.headers(), self.clock.now());
            let error = Error::status(self.name(), status.as_u16()).with_retry_after(wait);
            return match status.is_server_error() {
                true => error.transient(),
                false => error,
            };
        }
        let kind = match status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                ErrorKind::IdentityRejected
            }
            _ => ErrorKind::Server,
        };
        let explained = explanation(answer.body())
            .map_or_else(String::new, |explained| format!(": {explained}"));
        let text = format!(
            "{} refused (status {}){explained}",
            self.name(),
            status.as_u16()
        );
        Error::new(kind, printable(&text))
    }

    /// What was said and cannot be taken.
    pub(super) fn not_understood(&self, what: &str, error: &TachyonError) -> Error {
        let text = format!("{what} of {} cannot be taken: {error}", self.name());
        let kind = match error {
            TachyonError::Ended(_) => ErrorKind::Denied,
            _ => ErrorKind::Server,
        };
        Error::new(kind, printable(&text))
    }
}

/// One line of what a server explains. A word that may be a token or an assertion is left out.
fn explanation(body: &[u8]) -> Option<String> {
    let members =
        countersign_proto::json::object(body, &countersign_proto::json::Limits::CLAIMS).ok()?;
    let names = ["Message", "message", "detail", "title"];
    let text = names.iter().find_map(|name| members.get(*name)?.as_str())?;
    let words = text.split_whitespace().map(|word| match word.len() > 48 {
        true => "…",
        false => word,
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let shown = showable(&text, 200);
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::explanation;

    #[test]
    fn a_server_explains_itself_in_one_line_without_what_may_be_a_token() {
        let long = "eyJhbGciOiJSUzI1NiJ9.".repeat(4);
        for (body, said) in [
            (
                "{\"Message\":\"No such application\"}".to_owned(),
                Some("No such application"),
            ),
            (
                "{\"title\":\"a\\nb\",\"detail\":\"c\\u001bd\"}".to_owned(),
                Some("cd"),
            ),
            (
                format!("{{\"Message\":\"refused: {long} is over\"}}"),
                Some("refused: … is over"),
            ),
            ("{\"Message\":7}".to_owned(), None),
            ("{\"Message\":\"\"}".to_owned(), None),
            ("<html>".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(explanation(body.as_bytes()).as_deref(), said, "{body}");
        }
        let endless = format!("{{\"Message\":\"{}\"}}", "a ".repeat(500));
        assert_eq!(
            explanation(endless.as_bytes()).unwrap().chars().count(),
            200
        );
    }
}
