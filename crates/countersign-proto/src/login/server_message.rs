//! What does the platform say to a terminal?

use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::{
    LoginErrorCode, LoginMessageError,
    message::{self, Members, flag_of, string_of},
};
use crate::{
    exchange::{self, TokenResponse},
    scope::Scope,
    showable::{is_showable_as_it_is, showable},
    time::UnixTime,
    token::Binding,
};

/// A message of the platform.
#[derive(Clone, Debug)]
pub struct ServerMessage {
    /// `seq`: from 1 upwards within a login, so that a resumed terminal gets what it has missed.
    /// `welcome`, `resumed`, and errors outside a login have none.
    pub seq: Option<u64>,
    /// What it says.
    pub body: ServerBody,
}

/// What a message of the platform says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServerBody {
    /// `welcome`: the first message of every connection.
    Welcome {
        /// `nonce` for `hello` or `resume` on this connection, once.
        nonce: String,
        /// `keepalive_s`: a ping comes this often, in seconds.
        keepalive_s: u64,
        /// `time` at the platform.
        time: UnixTime,
    },
    /// `session`: the login has begun.
    Session {
        /// `sid`: names the login to `resume`; not a secret of its own, and in no URL.
        sid: String,
        /// `url`: to be opened in a browser.
        url: Url,
        /// `label`: three words by [`label`](super::label).
        label: String,
        /// `bind`: how the value will travel.
        bind: Binding,
        /// `fallback`: how it may travel when that fails.
        fallback: Option<Binding>,
        /// `expires_in_s`: the login ends after so many seconds.
        expires_in_s: u64,
    },
    /// `status`: something happened in a browser.
    Status {
        /// `state`
        state: LoginStatus,
        /// `browser`: what the platform saw, apart from what anybody claims.
        browser: Option<SeenBrowser>,
        /// `tries_left`, with `need_confirm`.
        tries_left: Option<u32>,
        /// `bind`: which value is awaited, with `need_confirm`.
        bind: Option<Binding>,
    },
    /// `confirm_result`: the answer to `confirm`.
    ConfirmResult {
        /// `ok`: the value released the login.
        ok: bool,
        /// `tries_left`
        tries_left: u32,
    },
    /// `identity`: who signed in. Answered by `accept` or `reject`.
    Identity {
        /// `principal`: who the token will stand for. Shown as it is, or the message is refused.
        principal: String,
        /// `name`: for people; may be empty.
        name: String,
        /// `idp`: which identity provider says so.
        idp: String,
        /// `scope` that the token will have; all of the roles when absent.
        scope: Option<String>,
    },
    /// `token`: the members of the token response stand in the message.
    Token(Box<TokenResponse>),
    /// `bye`: the login is complete.
    Bye,
    /// `resumed`: the login goes on; what was missed follows.
    Resumed {
        /// `last_seq`: the highest `seq` so far, so that the terminal knows when it has everything.
        last_seq: u64,
    },
    /// `error`
    Error {
        /// `code`
        code: LoginErrorCode,
        /// `fatal`: nothing follows.
        fatal: bool,
        /// `message` for people.
        message: String,
        /// `support_id`: what the operator can find the case by.
        support_id: Option<String>,
    },
}

/// `state` of a `status` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginStatus {
    /// `opened`: a browser has opened the address.
    Opened,
    /// `signed_in`: the person is authenticated.
    SignedIn,
    /// `need_confirm`: the person allowed it; the value is on its way.
    NeedConfirm,
}

/// What the platform saw of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenBrowser {
    /// `address`
    pub address: String,
    /// `user_agent`: what the browser says that it is.
    pub user_agent: String,
    /// `same_network`: the address is of the network that the terminal came from.
    pub same_network: bool,
}

impl LoginStatus {
    const ALL: [LoginStatus; 3] = [
        LoginStatus::Opened,
        LoginStatus::SignedIn,
        LoginStatus::NeedConfirm,
    ];

    /// The value of `state`.
    pub const fn name(self) -> &'static str {
        match self {
            LoginStatus::Opened => "opened",
            LoginStatus::SignedIn => "signed_in",
            LoginStatus::NeedConfirm => "need_confirm",
        }
    }

    /// Reads the value of `state`.
    pub fn from_name(name: &str) -> Option<LoginStatus> {
        LoginStatus::ALL
            .into_iter()
            .find(|state| state.name() == name)
    }
}

