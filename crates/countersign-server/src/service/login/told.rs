//! What is a terminal told about its login, now and again?

use countersign_proto::{
    login::{LoginStatus, SeenBrowser, ServerBody, ServerMessage},
    time::UnixTime,
};

use super::stored;
use crate::{
    Platform,
    login::{self, Asked, End, Event, Login, Numbered, Seen},
    refusal::{Failure, Fault},
    service,
    store::SessionState,
};

/// What has happened since a terminal was told the last time.
pub(crate) struct News {
    /// In order, without a gap.
    pub(crate) messages: Vec<ServerMessage>,
    /// A newer connection counts: nothing is told here any more.
    pub(crate) is_superseded: bool,
    /// With this code the connection is closed, when all of it was told (RFC 6455 §7.4).
    pub(crate) close: Option<u16>,
    /// When to ask again, whatever happens until then.
    pub(crate) again_at: Option<UnixTime>,
}

/// What connection `epoch` of this login has not been told, which has been told until `seq`.
pub(super) async fn news(
    platform: &Platform,
    id: &str,
    epoch: u64,
    seq: u64,
) -> Result<News, Fault> {
    // Time may have brought it to its end, which is written down when it is noticed.
    let login = stored::change(platform, id, |login, _, _| Ok(login.clone())).await?;
    let Ok(login) = login else {
        return Ok(gone());
    };
    if login.epoch() != epoch {
        return Ok(News {
            is_superseded: true,
            ..nothing()
        });
    }
    let mut news = News {
        close: login
            .is_over()
            .then(|| login.ended().map_or(1000, |end| end.code().close_code())),
        again_at: login.next_deadline(),
        ..nothing()
    };
    for Numbered { seq, event } in login.events_after(seq) {
        let body = match body(platform, &login, event).await? {
            Ok(body) => body,
            Err(end) => {
                // In the place of what cannot be told comes the end.
                news.close = Some(end.code().close_code());
                ended(&end)
            }
        };
        let is_end = matches!(body, ServerBody::Error { .. });
        news.messages.push(ServerMessage::numbered(seq, body));
        if is_end {
            break;
        }
    }
    Ok(news)
}

async fn body(
    platform: &Platform,
    login: &Login,
    event: &Event,
) -> Result<Result<ServerBody, End>, Fault> {
    Ok(Ok(match event {
        Event::Session => return Err(Fault::new("a terminal asks for what is kept nowhere")),
        Event::Opened { browser } => status(LoginStatus::Opened, login.asked(), Some(browser)),
        Event::SignedIn { browser } => status(LoginStatus::SignedIn, login.asked(), Some(browser)),
        Event::ValueExpired => status(LoginStatus::SignedIn, login.asked(), None),
        Event::NeedConfirm {
            binding,
            tries_left,
        } => ServerBody::Status {
            state: LoginStatus::NeedConfirm,
            browser: None,
            tries_left: Some(*tries_left),
            bind: Some(binding.0),
        },
        Event::ConfirmResult { ok, tries_left } => ServerBody::ConfirmResult {
            ok: *ok,
            tries_left: *tries_left,
        },
        Event::Identity(identity) => ServerBody::Identity {
            principal: identity.principal.clone(),
            name: identity.name.clone(),
            idp: identity.provider.clone(),
            scope: Some(login.asked().scope.clone()).filter(|scope| !scope.is_empty()),
        },
        Event::Token => return token(platform, login).await,
        Event::Bye => ServerBody::Bye,
        Event::Ended(end) => ended(end),
    }))
}

/// The token, which is signed again for each delivery, as long as the terminal has not said that it
/// has it.
async fn token(platform: &Platform, login: &Login) -> Result<Result<ServerBody, End>, Fault> {
    let Some(id) = login.session() else {
        return Ok(Err(login.ended().cloned().unwrap_or(End::Expired)));
    };
    let session = platform.store().session(id).await?;
    let Some(session) = session.filter(|session| session.state == SessionState::Pending) else {
        return Ok(Err(End::Expired));
    };
    match service::deliver(platform, session).await {
        Ok(response) => Ok(Ok(ServerBody::Token(Box::new(response)))),
        Err(Failure::Fault(fault)) => Err(fault),
        Err(Failure::Refused(_)) => Ok(Err(End::Failed(login::Failure::DisabledPrincipal))),
    }
}

fn status(state: LoginStatus, asked: &Asked, browser: Option<&Seen>) -> ServerBody {
    ServerBody::Status {
        state,
        browser: browser.map(|seen| SeenBrowser {
            address: seen.address.map(|it| it.to_string()).unwrap_or_default(),
            user_agent: seen.user_agent.clone(),
            same_network: asked.is_from_same_network(seen.address),
        }),
        tries_left: None,
        bind: None,
    }
}

fn ended(end: &End) -> ServerBody {
    ServerBody::Error {
        code: end.code(),
        fatal: true,
        message: end.message(),
        support_id: None,
    }
}

fn nothing() -> News {
    News {
        messages: Vec::new(),
        is_superseded: false,
        close: None,
        again_at: None,
    }
}

/// Of a login that was forgotten nothing can be told but that it took too long.
fn gone() -> News {
    News {
        messages: vec![ServerMessage::plain(ended(&End::Expired))],
        close: Some(End::Expired.code().close_code()),
        ..nothing()
    }
}
