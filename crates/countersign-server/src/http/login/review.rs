//! How does a sign-in stand for this browser, and what does its person decide?

use axum::{http::StatusCode, response::Response};
use countersign_proto::token::Binding;

use super::{
    end,
    page::{Code, Facts, HandingOver, Review, Who},
    posted::Posted,
    visit::Visit,
};
use crate::{
    Platform,
    http::{
        error,
        pages::{
            message::{self, Message},
            origin,
            page::{Frame, Poll, page},
            see_other,
        },
    },
    login::{End, Login, Release, Stage, Transaction, TransactionSecret, Unfit, View},
    refusal::Fault,
    service::login::{self, Found, HandOver},
};

/// `GET /login/{handle}/review`
pub(super) async fn answer(visit: Visit) -> Response {
    shown(&visit, "/review").await
}

/// `GET /login/{handle}/done`: where the terminal sends the window that brought it the value.
pub(super) async fn done(visit: Visit) -> Response {
    if visit.secret.is_none() {
        let frame = Frame::of(&visit.platform);
        return finished(&visit.platform, frame);
    }
    shown(&visit, "/done").await
}

/// `GET /login/{handle}/state`: what the page's script asks for. Only the browser of a transaction
/// is told.
pub(super) async fn state(visit: Visit) -> Response {
    let found = match visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    match view(&visit, &found) {
        Ok(Some(view)) => {
            let body = serde_json::json!({ "state": name(view) });
            error::json(StatusCode::OK, body.to_string())
        }
        Ok(None) => error::problem(
            StatusCode::FORBIDDEN,
            "this browser has no part in this sign-in".to_owned(),
        ),
        Err(fault) => error::fault_problem(&fault),
    }
}

/// `POST /login/{handle}/allow`: with the value to the terminal, or to the page that shows it.
pub(super) async fn allow(posted: Posted) -> Response {
    let found = match posted.visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let allowed = found.allow(&posted.visit.platform, &posted.browser).await;
    handed_over(&posted.visit, allowed)
}

/// `POST /login/{handle}/code`: the other way does not go.
pub(super) async fn show_code(posted: Posted) -> Response {
    let found = match posted.visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let platform = &posted.visit.platform;
    let allowed = found.show_code(platform, &posted.browser).await;
    handed_over(&posted.visit, allowed)
}

/// `POST /login/{handle}/report`: the person did not start this.
pub(super) async fn report(posted: Posted) -> Response {
    let found = match posted.visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let platform = &posted.visit.platform;
    match found.report(platform, &posted.browser).await {
        Ok(_) => see_other(&posted.visit.path("/review")),
        Err(fault) => message::fault(platform, &fault),
    }
}

/// How it stands for this browser; `None` when that has not signed in.
pub(super) fn view<'a>(visit: &Visit, found: &'a Found) -> Result<Option<View<'a>>, Fault> {
    let Some(secret) = &visit.secret else {
        return Ok(None);
    };
    let key = visit.platform.login_key()?;
    Ok(found.login.view(&key.transaction(secret, &visit.handle)))
}

/// The page for a sign-in that nobody can join any more.
pub(super) fn not_open(platform: &Platform, found: &Found) -> Option<Response> {
    let login = &found.login;
    match (login.stage(), login.ended()) {
        (_, Some(end)) => Some(end::ended(platform, end)),
        (Stage::Bound | Stage::Issued | Stage::Done, None) => Some(end::used(platform)),
        _ => None,
    }
}

/// Either the page is on its way, or it says why there is nothing to be handed over.
fn handed_over(visit: &Visit, allowed: Result<Result<HandOver, Unfit>, Fault>) -> Response {
    match allowed {
        Ok(Ok(HandOver::Loopback(url))) => see_other(url.as_str()),
        Ok(Ok(HandOver::Code) | Err(_)) => see_other(&visit.path("/review")),
        Err(fault) => message::fault(&visit.platform, &fault),
    }
}

async fn shown(visit: &Visit, here: &'static str) -> Response {
    let found = match visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let platform = &visit.platform;
    let (secret, view) = match (&visit.secret, view(visit, &found)) {
        (Some(secret), Ok(Some(view))) => (secret, view),
        // A link that others gave leads to the page that warns of it, however deep it points.
        (_, Ok(_)) if origin::is_led_by_others(&visit.headers) => {
            return see_other(&visit.path(""));
        }
        (_, Ok(_)) => {
            return not_open(platform, &found)
                .unwrap_or_else(|| end::other_browser(platform, visit));
        }
        (_, Err(fault)) => return message::fault(platform, &fault),
    };
    let shown = Shown {
        visit,
        login: &found.login,
        secret,
        frame: Frame::of(platform).polling(Poll {
            state: name(view),
            url: visit.path("/state"),
            here: visit.path(here),
        }),
    };
    let response = match view {
        View::Review => shown.review(),
        View::Approved(release, _) if release.binding() == Binding::Loopback => {
            shown.handing_over()
        }
        View::Approved(release, until) => {
            let left = until.since(platform.now()).as_secs();
            shown.code(release, left)
        }
        View::Confirmed => Ok(confirmed(platform, shown.frame)),
        View::Done => Ok(finished(platform, Frame::of(platform))),
        View::Elsewhere => Ok(end::used(platform)),
        View::Late => Ok(end::late(platform, visit)),
        View::Ended(end) => Ok(end::ended(platform, end)),
    };
    response.unwrap_or_else(|fault| message::fault(platform, &fault))
}

