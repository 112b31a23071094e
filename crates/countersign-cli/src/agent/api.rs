//! What is answered to which request?

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use countersign::{Clock as _, SystemClock, proto::time::UnixTime};
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    aws_role::AwsRole,
    gate::{Barred, Gate},
    keeper::Keeper,
    roster::Roster,
};
use crate::{
    commands::presentable,
    failure::{Exit, Failure},
    output::Output,
    session::Held,
};

pub(super) type Answer = Response<Full<Bytes>>;

/// What programs ask, whichever way they came.
pub(super) struct Api {
    roster: Roster,
    role: Option<AwsRole>,
    started_at: UnixTime,
    asked: AtomicU64,
    answered: AtomicU64,
    refused: AtomicU64,
    output: Output,
}

impl Api {
    pub(super) fn new(roster: Roster, role: Option<AwsRole>, output: Output) -> Api {
        Api {
            roster,
            role,
            started_at: SystemClock.now(),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            output,
        }
    }

    /// Answers one request. `whose`: for the log.
    pub(super) async fn answer(&self, request: &Parts, gate: &Gate, whose: &str) -> Answer {
        let path = request.uri.path();
        if let Err(barred) = gate.check(request) {
            self.count_refusal();
            self.say(|| format!("refused {whose}: {}", barred.reason()));
            return refusal(barred);
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answered = match path {
            "/token" => self
                .token(request)
                .await
                .map(|(keeper, held)| token(&keeper.name, &held)),
            "/header" => self
                .token(request)
                .await
                .map(|(_, held)| header_line(&held)),
            "/aws-credentials" => self.aws_credentials(request).await,
            "/profiles" => self.profiles(),
            "/status" => self.status(),
            _ => {
                return error(
                    StatusCode::NOT_FOUND,
                    "there is no such path",
                    Some(PATHS),
                    1,
                );
            }
        };
        let answer = answered.unwrap_or_else(|failure| failed(&failure));
        self.say(|| format!("{whose}: {path} {}", answer.status().as_u16()));
        answer
    }

    /// Counts a program that was refused.
    pub(super) fn count_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    async fn token(&self, request: &Parts) -> Result<(Arc<Keeper>, Held), Failure> {
        let profile = profile(request.uri.query().unwrap_or_default())?;
        let keeper = self.roster.keeper(profile.as_deref())?;
        let held = keeper.token().await?;
        presentable(&held)?;
        self.answered.fetch_add(1, Ordering::Relaxed);
        Ok((keeper, held))
    }

    async fn aws_credentials(&self, request: &Parts) -> Result<Answer, Failure> {
        let role = self.role.as_ref().ok_or_else(|| {
            Failure::usage("this agent serves no role of AWS").hint("start it with --role-arn ARN")
        })?;
        let (keeper, held) = self.token(request).await?;
        let credentials = role.credentials(&keeper.of_aws, &held).await?;
        Ok(json_answer(StatusCode::OK, &credentials))
    }

    fn profiles(&self) -> Result<Answer, Failure> {
        let default = self
            .roster
            .keeper(None)
            .ok()
            .map(|keeper| keeper.name.clone());
        let items = self.roster.entries()?.into_iter().map(|entry| {
            let is_default = default.as_deref() == Some(entry.name.as_str());
            json!({ "profile": entry.name, "server": entry.server, "default": is_default })
        });
        Ok(json_answer(
            StatusCode::OK,
            &json!({ "items": items.collect::<Vec<_>>() }),
        ))
    }

    fn status(&self) -> Result<Answer, Failure> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let fetched: u64 = self
            .roster
            .entries()?
            .iter()
            .map(|entry| entry.fetched)
            .sum();
        Ok(json_answer(
            StatusCode::OK,
            &json!({
                "version": env!("CARGO_PKG_VERSION"),
                "process": std::process::id(),
                "started_at": self.started_at.to_string(),
                "asked": count(&self.asked),
                "answered": count(&self.answered),
                "refused": count(&self.refused),
                "fetched": fetched,
            }),
        ))
    }

    fn say(&self, text: impl FnOnce() -> String) {
        if self.output.is_verbose() {
            self.output.detail(&text());
        }
    }
}

const PATHS: &str = "there are /token, /header, /aws-credentials, /profiles and /status";

