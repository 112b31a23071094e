//! `/console/tokens/{id}/name`: how is a token called otherwise?

use axum::{extract::Path, response::Response};
use countersign_proto::{
    management::{GrantedToken, TokenChange},
    showable::showable,
};

use super::page_of;
use crate::{
    http::{
        console::{
            Notice, Posted, Section, Shell, Visitor,
            form::{Field, Form},
            problems::Problems,
            refused,
        },
        pages::see_other,
    },
    service::tokens,
};

pub(super) const DESCRIPTION_MAX: usize = 1000;

pub(super) async fn form(visitor: Visitor, Path(id): Path<String>) -> Response {
    let found = tokens::find(visitor.platform(), visitor.caller(), &id).await;
    match found {
        Ok(token) => {
            let (name, description) = (token.name.clone(), token.description.clone());
            shown(&visitor, &token, &name, &description, &Problems::none()).answer(&visitor)
        }
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

pub(super) async fn rename(visitor: Visitor, Path(id): Path<String>, posted: Posted) -> Response {
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let (name, description) = (posted.text("name"), posted.text("description"));
    let change = TokenChange {
        name: Some(name.to_owned()),
        description: Some(one_paragraph(description)),
    };
    let refusal = match tokens::describe(platform, caller, &id, change).await {
        Ok(token) => return see_other(&Notice::Saved.at(&page_of(&visitor, &token.id, ""))),
        Err(refusal) => refusal,
    };
    let fields = [("name", "name"), ("description", "description")];
    let problems = match Problems::of(&visitor, &refusal, &fields) {
        Ok(problems) => problems,
        Err(response) => return response,
    };
    match tokens::find(platform, caller, &id).await {
        Ok(token) => shown(&visitor, &token, name, description, &problems)
            .refused(&visitor, problems.status()),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

/// A description has no lines: those that a form is typed in are joined.
pub(super) fn one_paragraph(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}

fn shown(
    visitor: &Visitor,
    token: &GrantedToken,
    name: &str,
    description: &str,
    problems: &Problems,
) -> Form {
    Form {
        shell: Shell::of(visitor, Some(Section::Tokens)),
        title: showable(&format!("Rename {}", token.name), 300),
        about: vec!["Name and description are for people. Nothing else changes.".to_owned()],
        action: page_of(visitor, &token.id, "/name"),
        fields: vec![
            Field::line("name", "Name", name)
                .required()
                .wrong(problems.at("name")),
            Field::lines("description", "Description", description, DESCRIPTION_MAX)
                .wrong(problems.at("description")),
        ],
        problem: problems.of_no_field(),
        submit: "Save",
        is_grave: false,
        back: page_of(visitor, &token.id, ""),
    }
}
