//! `/console/tokens/import`: how does a token of another platform go on working here?
//!
//! What was pasted is in the body of one request and on no page, not even on that which says what is wrong.

use axum::response::Response;
use countersign_proto::management::ImportedToken;

use super::{new, page_of};
use crate::{
    http::{
        console::{
            Notice, Posted, Section, Visitor,
            form::{Field, Form},
            links,
            problems::Problems,
            refused,
        },
        pages::see_other,
    },
    service::tokens,
};

/// The form has a field `token` of its own.
const STRING: &str = "string";
const REVOKED: &str = "revoked";
const IMPORT: &str = "tokens:write";

/// Characters of a token, as many as are read of one that is presented.
const STRING_MAX: usize = 16_384;

/// `GET`
pub(super) async fn form(visitor: Visitor) -> Response {
    if let Err(refusal) = visitor.caller().must_have(IMPORT) {
        return refused::answer(&visitor, &refusal.into());
    }
    shown(&visitor, &Posted::read(b""), &Problems::none()).answer(&visitor)
}

/// `POST`
pub(super) async fn import(visitor: Visitor, posted: Posted) -> Response {
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let problems = match asked(&posted) {
        Err(problems) => problems,
        Ok(token) => {
            let refusal = match tokens::import(platform, caller, &token).await {
                Ok(token) => return see_other(&Notice::Made.at(&page_of(&visitor, &token.id, ""))),
                Err(refusal) => refusal,
            };
            let fields: Vec<_> = [("token", STRING)].into_iter().chain(new::FIELDS).collect();
            match Problems::of(&visitor, &refusal, &fields) {
                Ok(problems) => problems,
                Err(response) => return response,
            }
        }
    };
    shown(&visitor, &posted, &problems).refused(&visitor, problems.status())
}

fn asked(posted: &Posted) -> Result<ImportedToken, Problems> {
    let string = posted
        .given(STRING)
        .ok_or_else(|| Problems::at_field(STRING, "Paste the token."))?;
    let mut token = ImportedToken::new(string, new::asked(posted)?);
    token.revoked = posted.is_ticked(REVOKED);
    Ok(token)
}

fn shown(visitor: &Visitor, posted: &Posted, problems: &Problems) -> Form {
    let mut fields = vec![
        Field::secret(STRING, "Token", STRING_MAX)
            .hint("As the other platform wrote it. It is kept as a digest, and never shown.")
            .required(),
    ];
    fields.extend(new::terms(visitor, posted));
    fields.push(
        Field::tick(REVOKED, "It is revoked from the start", Some(posted))
            .hint("So that it is listed here, and nobody gets in by it."),
    );
    let ways = [visitor.path("/tokens/import"), visitor.path("/tokens")];
    let form = links::form(visitor, Section::Tokens, "Import a token", fields, ways);
    Form {
        about: vec![
            "A token of another platform goes on working here, under the rules for new ones."
                .to_owned(),
        ],
        submit: "Import",
        ..form.with(problems)
    }
}
