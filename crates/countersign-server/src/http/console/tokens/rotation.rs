//! `/console/tokens/{id}/rotate`, `/confirm`, `/abort`: how does one token take the place of another
//! while nobody is locked out?

use axum::{extract::Path, response::Response};
use countersign_proto::{
    management::{GrantedToken, Rotation},
    showable::showable,
};

use super::{given, page_of};
use crate::{
    config::TokenRules,
    http::{
        console::{
            Notice, Posted, Section, Shell, Visitor,
            form::{Field, Form},
            moment::span,
            once,
            problems::Problems,
            refused,
        },
        pages::see_other,
    },
    service::{ChangeRefusal, tokens},
};

const GRACE: &str = "grace";
const KEEP: &str = "keep";
const DAYS: &str = "days";
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

pub(super) async fn form(visitor: Visitor, Path(id): Path<String>) -> Response {
    with_token(&visitor, &id, |token| {
        shown(&visitor, token, None, &Problems::none()).answer(&visitor)
    })
    .await
}

pub(super) async fn rotate(visitor: Visitor, Path(id): Path<String>, posted: Posted) -> Response {
    let successor = match once::id(&visitor, &posted) {
        Ok(id) => id,
        Err(response) => return response,
    };
    if let Some(response) = given::before(&visitor, &successor).await {
        return response;
    }
    let refused = match asked(&posted) {
        Err(problems) => problems,
        Ok(rotation) => {
            let (platform, caller) = (visitor.platform(), visitor.caller());
            let refusal = match tokens::rotate_as(platform, caller, &id, rotation, &successor).await
            {
                Ok(token) => return given::replacing(&visitor, &token),
                Err(refusal) => refusal,
            };
            let fields = [("grace_s", GRACE), ("expiry", DAYS)];
            match given::problems(&visitor, &successor, &refusal, &fields).await {
                Ok(problems) => problems,
                Err(response) => return response,
            }
        }
    };
    with_token(&visitor, &id, |token| {
        let form = shown(&visitor, token, Some(&posted), &refused);
        form.refused(&visitor, refused.status())
    })
    .await
}

pub(super) async fn form_to_confirm(visitor: Visitor, Path(id): Path<String>) -> Response {
    with_token(&visitor, &id, |token| {
        let form = Form {
            title: "End the old token now?".to_owned(),
            about: vec![
                "Whoever still uses the old token is refused from then on. The new one goes on."
                    .to_owned(),
            ],
            submit: "End the old one",
            is_grave: true,
            ..asks(&visitor, token, "/confirm")
        };
        form.answer(&visitor)
    })
    .await
}

pub(super) async fn form_to_abort(visitor: Visitor, Path(id): Path<String>) -> Response {
    with_token(&visitor, &id, |token| {
        let form = Form {
            title: "Keep the old token?".to_owned(),
            about: vec![
                "The new token is refused from then on, and the old one lives as if it had never \
                 been replaced."
                    .to_owned(),
            ],
            submit: "End the new one",
            is_grave: true,
            ..asks(&visitor, token, "/abort")
        };
        form.answer(&visitor)
    })
    .await
}

pub(super) async fn confirm(visitor: Visitor, Path(id): Path<String>) -> Response {
    let done = tokens::confirm(visitor.platform(), visitor.caller(), &id).await;
    settled(&visitor, done, Notice::Confirmed)
}

pub(super) async fn abort(visitor: Visitor, Path(id): Path<String>) -> Response {
    let done = tokens::abort(visitor.platform(), visitor.caller(), &id).await;
    settled(&visitor, done, Notice::Aborted)
}

fn settled(
    visitor: &Visitor,
    done: Result<GrantedToken, ChangeRefusal>,
    notice: Notice,
) -> Response {
    match done {
        Ok(token) => see_other(&notice.at(&page_of(visitor, &token.id, ""))),
        Err(refusal) => refused::answer(visitor, &refusal),
    }
}

async fn with_token(
    visitor: &Visitor,
    id: &str,
    show: impl FnOnce(&GrantedToken) -> Response,
) -> Response {
    match tokens::find(visitor.platform(), visitor.caller(), id).await {
        Ok(token) => show(&token),
        Err(refusal) => refused::answer(visitor, &refusal),
    }
}

fn asked(posted: &Posted) -> Result<Rotation, Problems> {
    let number = |name: &'static str, unit: u64| {
        let given = posted.given(name);
        let read = given.map(|text| text.parse().ok().and_then(|it: u64| it.checked_mul(unit)));
        match read {
            None => Ok(None),
            Some(Some(0)) if name == DAYS => {
                Err(Problems::at_field(name, "It has to be at least one."))
            }
            Some(Some(seconds)) => Ok(Some(seconds)),
            Some(None) => Err(Problems::at_field(name, "This is not a whole number.")),
        }
    };
    Ok(Rotation {
        grace_s: number(GRACE, HOUR)?,
        keep_until_grace_ends: posted.is_ticked(KEEP),
        lifetime_s: number(DAYS, DAY)?,
    })
}

fn shown(
    visitor: &Visitor,
    token: &GrantedToken,
    posted: Option<&Posted>,
    problems: &Problems,
) -> Form {
    let typed = |name| posted.map(|posted| posted.text(name)).unwrap_or_default();
    let rules = &visitor.platform().settings().tokens;
    let grace = format!(
        "Empty for {}; at most {}.",
        span(rules.rotation_grace),
        span(TokenRules::ROTATION_GRACE_MAX),
    );
    let most = span(rules.lifetime(token.kind).max);
    let days = format!("Empty for as long as the old one was given; at most {most}.");
    Form {
        shell: Shell::of(visitor, Some(Section::Tokens)),
        title: showable(&format!("Replace {}", token.name), 300),
        about: vec![
            "A new token is made that may do the same, and is shown once. The old one goes on until \
             the new one is first used, or until its time beside it is over: so nobody is locked out \
             while you carry the new one to where it is used."
                .to_owned(),
        ],
        action: page_of(visitor, &token.id, "/rotate"),
        fields: vec![
            Field::number(GRACE, "Hours beside each other", typed(GRACE))
                .hint(grace),
            Field::tick(
                KEEP,
                "Keep the old one for all of that time, though the new one is used",
                posted,
            ),
            Field::number(DAYS, "Days that the new one lives", typed(DAYS))
                .hint(days),
            once::field(visitor),
        ],
        problem: None,
        submit: "Replace",
        is_grave: false,
        back: page_of(visitor, &token.id, ""),
    }
    .with(problems)
}

/// A question without fields.
fn asks(visitor: &Visitor, token: &GrantedToken, page: &str) -> Form {
    Form {
        shell: Shell::of(visitor, Some(Section::Tokens)),
        title: String::new(),
        about: Vec::new(),
        action: page_of(visitor, &token.id, page),
        fields: Vec::new(),
        problem: None,
        submit: "",
        is_grave: false,
        back: page_of(visitor, &token.id, ""),
    }
}
