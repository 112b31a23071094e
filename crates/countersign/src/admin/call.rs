//! How does one call of the management API leave, and how is its answer read?

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use countersign_proto::{
    bearer,
    exchange::retry_after,
    management::{GivenToken, Problem},
    metadata::Metadata,
    token::TokenType,
};
use http::{Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use zeroize::Zeroizing;

use super::PageRequest;
use crate::{
    Client, Clock, Error, ErrorKind, GrantedCredential, SystemClock, Token, Transport,
    authorize::authorize,
    clock::Deadline,
    discovery::Discovery,
    error::{printable, status_is_transient},
    retry,
};

/// Who calls.
#[derive(Clone)]
pub(crate) enum Caller {
    /// Whoever the client's tokens stand for.
    Client(Client),
    /// Whoever this token stands for.
    Holder(Arc<Holder>),
    /// Whoever this granted token stands for.
    Granted(Arc<Granted>),
}

pub(crate) struct Granted {
    issuer: String,
    discovery: Discovery,
    transport: Arc<dyn Transport>,
    credential: GrantedCredential,
}

pub(crate) struct Holder {
    transport: Arc<dyn Transport>,
    metadata: Arc<Metadata>,
    token: Token,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Body>,
}

/// A body that may hold a secret: wiped when dropped, never printed.
#[derive(Clone)]
struct Body(Zeroizing<Vec<u8>>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

/// A good answer.
pub(crate) struct Answer(Bytes);

impl Call {
    pub(crate) fn new(method: Method, path: &[&str]) -> Call {
        Call {
            method,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
        }
    }

    /// A page of a list.
    pub(crate) fn page(noun: &str, page: &PageRequest) -> Call {
        Call::new(Method::GET, &[noun])
            .query("limit", page.limit.map(|limit| limit.to_string()))
            .query("after", page.after.clone())
    }

    pub(crate) fn query(mut self, name: &str, value: Option<String>) -> Call {
        self.query
            .extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    /// What of a list is asked for; what is absent is left out.
    pub(crate) fn filter(mut self, filter: &impl Serialize) -> Result<Call, Error> {
        let members = serde_json::to_value(filter).map_err(unwritable)?;
        let members = members.as_object().into_iter().flatten();
        self.query.extend(members.map(|(name, value)| {
            let text = value.as_str().map(str::to_owned);
            (name.clone(), text.unwrap_or_else(|| value.to_string()))
        }));
        Ok(self)
    }

    pub(crate) fn body(self, value: &impl Serialize) -> Result<Call, Error> {
        let body = serde_json::to_vec(value).map_err(unwritable)?;
        Ok(self.secret_body(Zeroizing::new(body)))
    }

    /// A body that was written already, since it holds a secret.
    pub(crate) fn secret_body(mut self, body: Zeroizing<Vec<u8>>) -> Call {
        self.body = Some(Body(body));
        self
    }

    fn request(&self, metadata: &Metadata) -> Result<http::Request<Vec<u8>>, Error> {
        let Some(api) = &metadata.countersign_api else {
            return Err(Error::new(
                ErrorKind::Server,
                format!(
                    "{} has no management API: its metadata names no countersign_api",
                    metadata.issuer
                ),
            ));
        };
        let url = self.url(api)?;
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(url.as_str())
            .header(header::ACCEPT, "application/json");
        if self.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = self.body.as_ref().map(|Body(body)| body.to_vec());
        request
            .body(body.unwrap_or_default())
            .map_err(|_| Error::new(ErrorKind::Settings, "the address of the call is not usable"))
    }

    fn url(&self, api: &Url) -> Result<Url, Error> {
        // An empty segment, or one of dots, would name something else.
        if let Some(segment) = self
            .path
            .iter()
            .find(|segment| matches!(segment.as_str(), "" | "." | ".."))
        {
            return Err(Error::new(
                ErrorKind::Settings,
                format!("\"{segment}\" is no name"),
            ));
        }
        let mut url = api.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().extend(&self.path);
            }
            Err(()) => {
                return Err(Error::new(
                    ErrorKind::Server,
                    "the address of the management API is not usable",
                ));
            }
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

impl Answer {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.0).map_err(|error| not_understood(&error))
    }

    /// A token that was granted, with its string.
    pub(crate) fn given(&self) -> Result<GivenToken, Error> {
        GivenToken::from_json(&self.0).map_err(|error| not_understood(&error))
    }
}

fn not_understood(error: &dyn fmt::Display) -> Error {
    Error::new(
        ErrorKind::Server,
        printable(&format!(
            "the answer of the management API is not understood: {error}"
        )),
    )
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn unwritable(error: serde_json::Error) -> Error {
    Error::new(
        ErrorKind::Settings,
        format!("the value cannot be written as JSON: {error}"),
    )
}

impl Caller {
    pub(crate) fn with_client(client: Client) -> Caller {
        Caller::Client(client)
    }

    pub(crate) fn with_token(
        transport: Arc<dyn Transport>,
        metadata: Arc<Metadata>,
        token: Token,
    ) -> Caller {
        Caller::Holder(Arc::new(Holder {
            transport,
            metadata,
            token,
        }))
    }

    pub(crate) fn with_granted(
        issuer: &str,
        transport: Arc<dyn Transport>,
        credential: GrantedCredential,
    ) -> Result<Caller, Error> {
        Ok(Caller::Granted(Arc::new(Granted {
            issuer: issuer.to_owned(),
            discovery: Discovery::at(issuer)?,
            transport,
            credential,
        })))
    }

    /// Calls. What only reads is tried again when it may help; what writes is sent once.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, Error> {
        let attempts = match call.method {
            Method::GET => 3,
            _ => 1,
        };
        match self {
            Caller::Client(client) => {
                let clock = client.clock().as_ref();
                retry::persist(clock, client.deadline(), attempts, || {
                    call_as_client(client, &call)
                })
                .await
            }
            Caller::Holder(holder) => {
                let deadline = Deadline::after(&SystemClock, Duration::from_secs(30));
                retry::persist(&SystemClock, deadline, attempts, || holder.call(&call)).await
            }
            Caller::Granted(granted) => {
                let clock = granted.credential.clock().as_ref();
                let deadline = Deadline::after(clock, Duration::from_secs(30));
                retry::persist(clock, deadline, attempts, || granted.call(&call)).await
            }
        }
    }
}

async fn call_as_client(client: &Client, call: &Call) -> Result<Answer, Error> {
    let metadata = client.metadata().await?;
    let mut request = call.request(&metadata)?;
    let token = authorize(client, &mut request).await?;
    let response = client.transport().send(request).await?;
    if response.status() == StatusCode::UNAUTHORIZED {
        client.forget(&token);
        let mut again = call.request(&metadata)?;
        authorize(client, &mut again).await?;
        let response = client.transport().send(again).await?;
        return read(client.clock().as_ref(), &metadata, response);
    }
    read(client.clock().as_ref(), &metadata, response)
}

impl Holder {
    async fn call(&self, call: &Call) -> Result<Answer, Error> {
        if self.token.token_type != TokenType::Bearer {
            return Err(Error::new(
                ErrorKind::Settings,
                "the token is bound to a key that is not here",
            )
            .with_hint("sign in again"));
        }
        let mut request = call.request(&self.metadata)?;
        request.headers_mut().insert(
            header::AUTHORIZATION,
            bearer::authorization(&self.token.access_token, self.token.token_type),
        );
        let response = self.transport.send(request).await?;
        read(&SystemClock, &self.metadata, response)
    }
}

impl Granted {
    async fn call(&self, call: &Call) -> Result<Answer, Error> {
        let (transport, clock) = (self.transport.as_ref(), self.credential.clock().as_ref());
        let metadata = self.discovery.metadata(transport, clock).await?;
        let mut request = call.request(&metadata)?;
        self.credential.authorize(&mut request).await?;
        let response = transport.send(request).await?;
        read(clock, &metadata, response).map_err(|error| match error.kind() {
            ErrorKind::IdentityRejected => error.with_hint(
                "the granted token has ended or was revoked, or is of another platform: use another",
            ),
            _ => error,
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Client(client) => client.fmt(f),
            Caller::Holder(holder) => f
                .debug_struct("Holder")
                .field("issuer", &holder.metadata.issuer)
                .finish_non_exhaustive(),
            Caller::Granted(granted) => f
                .debug_struct("Granted")
                .field("issuer", &granted.issuer)
                .field("credential", &granted.credential)
                .finish_non_exhaustive(),
        }
    }
}

fn read(
    clock: &dyn Clock,
    metadata: &Metadata,
    response: http::Response<Bytes>,
) -> Result<Answer, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(Answer(response.into_body()));
    }
    let kind = match status {
        StatusCode::UNAUTHORIZED => ErrorKind::IdentityRejected,
        StatusCode::FORBIDDEN => ErrorKind::Denied,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        StatusCode::UNPROCESSABLE_ENTITY => ErrorKind::Policy,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::Settings,
        _ => return Err(unavailable(clock, metadata, &response)),
    };
    let problem = serde_json::from_slice::<Problem>(response.body());
    let kind = match &problem {
        // Nobody is first: a rule of the platform says how many.
        Ok(problem) if problem.problem_type == LIMIT_REACHED => ErrorKind::Policy,
        _ => kind,
    };
    let text = match problem {
        Ok(problem) => {
            let said = problem.detail.unwrap_or(problem.title);
            let id = problem.support_id;
            format!(
                "{said}{}",
                id.map(|id| format!(" (support id {id})"))
                    .unwrap_or_default()
            )
        }
        Err(_) => format!("{} answered with status {status}", metadata.issuer),
    };
    let error = Error::new(kind, printable(&text));
    Err(match kind {
        ErrorKind::IdentityRejected => error.with_hint("sign in again"),
        ErrorKind::Denied => {
            error.with_hint("an administrator can give the principal a role that permits it")
        }
        _ => error,
    })
}

/// There are as many as the platform permits.
const LIMIT_REACHED: &str = "urn:countersign:problem:limit-reached";

fn unavailable(clock: &dyn Clock, metadata: &Metadata, response: &http::Response<Bytes>) -> Error {
    let status = response.status().as_u16();
    let error = Error::status(&metadata.issuer, status);
    match status_is_transient(status) {
        true => error.with_retry_after(retry_after(response.headers(), clock.now())),
        false => error,
    }
}