/// The profile that a query names, if it names one.
fn profile(query: &str) -> Result<Option<Cow<'_, str>>, Failure> {
    let mut named = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "profile" || named.replace(value).is_some() {
            return Err(Failure::usage("the query is not understood")
                .hint("it has profile=NAME once, or nothing"));
        }
    }
    Ok(named)
}

fn token(profile: &str, held: &Held) -> Answer {
    let token = &held.token;
    let secret = token.access_token.expose();
    let left = token.expires_at.since(SystemClock.now());
    json_answer(
        StatusCode::OK,
        &json!({
            "profile": profile,
            "token": secret,
            "token_type": "Bearer",
            "authorization": format!("Bearer {secret}"),
            "expires_in": left.as_secs(),
            "expires_at": token.expires_at.to_string(),
            "principal": token.principal,
            "refreshes_remaining": held.refreshes_remaining,
        }),
    )
}

/// One line, as `curl -H @-` reads it.
fn header_line(held: &Held) -> Answer {
    let line = format!(
        "Authorization: Bearer {}\n",
        held.token.access_token.expose()
    );
    answer(StatusCode::OK, "text/plain; charset=utf-8", line)
}

fn refusal(barred: Barred) -> Answer {
    let status = match barred {
        Barred::Method => StatusCode::METHOD_NOT_ALLOWED,
        Barred::Form => StatusCode::BAD_REQUEST,
        Barred::Host => StatusCode::MISDIRECTED_REQUEST,
        Barred::Secret => StatusCode::UNAUTHORIZED,
        Barred::Browser | Barred::Forwarded => StatusCode::FORBIDDEN,
    };
    let mut answer = error(status, barred.reason(), None, Exit::Denied as u8);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if barred == Barred::Method {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    answer
}

/// The one table from exit codes to statuses.
fn failed(failure: &Failure) -> Answer {
    let status = match failure.exit() {
        Exit::Usage => StatusCode::NOT_FOUND,
        // A person has to do something first.
        Exit::Expired | Exit::RefreshLimit => StatusCode::CONFLICT,
        Exit::Network | Exit::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        // The platform said no.
        Exit::Denied | Exit::Policy | Exit::IdentityRejected => StatusCode::BAD_GATEWAY,
        Exit::Failure | Exit::NotNeeded => StatusCode::INTERNAL_SERVER_ERROR,
    };
    error(
        status,
        failure.message(),
        failure.hint_text(),
        failure.code(),
    )
}

fn error(status: StatusCode, message: &str, hint: Option<&str>, code: u8) -> Answer {
    json_answer(
        status,
        &json!({ "error": message, "hint": hint, "code": code }),
    )
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    answer(status, "application/json", format!("{body}\n"))
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        // For a browser that should get here in spite of all: nothing of this is for a page.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

const CROSS_ORIGIN_RESOURCE_POLICY: header::HeaderName =
    header::HeaderName::from_static("cross-origin-resource-policy");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_profile_once_or_says_nothing() {
        assert_eq!(profile("").unwrap(), None);
        assert_eq!(profile("profile=dev").unwrap().as_deref(), Some("dev"));
        assert_eq!(profile("profile=a%20b").unwrap().as_deref(), Some("a b"));
        for wrong in ["profile=a&profile=b", "profil=a", "a", "profile=a&x=y"] {
            assert_eq!(profile(wrong).unwrap_err().code(), 2, "{wrong}");
        }
    }

    #[test]
    fn every_failure_says_by_its_status_who_has_to_do_something() {
        for (exit, status) in [
            (Exit::Failure, 500),
            (Exit::Usage, 404),
            (Exit::Denied, 502),
            (Exit::Expired, 409),
            (Exit::Policy, 502),
            (Exit::Network, 503),
            (Exit::IdentityRejected, 502),
            (Exit::RefreshLimit, 409),
            (Exit::Interrupted, 503),
        ] {
            assert_eq!(
                failed(&Failure::new(exit, "x")).status().as_u16(),
                status,
                "{exit:?}"
            );
        }
    }

    // security.md 134
    #[test]
    fn no_answer_is_kept_by_anybody_or_shown_in_a_page() {
        let answer = refusal(Barred::Browser);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("connection", "close"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        let cors = answer
            .headers()
            .keys()
            .any(|name| name.as_str().starts_with("access-control"));
        assert!(!cors);
    }
}
