//! What is said by polling, in the later generation?
//!
//! The client keeps a nonce and tells its hash, so that whoever only learns the `State` of a sign-in
//! gets no token by it. It asks each second whether somebody has signed in, and shows the nonce at the
//! end.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::Request;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Consumer, Root, Shape, TachyonError, address,
    presented::name_consumer,
    reply::{self, REQUESTED, Reply, SUCCESSFUL, Status, plain},
    root::{get, post_json},
    socket::token,
};
use crate::{
    crypto,
    json::{self, JsonError, Limits, Value, Wiped},
    token::AccessToken,
};

/// A `State` may have at most so many bytes.
const MAX_STATE_BYTES: usize = 4 * 1024;

/// What the client keeps until the end: 32 random bytes, wiped when dropped.
pub struct PollNonce(Zeroizing<[u8; 32]>);

impl PollNonce {
    /// `bytes`: drawn anew for each sign-in.
    pub fn new(bytes: [u8; 32]) -> PollNonce {
        PollNonce(Zeroizing::new(bytes))
    }

    /// What is told at first: base64url of its SHA-256.
    pub fn ecpn(&self) -> String {
        URL_SAFE_NO_PAD.encode(crypto::sha256(&*self.0))
    }

    /// What is told at the end: base64 with padding.
    fn shown(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.0))
    }
}

impl fmt::Debug for PollNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PollNonce(..)")
    }
}

/// Asks for a sign-in.
pub fn begin(root: &Root, nonce: &PollNonce, consumer: &Consumer) -> Request<Vec<u8>> {
    let mut url = root.authentication("RequestAuthentication");
    url.set_query(Some(&format!("ecpn={}", nonce.ecpn())));
    name_consumer(get(&url), consumer)
}

/// A sign-in that was begun.
#[derive(Clone)]
pub struct Begun {
    /// A person is to sign in there.
    pub url: Url,
    /// By what the server knows it.
    pub state: String,
}

impl Begun {
    /// Reads the answer to [`begin`].
    ///
    /// # Errors
    ///
    /// It is none, or names an address that is not opened.
    pub fn read(body: &[u8], server: &Url) -> Result<Begun, TachyonError> {
        let mut reply = Reply::read(body)?;
        let state = reply.text("State")?;
        let fits = (1..=MAX_STATE_BYTES).contains(&state.len());
        if !fits || state.chars().any(char::is_control) {
            return Err(TachyonError::State);
        }
        let url = reply.text("AuthenticationUrl")?;
        Ok(Begun {
            url: address::read(&url, server, "the sign-in page")?,
            state: state.to_string(),
        })
    }

    /// The same as the server writes it.
    pub fn write(address: &str, state: &str, shape: Shape) -> Zeroizing<Vec<u8>> {
        reply::write(&[("AuthenticationUrl", address), ("State", state)], shape)
    }
}

/// Shows where, and not by what the server knows it.
impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").finish_non_exhaustive()
    }
}

/// Asks whether somebody has signed in; with the nonce, for the token.
pub fn check(
    root: &Root,
    state: &str,
    nonce: Option<&PollNonce>,
    consumer: &Consumer,
) -> Request<Vec<u8>> {
    let shown = nonce.map(PollNonce::shown);
    let nonce = shown.as_ref().map(|shown| shown.as_str());
    let body = json::written_once(&CheckBody { state, nonce });
    let url = root.authentication("CheckAuthenticationState");
    name_consumer(post_json(&url, body.to_vec()), consumer)
}

#[derive(serde::Serialize)]
struct CheckBody<'a> {
    state: &'a str,
    nonce: Option<&'a str>,
}

/// What a server reads of [`check`].
#[derive(Debug)]
pub struct CheckRequest {
    /// Of which sign-in.
    pub state: String,
    /// The nonce, if it is shown.
    pub nonce: Option<PollNonce>,
}

impl CheckRequest {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// It is none, or the nonce is not 32 bytes in base64.
    pub fn read(body: &[u8]) -> Result<CheckRequest, TachyonError> {
        let mut members = Wiped::new(json::object(body, &Limits::CLAIMS)?);
        let state = match members.take("state") {
            Some(Value::String(state)) => state,
            _ => return Err(TachyonError::Member("state")),
        };
        let nonce = match members.take("nonce") {
            Some(Value::Null) | None => None,
            Some(Value::String(text)) => {
                let text = Zeroizing::new(text);
                let bytes = STANDARD.decode(text.as_bytes()).map(Zeroizing::new);
                let bytes = bytes.ok().and_then(|bytes| bytes[..].try_into().ok());
                Some(PollNonce::new(bytes.ok_or(TachyonError::Member("nonce"))?))
            }
            Some(_) => return Err(TachyonError::Member("nonce")),
        };
        Ok(CheckRequest { state, nonce })
    }
}

/// What the server says of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Nobody has signed in yet.
    Waiting,
    /// Somebody has: show the nonce.
    Successful,
}

/// Words in a status by which a sign-in is over. What servers say of one that failed is not public:
/// every other status leaves it open until its time is up.
const OVER: [&str; 6] = ["fail", "den", "expire", "reject", "cancel", "error"];

impl Checked {
    /// How a server writes it.
    pub fn write(self, shape: Shape) -> Zeroizing<Vec<u8>> {
        let status = match self {
            Checked::Waiting => REQUESTED,
            Checked::Successful => SUCCESSFUL,
        };
        reply::write(&[("Status", status)], shape)
    }
}

/// Reads the answer to [`check`] without a nonce: a message, its status alone as a text, or nothing.
///
/// # Errors
///
/// It is none of these, or says that the sign-in is over.
pub fn read_check(body: &[u8]) -> Result<Checked, TachyonError> {
    let status = match body.trim_ascii() {
        b"" | b"null" => None,
        text @ [b'{' | b'[', ..] => Reply::read(text)?.optional_status()?,
        text @ [b'"', ..] => Some(Status::of(&plain(text, MAX_STATE_BYTES)?)),
        _ => return Err(JsonError::Syntax.into()),
    };
    match status {
        Some(Status::Successful) => Ok(Checked::Successful),
        Some(Status::Other(status)) => {
            let lower = status.to_ascii_lowercase();
            match OVER.iter().any(|word| lower.contains(word)) {
                true => Err(TachyonError::Ended(status)),
                false => Ok(Checked::Waiting),
            }
        }
        Some(Status::Requested) | None => Ok(Checked::Waiting),
    }
}

/// Reads the answer to [`check`] with the nonce.
///
/// # Errors
///
/// There is no token in it.
pub fn read_poll_token(body: &[u8]) -> Result<AccessToken, TachyonError> {
    let mut reply = Reply::read(body)?;
    if let Some(Status::Other(status)) = reply.optional_status()? {
        return Err(TachyonError::Status(status));
    }
    token(&mut reply)
}
