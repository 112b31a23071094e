//! What is said of a sign-in that goes on, to people and to programs?
//!
//! People read it on stderr. Programs get one JSON object a line on stdout, each with a member
//! `event`; the last is the result. No secret is in either: whoever knows the address of a login
//! gets no token by it.

use std::time::Duration;

use countersign::{
    Clock, SystemClock,
    login::LoginEvent,
    proto::{time::UnixTime, token::Binding},
};
use serde_json::{Value, json};

use super::under_way::Link;
use crate::{
    args::Format,
    failure::Failure,
    output::{Live, Output, Shown},
};

/// What is on the screen, and what was written to stdout.
pub(super) struct Progress<'a> {
    output: &'a Output,
    live: Live,
    ends: Option<UnixTime>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(output: &'a Output) -> Progress<'a> {
        Progress {
            output,
            live: output.live(),
            ends: None,
        }
    }

    /// The address, before anything else is said, and whatever was asked for: without it there is
    /// no sign-in.
    pub(super) fn address(&mut self, link: &Link) {
        self.output.insist(&format!("sign in at: {}", link.url));
        self.live
            .note(&format!("the page has the words: {}", link.label));
    }

    /// What a program needs to know of a login that has begun here.
    pub(super) fn begun(
        &mut self,
        link: &Link,
        ends: UnixTime,
        way: Binding,
        fallback: Option<Binding>,
    ) -> Result<(), Failure> {
        self.ends = Some(ends);
        self.event(&json!({
            "event": "begun",
            "url": link.url,
            "label": link.label,
            "expires": ends.to_string(),
            "binding": way.name(),
            "fallback": fallback.map(Binding::name),
        }))
    }

    /// What a program needs to know of a login that another run has begun.
    pub(super) fn joined(&mut self, link: &Link) -> Result<(), Failure> {
        self.event(&json!({"event": "joined", "url": link.url, "label": link.label}))
    }

    /// What has happened.
    pub(super) fn happened(&mut self, event: &LoginEvent) -> Result<(), Failure> {
        self.tell(event);
        match written(event) {
            Some(json) => self.event(&json),
            None => Ok(()),
        }
    }

    fn tell(&mut self, event: &LoginEvent) {
        match event {
            LoginEvent::Opened(browser) => {
                let network = match browser.same_network {
                    true => "",
                    false => ", in another network",
                };
                self.note(&format!(
                    "opened in a browser at {}{network}",
                    browser.address
                ));
                self.now("waiting until somebody is signed in there");
            }
            LoginEvent::SignedIn => self.now("signed in; waiting for Allow in the browser"),
            LoginEvent::NeedCode { .. } => self.note("allowed: the browser shows a code"),
            LoginEvent::CodeRefused { tries_left } => self.note(&match tries_left {
                1 => "that is not the code; one try is left".to_owned(),
                left => format!("that is not the code; {left} tries are left"),
            }),
            LoginEvent::WaitingForLoopback => {
                self.now("allowed; waiting for the browser to come to this machine");
            }
            LoginEvent::Confirmed => self.now("allowed; asking who signed in"),
            LoginEvent::Identity {
                principal,
                name,
                idp,
                scope,
                ..
            } => {
                let name = match name == principal || name.is_empty() {
                    true => String::new(),
                    false => format!(" ({name})"),
                };
                let scope = match scope {
                    Some(scope) => format!(", for {scope}"),
                    None => String::new(),
                };
                self.note(&format!("signed in as {principal}{name} by {idp}{scope}"));
            }
            LoginEvent::Disconnected => {
                self.note("the connection is lost and is made again; the page stays valid");
            }
            LoginEvent::Resumed => self.note("connected again"),
            _ => {}
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        self.live.note(text);
    }

    /// For whoever asked to be told more.
    pub(super) fn detail(&mut self, text: &str) {
        if self.output.is_verbose() {
            self.live.note(text);
        }
    }

    pub(super) fn now(&mut self, state: &str) {
        self.live.now(state);
    }

    /// Time passes.
    pub(super) fn tick(&mut self) {
        if let Some(ends) = self.ends {
            let left = ends.since(SystemClock.now());
            self.live.left(left);
        }
    }

    pub(super) fn ask(&mut self, question: &str) {
        self.live.ask(question);
    }

    pub(super) fn answered(&mut self) {
        self.live.answered();
    }

    pub(super) fn withdraw(&mut self) {
        self.live.withdraw();
    }

    /// The end: what there is now.
    pub(super) fn result(mut self, shown: Shown) -> Result<(), Failure> {
        self.live.end();
        match (self.output.format(), shown.json) {
            (Some(Format::Json), Value::Object(members)) => {
                let mut json = json!({"event": "result"});
                if let Value::Object(all) = &mut json {
                    all.extend(members);
                }
                self.output.json_line(&json)
            }
            (_, json) => self.output.show(&Shown { json, ..shown }),
        }
    }

    fn event(&self, json: &Value) -> Result<(), Failure> {
        match self.output.format() {
            Some(Format::Json) => self.output.json_line(json),
            _ => Ok(()),
        }
    }
}

/// How often the time that is left is shown anew.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// What a program reads of an event; the last one is written with the result.
fn written(event: &LoginEvent) -> Option<Value> {
    Some(match event {
        LoginEvent::Opened(browser) => json!({
            "event": "opened",
            "address": browser.address,
            "user_agent": browser.user_agent,
            "same_network": browser.same_network,
        }),
        LoginEvent::SignedIn => json!({"event": "signed_in"}),
        LoginEvent::NeedCode { tries_left } => {
            json!({"event": "need_code", "tries_left": tries_left})
        }
        LoginEvent::CodeRefused { tries_left } => {
            json!({"event": "code_refused", "tries_left": tries_left})
        }
        LoginEvent::WaitingForLoopback => json!({"event": "waiting_for_loopback"}),
        LoginEvent::Confirmed => json!({"event": "confirmed"}),
        LoginEvent::Identity {
            principal,
            name,
            idp,
            scope,
            ..
        } => json!({
            "event": "identity",
            "principal": principal,
            "name": name,
            "provider": idp,
            "scope": scope,
        }),
        LoginEvent::Disconnected => json!({"event": "disconnected"}),
        LoginEvent::Resumed => json!({"event": "resumed"}),
        _ => return None,
    })
}
