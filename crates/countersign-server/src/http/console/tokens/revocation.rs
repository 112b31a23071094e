//! `/console/tokens/{id}/revoke`, `/console/tokens/revoke`: how does a token end for good, and all of
//! somebody's at once?

use axum::{extract::Path, response::Response};
use countersign_proto::{
    management::{GrantedToken, Revocation, TokensRevocation},
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

const OWNER: &str = "owner";
const REASON: &str = "reason";

pub(super) async fn form(visitor: Visitor, Path(id): Path<String>) -> Response {
    match tokens::find(visitor.platform(), visitor.caller(), &id).await {
        Ok(token) => of_one(&visitor, &token, "", &Problems::none()).answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

pub(super) async fn revoke(visitor: Visitor, Path(id): Path<String>, posted: Posted) -> Response {
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let problems = match reason(&posted) {
        Err(problems) => problems,
        Ok(reason) => {
            let asked = Revocation { reason };
            let refusal = match tokens::revoke(platform, caller, &id, &asked).await {
                Ok(token) => {
                    return see_other(&Notice::Revoked.at(&page_of(&visitor, &token.id, "")));
                }
                Err(refusal) => refusal,
            };
            match Problems::of(&visitor, &refusal, &[(REASON, REASON)]) {
                Ok(problems) => problems,
                Err(response) => return response,
            }
        }
    };
    match tokens::find(platform, caller, &id).await {
        Ok(token) => of_one(&visitor, &token, posted.text(REASON), &problems)
            .refused(&visitor, problems.status()),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

pub(super) async fn form_for_all(visitor: Visitor) -> Response {
    let own = &visitor.caller().claims.principal;
    let owner = visitor.asked(OWNER).unwrap_or_else(|| own.clone());
    of_all(&visitor, &owner, "", &Problems::none()).answer(&visitor)
}

pub(super) async fn revoke_all(visitor: Visitor, posted: Posted) -> Response {
    let owner = posted.given(OWNER).unwrap_or_default();
    let problems = match (owner, reason(&posted)) {
        ("", _) => Problems::at_field(OWNER, "Say whose tokens."),
        (_, Err(problems)) => problems,
        (_, Ok(reason)) => {
            let asked = TokensRevocation {
                owner: Some(owner.to_owned()),
                application: None,
                certificate: None,
                created_through: None,
                created_by: None,
                reason,
            };
            let (platform, caller) = (visitor.platform(), visitor.caller());
            let refusal = match tokens::revoke_many(platform, caller, &asked).await {
                Ok(_) => {
                    let query = url::form_urlencoded::Serializer::new(String::new())
                        .append_pair(OWNER, owner)
                        .finish();
                    let list = visitor.path(&format!("/tokens?{query}"));
                    return see_other(&Notice::Revoked.at(&list));
                }
                Err(refusal) => refusal,
            };
            let fields = [(OWNER, OWNER), ("principal", OWNER), (REASON, REASON)];
            match Problems::of(&visitor, &refusal, &fields) {
                Ok(problems) => problems,
                Err(response) => return response,
            }
        }
    };
    of_all(&visitor, owner, posted.text(REASON), &problems).refused(&visitor, problems.status())
}

/// Whoever reads the audit wants to know.
fn reason(posted: &Posted) -> Result<String, Problems> {
    let given = posted.given(REASON).map(str::to_owned);
    given.ok_or_else(|| Problems::at_field(REASON, "Say why: it is written down."))
}

fn of_one(visitor: &Visitor, token: &GrantedToken, reason: &str, problems: &Problems) -> Form {
    Form {
        title: showable(&format!("Revoke {}?", token.name), 300),
        about: vec![
            "Whoever uses it is refused from then on. With it go the token that replaces it, and every \
             token that was granted with it. This is not taken back."
                .to_owned(),
        ],
        action: page_of(visitor, &token.id, "/revoke"),
        fields: vec![why(reason, problems)],
        back: page_of(visitor, &token.id, ""),
        ..asks(visitor, problems)
    }
}

fn of_all(visitor: &Visitor, owner: &str, reason: &str, problems: &Problems) -> Form {
    Form {
        title: "Revoke all tokens of an identity?".to_owned(),
        about: vec![
            "Every token that stands for it is refused from then on. This is not taken back."
                .to_owned(),
        ],
        action: visitor.path("/tokens/revoke"),
        fields: vec![
            Field::line(OWNER, "Whose", owner)
                .required()
                .wrong(problems.at(OWNER)),
            why(reason, problems),
        ],
        back: visitor.path("/tokens"),
        ..asks(visitor, problems)
    }
}

fn why(reason: &str, problems: &Problems) -> Field {
    Field::line(REASON, "Why", reason)
        .hint("For whoever reads the audit.")
        .required()
        .wrong(problems.at(REASON))
}

fn asks(visitor: &Visitor, problems: &Problems) -> Form {
    Form {
        shell: Shell::of(visitor, Some(Section::Tokens)),
        title: String::new(),
        about: Vec::new(),
        action: String::new(),
        fields: Vec::new(),
        problem: problems.of_no_field(),
        submit: "Revoke",
        is_grave: true,
        back: String::new(),
    }
}
