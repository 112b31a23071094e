//! `/console/principals/{name}/password`: how does a person get a password at the console, and lose it?

use axum::{Router, extract::Path, http::StatusCode, response::Response, routing::get};
use countersign_proto::management::NewPassword;

use super::{
    Notice, Posted, Section, Visitor,
    form::{Field, Form},
    links, refused,
};
use crate::{
    Platform,
    http::pages::see_other,
    service::{Noun as _, Principals, find, passwords},
};

const WITH_TOKENS: &str = "with_tokens";

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    let page = super::path(platform, "/principals/{name}/password");
    let taken_away = format!("{page}/delete");
    Router::new()
        .route(&page, get(blank).post(set))
        .route(&taken_away, get(doubt).post(delete))
}

async fn blank(visitor: Visitor, Path(name): Path<String>) -> Response {
    let caller = visitor.caller();
    if let Err(refusal) = caller.must_have(Principals::WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    match find::<Principals>(visitor.platform(), caller, &name).await {
        Ok(_) => form(&visitor, &name).answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

async fn set(visitor: Visitor, Path(name): Path<String>, posted: Posted) -> Response {
    let form = form(&visitor, &name);
    if posted.text("password") != posted.text("again") {
        let problem = "The two passwords differ.".to_owned();
        return form.again(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problem);
    }
    let new = match posted.is_ticked(WITH_TOKENS) {
        true => NewPassword::new(posted.text("password")).with_tokens(),
        false => NewPassword::new(posted.text("password")),
    };
    match passwords::set(visitor.platform(), visitor.caller(), &name, &new).await {
        Ok(()) => see_other(&Notice::Saved.at(&principal(&visitor, &name))),
        Err(refusal) => refused::in_form(&visitor, &refusal, form),
    }
}

async fn doubt(visitor: Visitor, Path(name): Path<String>) -> Response {
    let caller = visitor.caller();
    if let Err(refusal) = caller.must_have(Principals::WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    match find::<Principals>(visitor.platform(), caller, &name).await {
        Ok(_) => doubting(&visitor, &name).answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

async fn delete(visitor: Visitor, Path(name): Path<String>) -> Response {
    match passwords::delete(visitor.platform(), visitor.caller(), &name).await {
        Ok(()) => see_other(&Notice::Gone.at(&principal(&visitor, &name))),
        Err(refusal) => refused::in_form(&visitor, &refusal, doubting(&visitor, &name)),
    }
}

fn doubting(visitor: &Visitor, name: &str) -> Form {
    let here = principal(visitor, name);
    let title = format!("Take the password of {name} away?");
    let ways = [format!("{here}/password/delete"), here];
    Form {
        about: vec!["Nobody signs in by it any more. The sessions of this person end.".to_owned()],
        submit: "Take it away",
        is_grave: true,
        ..links::form(visitor, Section::Principals, &title, Vec::new(), ways)
    }
}

fn form(visitor: &Visitor, name: &str) -> Form {
    let here = principal(visitor, name);
    let mut fields = vec![
        Field::password("password", "New password")
            .required()
            .hint("8 to 1024 bytes."),
        Field::password("again", "The same again").required(),
    ];
    if visitor.may("tokens:write") {
        let field = Field::ticked(
            WITH_TOKENS,
            "Also revoke all tokens that this person has or granted",
            false,
        );
        fields.push(field.hint("Do this when somebody else may have known the old password."));
    }
    let title = format!("Set the password of {name}");
    let ways = [format!("{here}/password"), here];
    Form {
        about: vec!["The sessions of this person end.".to_owned()],
        submit: "Set the password",
        ..links::form(visitor, Section::Principals, &title, fields, ways)
    }
}

fn principal(visitor: &Visitor, name: &str) -> String {
    visitor.path(&format!("/principals/{}", links::segment(name)))
}