impl ServerBody {
    /// The value of `type`.
    pub fn name(&self) -> &'static str {
        match self {
            ServerBody::Welcome { .. } => "welcome",
            ServerBody::Session { .. } => "session",
            ServerBody::Status { .. } => "status",
            ServerBody::ConfirmResult { .. } => "confirm_result",
            ServerBody::Identity { .. } => "identity",
            ServerBody::Token(_) => "token",
            ServerBody::Bye => "bye",
            ServerBody::Resumed { .. } => "resumed",
            ServerBody::Error { .. } => "error",
        }
    }

    fn to_wire(&self) -> Wire<'_> {
        match self {
            ServerBody::Welcome {
                nonce,
                keepalive_s,
                time,
            } => Wire::Welcome {
                nonce,
                keepalive_s: *keepalive_s,
                time: *time,
            },
            ServerBody::Session {
                sid,
                url,
                label,
                bind,
                fallback,
                expires_in_s,
            } => Wire::Session {
                sid,
                url: url.as_str(),
                label,
                bind: bind.name(),
                fallback: fallback.map(Binding::name),
                expires_in_s: *expires_in_s,
            },
            ServerBody::Status {
                state,
                browser,
                tries_left,
                bind,
            } => Wire::Status {
                state: state.name(),
                browser: browser.as_ref().map(|seen| WireBrowser {
                    address: &seen.address,
                    user_agent: &seen.user_agent,
                    same_network: seen.same_network,
                }),
                tries_left: *tries_left,
                bind: bind.map(Binding::name),
            },
            ServerBody::ConfirmResult { ok, tries_left } => Wire::ConfirmResult {
                ok: *ok,
                tries_left: *tries_left,
            },
            ServerBody::Identity {
                principal,
                name,
                idp,
                scope,
            } => Wire::Identity {
                principal,
                name,
                idp,
                scope: scope.as_deref(),
            },
            ServerBody::Token(response) => Wire::Token(response.to_wire()),
            ServerBody::Bye => Wire::Bye {},
            ServerBody::Resumed { last_seq } => Wire::Resumed {
                last_seq: *last_seq,
            },
            ServerBody::Error {
                code,
                fatal,
                message,
                support_id,
            } => Wire::Error {
                code: code.as_str(),
                fatal: *fatal,
                message,
                support_id: support_id.as_deref(),
            },
        }
    }

    fn read(members: &Members) -> Result<ServerBody, LoginMessageError> {
        match members.name()? {
            "welcome" => Ok(ServerBody::Welcome {
                nonce: token_text(members, "nonce")?,
                keepalive_s: members.number("keepalive_s")?,
                time: UnixTime::from_secs(members.number("time")?),
            }),
            "session" => Ok(ServerBody::Session {
                sid: token_text(members, "sid")?,
                url: page_url(members)?,
                label: showable(members.string("label")?, 64),
                bind: binding(members)?.ok_or(LoginMessageError::Member("bind"))?,
                fallback: optional_binding(members, "fallback")?,
                expires_in_s: members.number("expires_in_s")?,
            }),
            "status" => Ok(ServerBody::Status {
                state: LoginStatus::from_name(members.string("state")?)
                    .ok_or(LoginMessageError::Member("state"))?,
                browser: browser(members)?,
                tries_left: tries(members)?,
                bind: binding(members)?,
            }),
            "confirm_result" => Ok(ServerBody::ConfirmResult {
                ok: members.flag("ok")?,
                tries_left: tries(members)?.ok_or(LoginMessageError::Member("tries_left"))?,
            }),
            "identity" => identity(members),
            "token" => TokenResponse::read(members.all(), false)
                .map(|response| ServerBody::Token(Box::new(response)))
                .map_err(|error| {
                    LoginMessageError::Member(match error {
                        exchange::ExchangeError::Member(name) => name,
                        _ => "token_type",
                    })
                }),
            "bye" => Ok(ServerBody::Bye),
            "resumed" => Ok(ServerBody::Resumed {
                last_seq: members.number("last_seq")?,
            }),
            "error" => Ok(ServerBody::Error {
                code: LoginErrorCode::from_name(&showable(members.string("code")?, 64)),
                fatal: members.flag("fatal")?,
                message: showable(members.string("message")?, 512),
                support_id: members
                    .optional_string("support_id")?
                    .map(|id| showable(id, 64)),
            }),
            _ => Err(LoginMessageError::Type),
        }
    }
}

impl ServerMessage {
    /// A message outside the numbered events of a login.
    pub fn plain(body: ServerBody) -> ServerMessage {
        ServerMessage { seq: None, body }
    }