/// What the pages of one transaction are made of.
struct Shown<'a> {
    visit: &'a Visit,
    login: &'a Login,
    secret: &'a TransactionSecret,
    frame: Frame,
}

impl Shown<'_> {
    fn review(self) -> Result<Response, Fault> {
        let (platform, asked) = (&self.visit.platform, self.login.asked());
        let transaction = self.transaction()?;
        let identity = transaction.identity();
        let targets = asked.target().map(|target| target.origin());
        let shown = Review {
            at: self.visit.path(""),
            token: self.token()?,
            facts: Facts::of(self.login, self.visit.seen.address, platform.now()),
            who: Who {
                name: identity.name.clone(),
                principal: identity.principal.clone(),
                provider: identity.provider.clone(),
            },
            wants: asked.scope.split_whitespace().map(str::to_owned).collect(),
            label: asked.label.clone(),
            hands_over: asked.binding() == Binding::Loopback,
            frame: self.frame,
        };
        let targets: Vec<String> = targets.into_iter().collect();
        Ok(page(platform, StatusCode::OK, &shown, &targets))
    }

    fn handing_over(self) -> Result<Response, Fault> {
        let (platform, asked) = (&self.visit.platform, self.login.asked());
        let target = asked
            .target()
            .ok_or_else(|| Fault::new("a value goes nowhere"))?;
        let key = platform.login_key()?;
        let digest = key.transaction(self.secret, &self.visit.handle);
        let shown = HandingOver {
            at: self.visit.path(""),
            token: self.token()?,
            port: target.port(),
            may_show_code: login::may_show_code(platform, self.login, &digest),
            frame: self.frame,
        };
        Ok(page(platform, StatusCode::OK, &shown, &[target.origin()]))
    }

    fn code(self, release: &Release, seconds: u64) -> Result<Response, Fault> {
        let platform = &self.visit.platform;
        let key = platform.login_key()?;
        let value = key.release(self.secret, &self.visit.handle, release);
        let code = value.to_shown();
        let spelled = spelled(&code);
        let shown = Code {
            at: self.visit.path(""),
            token: self.token()?,
            code: &code,
            spelled: &spelled,
            minutes: minutes(seconds),
            frame: self.frame,
        };
        Ok(page(platform, StatusCode::OK, &shown, &[]))
    }

    fn token(&self) -> Result<String, Fault> {
        let key = self.visit.platform.login_key()?;
        Ok(key.form_token(self.secret, &self.visit.handle))
    }

    fn transaction(&self) -> Result<&Transaction, Fault> {
        let key = self.visit.platform.login_key()?;
        let digest = key.transaction(self.secret, &self.visit.handle);
        self.login
            .transaction(&digest)
            .ok_or_else(|| Fault::new("a transaction is gone"))
    }
}

fn confirmed(platform: &Platform, frame: Frame) -> Response {
    let shown = Message {
        frame,
        title: "Almost done",
        paragraphs: vec![
            "Your terminal has heard from this browser. If it asks whether you are the one who \
             signed in, answer there."
                .to_owned(),
        ],
        is_status: true,
        again: None,
        support_id: None,
    };
    page(platform, StatusCode::OK, &shown, &[])
}

fn finished(platform: &Platform, frame: Frame) -> Response {
    let shown = Message {
        frame,
        title: "Done, go back to your terminal",
        paragraphs: vec!["You can close this window.".to_owned()],
        is_status: true,
        again: None,
        support_id: None,
    };
    page(platform, StatusCode::OK, &shown, &[])
}

/// The name of how it stands, for the page's script.
fn name(view: View<'_>) -> &'static str {
    match view {
        View::Review => "review",
        View::Approved(release, _) if release.binding() == Binding::Loopback => "handing_over",
        View::Approved(..) => "code",
        View::Confirmed => "confirmed",
        View::Done => "done",
        View::Elsewhere => "elsewhere",
        View::Late => "late",
        View::Ended(End::Expired) => "expired",
        View::Ended(_) => "ended",
    }
}

/// For a screen reader: letter by letter.
fn spelled(code: &str) -> zeroize::Zeroizing<String> {
    let mut spelled = zeroize::Zeroizing::new(String::with_capacity(4 * code.len()));
    for letter in code.chars() {
        if letter == '-' {
            spelled.push_str(", ");
        } else {
            spelled.push(letter);
            spelled.push(' ');
        }
    }
    spelled
}

fn minutes(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
