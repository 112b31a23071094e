//! What is said to a person when a sign-in does not go on, and what can he do?

use axum::{http::StatusCode, response::Response};

use super::visit::Visit;
use crate::{
    Platform,
    http::pages::{
        message::{Again, Message, message},
        page::{Frame, page},
    },
    login::{End, Failure},
    random,
};

/// Where people begin anew.
const IN_TERMINAL: &str = "To sign in, start again in your terminal.";

/// The end of a sign-in.
pub(super) fn ended(platform: &Platform, end: &End) -> Response {
    let (title, text) = match end {
        End::Denied => (
            "Declined",
            "The sign-in was declined at the identity provider. Nothing was given away.",
        ),
        End::Reported => (
            "Stopped",
            "The sign-in was stopped because somebody did not start it. Nothing was given away. \
             If you got its link from somebody, tell those who run this platform.",
        ),
        End::Cancelled => ("Cancelled", "The sign-in was cancelled in the terminal."),
        End::Expired => (
            "This took too long",
            "The time for this sign-in is over. Nothing was given away.",
        ),
        End::Failed(Failure::TooManyTries) => (
            "Too many wrong codes",
            "The terminal brought several wrong codes, so the sign-in was stopped. If you did not \
             type them, tell those who run this platform.",
        ),
        End::Failed(Failure::TurnedDown) => (
            "Turned down",
            "The terminal did not accept who signed in here. Perhaps it expects another account.",
        ),
        End::Failed(Failure::UnknownPrincipal) => (
            "You are not known here",
            "The identity provider knows you, and this platform does not. Ask an administrator of \
             the platform to register you, or use another account.",
        ),
        End::Failed(Failure::DisabledPrincipal) => (
            "Your account is disabled",
            "This platform knows you and does not let you in. Ask an administrator of the platform.",
        ),
        End::Failed(Failure::LoopbackRequired) => (
            "Not from this terminal",
            "This platform, or one of your roles, asks for a browser on the same machine as the \
             terminal. The terminal offers only a code.",
        ),
        End::Failed(Failure::ScopeNotPermitted { scope }) => {
            let text = format!(
                "The terminal asks for “{scope}”, which is not among what you may do. Start again \
                 without it."
            );
            let paragraphs = vec![text];
            return message(
                platform,
                StatusCode::GONE,
                "More than you may do",
                paragraphs,
            );
        }
    };
    let paragraphs = vec![text.to_owned(), IN_TERMINAL.to_owned()];
    message(platform, StatusCode::GONE, title, paragraphs)
}

/// Another browser has finished it.
pub(super) fn used(platform: &Platform) -> Response {
    let text =
        "This sign-in was finished already, in this browser or in another. A link is good once.";
    let paragraphs = vec![text.to_owned(), IN_TERMINAL.to_owned()];
    message(platform, StatusCode::GONE, "Already used", paragraphs)
}

/// There is no such sign-in, or none any more.
pub(super) fn no_such_link(platform: &Platform) -> Response {
    let text = "There is no sign-in with this link, or there is none any more.";
    let paragraphs = vec![text.to_owned(), IN_TERMINAL.to_owned()];
    message(
        platform,
        StatusCode::NOT_FOUND,
        "No such sign-in",
        paragraphs,
    )
}

/// The browser has no part in this sign-in, as far as its cookies say.
pub(super) fn other_browser(platform: &Platform, visit: &Visit) -> Response {
    let text = "This browser has not signed in here: perhaps you began in another one, or it does \
                not keep the cookies of this platform.";
    let again = Again {
        href: visit.path(""),
        text: "Sign in with this browser",
    };
    with_way_on(
        platform,
        StatusCode::FORBIDDEN,
        "Another browser",
        text,
        Some(again),
    )
}

/// A callback that this browser has not asked for (login.md R2).
pub(super) fn foreign_callback(platform: &Platform) -> Response {
    let text = "The identity provider sent you here, and this browser did not ask it to: perhaps \
                you began in another browser, or too long ago.";
    let paragraphs = vec![text.to_owned(), IN_TERMINAL.to_owned()];
    message(
        platform,
        StatusCode::FORBIDDEN,
        "Another browser",
        paragraphs,
    )
}

/// The person took too long to allow it, and can sign in again.
pub(super) fn late(platform: &Platform, visit: &Visit) -> Response {
    let text = "You have signed in and then waited for too long.";
    let again = Again {
        href: visit.path(""),
        text: "Sign in again",
    };
    with_way_on(
        platform,
        StatusCode::GONE,
        "This took too long",
        text,
        Some(again),
    )
}

/// Nobody signs in so often to one link by mistake.
pub(super) fn too_often(platform: &Platform) -> Response {
    let text = "People have signed in too often with this link.";
    let paragraphs = vec![text.to_owned(), IN_TERMINAL.to_owned()];
    message(
        platform,
        StatusCode::TOO_MANY_REQUESTS,
        "Too many sign-ins",
        paragraphs,
    )
}

/// The identity provider is away, or answers what cannot be accepted. The log has the reason.
pub(super) fn provider_away(platform: &Platform, cause: &str, again: String) -> Response {
    let title = "The identity provider is away";
    let what = "did not answer as it should.";
    try_again(platform, StatusCode::BAD_GATEWAY, title, what, cause, again)
}

/// What the browser brought back is no good: a code that was used before, or is another provider's.
pub(super) fn callback_refused(platform: &Platform, cause: &str, again: String) -> Response {
    let title = "That did not work";
    let what = "sent you back with something that is no good any more, or never was.";
    try_again(platform, StatusCode::BAD_REQUEST, title, what, cause, again)
}

/// `what`: what the provider did, after its name.
fn try_again(
    platform: &Platform,
    status: StatusCode,
    title: &'static str,
    what: &str,
    cause: &str,
    again: String,
) -> Response {
    let support_id = random::support_id();
    tracing::warn!(%support_id, cause, "the identity provider does not do its part");
    let name = platform.identity_provider().name();
    let page_of = Message {
        frame: Frame::of(platform),
        title,
        paragraphs: vec![format!(
            "{name} {what} Your sign-in is still open: try again."
        )],
        is_status: false,
        again: Some(Again {
            href: again,
            text: "Try again",
        }),
        support_id: Some(support_id),
    };
    page(platform, status, &page_of, &[])
}

fn with_way_on(
    platform: &Platform,
    status: StatusCode,
    title: &'static str,
    text: &str,
    again: Option<Again>,
) -> Response {
    let page_of = Message {
        frame: Frame::of(platform),
        title,
        paragraphs: vec![text.to_owned()],
        is_status: false,
        again,
        support_id: None,
    };
    page(platform, status, &page_of, &[])
}