    /// An event of a login.
    pub fn numbered(seq: u64, body: ServerBody) -> ServerMessage {
        ServerMessage {
            seq: Some(seq),
            body,
        }
    }

    /// The text of the frame. The caller sees to it that it has at most
    /// [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES): only a token with very many roles has more.
    pub fn encode(&self) -> Zeroizing<String> {
        message::encode(self.body.name(), self.seq, &self.body.to_wire())
    }

    /// Reads the text of a frame. Members that this version does not know are passed over; text for
    /// people loses what plays with its reader.
    ///
    /// # Errors
    ///
    /// [`LoginMessageError`] names the first thing that is wrong.
    pub fn decode(text: &str) -> Result<ServerMessage, LoginMessageError> {
        let members = Members::read(text)?;
        let body = ServerBody::read(&members)?;
        let seq = members.optional_number("seq")?;
        let well_numbered = match (&body, seq) {
            (ServerBody::Welcome { .. } | ServerBody::Resumed { .. }, seq) => seq.is_none(),
            (ServerBody::Error { .. }, None) => true,
            (_, seq) => seq.is_some_and(|seq| seq > 0),
        };
        if !well_numbered {
            return Err(LoginMessageError::Member("seq"));
        }
        Ok(ServerMessage { seq, body })
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Wire<'a> {
    Welcome {
        nonce: &'a str,
        keepalive_s: u64,
        time: UnixTime,
    },
    Session {
        sid: &'a str,
        url: &'a str,
        label: &'a str,
        bind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        fallback: Option<&'static str>,
        expires_in_s: u64,
    },
    Status {
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        browser: Option<WireBrowser<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tries_left: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bind: Option<&'static str>,
    },
    ConfirmResult {
        ok: bool,
        tries_left: u32,
    },
    Identity {
        principal: &'a str,
        name: &'a str,
        idp: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<&'a str>,
    },
    Token(exchange::Body<'a>),
    Bye {},
    Resumed {
        last_seq: u64,
    },
    Error {
        code: &'a str,
        fatal: bool,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        support_id: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct WireBrowser<'a> {
    address: &'a str,
    user_agent: &'a str,
    same_network: bool,
}

/// What is only sent back: visible ASCII, not long.
fn token_text(members: &Members, name: &'static str) -> Result<String, LoginMessageError> {
    let text = members.string(name)?;
    let good = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned())
        .ok_or(LoginMessageError::Member(name))
}

/// An address that a browser may be given; of whose origin it is, the reader compares.
fn page_url(members: &Members) -> Result<Url, LoginMessageError> {
    Url::parse(members.string("url")?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or(LoginMessageError::Member("url"))
}

fn binding(members: &Members) -> Result<Option<Binding>, LoginMessageError> {
    optional_binding(members, "bind")
}

fn optional_binding(
    members: &Members,
    name: &'static str,
) -> Result<Option<Binding>, LoginMessageError> {
    members
        .optional_string(name)?
        .map(|text| Binding::from_name(text).ok_or(LoginMessageError::Member(name)))
        .transpose()
}

fn tries(members: &Members) -> Result<Option<u32>, LoginMessageError> {
    members
        .optional_number("tries_left")?
        .map(|count| u32::try_from(count).map_err(|_| LoginMessageError::Member("tries_left")))
        .transpose()
}

fn browser(members: &Members) -> Result<Option<SeenBrowser>, LoginMessageError> {
    let Some(seen) = members.optional_object("browser")? else {
        return Ok(None);
    };
    let text = |name, characters| {
        string_of(seen, name)?
            .map(|text| showable(text, characters))
            .ok_or(LoginMessageError::Member("browser"))
    };
    Ok(Some(SeenBrowser {
        address: text("address", 64)?,
        user_agent: text("user_agent", 256)?,
        same_network: flag_of(seen, "same_network")?,
    }))
}

/// The principal is what a person accepts: a name that would be shown as another one is refused.
fn identity(members: &Members) -> Result<ServerBody, LoginMessageError> {
    let principal = members.string("principal")?;
    if !is_showable_as_it_is(principal, 255) {
        return Err(LoginMessageError::Member("principal"));
    }
    let scope = members.optional_string("scope")?;
    if scope.is_some_and(|scope| Scope::parse(scope).is_err()) {
        return Err(LoginMessageError::Member("scope"));
    }
    Ok(ServerBody::Identity {
        principal: principal.to_owned(),
        name: showable(members.string("name")?, 255),
        idp: showable(members.string("idp")?, 255),
        scope: scope.map(str::to_owned),
    })
}
