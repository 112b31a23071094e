//! What does a page of a sign-in show, and what may it do?

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use countersign_proto::time::UnixTime;

use super::end;
use crate::{
    Platform,
    login::{Asked, Login},
    refusal::Fault,
};

/// What is around every page.
pub(super) struct Frame {
    base: String,
    platform: String,
    poll: Option<Poll>,
}

/// What a page asks for from time to time, and where it goes when the answer is another.
pub(super) struct Poll {
    pub(super) state: &'static str,
    pub(super) url: String,
    pub(super) here: String,
}

/// What is known of a terminal: what the platform saw, and apart from it what the terminal says.
pub(super) struct Facts {
    address: String,
    network: &'static str,
    started_at: String,
    ago: String,
    claims: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "login/warning.html")]
pub(super) struct Warning {
    pub(super) frame: Frame,
    pub(super) at: String,
    pub(super) token: String,
    pub(super) facts: Facts,
}

#[derive(Template)]
#[template(path = "login/sign_in.html")]
pub(super) struct SignIn {
    pub(super) frame: Frame,
    pub(super) at: String,
    pub(super) token: String,
    pub(super) facts: Facts,
    pub(super) name: String,
    pub(super) problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "login/review.html")]
pub(super) struct Review {
    pub(super) frame: Frame,
    pub(super) at: String,
    pub(super) token: String,
    pub(super) facts: Facts,
    pub(super) who: Who,
    pub(super) wants: Vec<String>,
    pub(super) label: String,
    pub(super) hands_over: bool,
}

/// Who has signed in.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) principal: String,
    pub(super) provider: String,
}

#[derive(Template)]
#[template(path = "login/handing_over.html")]
pub(super) struct HandingOver {
    pub(super) frame: Frame,
    pub(super) at: String,
    pub(super) token: String,
    pub(super) port: u16,
    pub(super) may_show_code: bool,
}

#[derive(Template)]
#[template(path = "login/code.html")]
pub(super) struct Code<'a> {
    pub(super) frame: Frame,
    pub(super) at: String,
    pub(super) token: String,
    pub(super) code: &'a str,
    pub(super) spelled: &'a str,
    pub(super) minutes: String,
}

#[derive(Template)]
#[template(path = "login/message.html")]
pub(super) struct Message {
    pub(super) frame: Frame,
    pub(super) title: &'static str,
    pub(super) paragraphs: Vec<String>,
    pub(super) is_status: bool,
    pub(super) again: Option<Again>,
    pub(super) support_id: Option<String>,
}

/// A way on.
pub(super) struct Again {
    pub(super) href: String,
    pub(super) text: &'static str,
}

impl Frame {
    pub(super) fn of(platform: &Platform) -> Frame {
        let issuer = &platform.settings().issuer;
        let host = issuer.host_str().unwrap_or_default();
        Frame {
            base: platform.base_path().to_owned(),
            platform: match issuer.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
            poll: None,
        }
    }

    /// Looks for news from time to time.
    pub(super) fn polling(mut self, poll: Poll) -> Frame {
        self.poll = Some(poll);
        self
    }
}

impl Facts {
    pub(super) fn of(login: &Login, browser: Option<std::net::IpAddr>, now: UnixTime) -> Facts {
        let asked = login.asked();
        Facts {
            address: asked
                .address
                .map_or_else(|| "not known".to_owned(), |address| address.to_string()),
            network: match (asked.address, browser) {
                (Some(_), Some(_)) if asked.is_from_same_network(browser) => {
                    "the one that this browser is in"
                }
                (Some(_), Some(_)) => "another one than this browser's",
                _ => "not known",
            },
            started_at: login.created_at().to_string(),
            ago: ago(now.since(login.created_at()).as_secs()),
            claims: claims(asked),
        }
    }
}

/// A page, with what it may do: forms go to the platform and to where they are sent on from there.
pub(super) fn page(
    platform: &Platform,
    status: StatusCode,
    template: &impl Template,
    form_targets: &[String],
) -> Response {
    let text = match template.render() {
        Ok(text) => text,
        Err(error) => {
            let fault = Fault::new(format!("a page cannot be made: {error}"));
            return end::fault(platform, &fault);
        }
    };
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    // `no-referrer` would make our own forms come from `null`.
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    for target in form_targets {
        policy.push(' ');
        policy.push_str(target);
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

fn claims(asked: &Asked) -> Vec<(&'static str, String)> {
    let client = &asked.client;
    let program = [client.name.as_str(), client.version.as_str()].join(" ");
    let rows = [
        ("Program", program.trim()),
        ("Machine", &client.host),
        ("Account", &client.user),
        ("System", &client.os),
    ];
    rows.into_iter()
        .map(|(name, value)| {
            let value = if value.is_empty() {
                "says nothing"
            } else {
                value
            };
            (name, value.to_owned())
        })
        .collect()
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..=4 => "just now".to_owned(),
        5..=89 => format!("{seconds} seconds ago"),
        _ => format!("{} minutes ago", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_people_tell_it() {
        let told = [0, 5, 89, 90, 149, 150].map(ago);
        assert_eq!(
            told,
            [
                "just now",
                "5 seconds ago",
                "89 seconds ago",
                "2 minutes ago",
                "2 minutes ago",
                "3 minutes ago"
            ]
        );
    }
}
