//! What does a page of a sign-in show?

use askama::Template;
use countersign_proto::time::UnixTime;

use crate::{
    http::pages::page::Frame,
    login::{Asked, Login},
};

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
