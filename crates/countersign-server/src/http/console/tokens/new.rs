//! `/console/tokens/new`: how is a token granted?

use std::sync::Arc;

use axum::response::Response;
use countersign_proto::management::{GrantedForm, GrantedKind, NewToken, Principal};

use super::{
    describing::{DESCRIPTION_MAX, one_paragraph},
    given, words,
};
use crate::{
    http::console::{
        Posted, Section, Visitor,
        form::{Choice, Field, Form},
        links,
        moment::span,
        once,
        problems::Problems,
        refused,
    },
    service::{self, ChangeRefusal, Principals, Roles, tokens},
};

const KIND: &str = "kind";
const FORM: &str = "form";
const NAME: &str = "name";
const DESCRIPTION: &str = "description";
const OWNER: &str = "owner";
const ROLES: &str = "roles";
const SCOPES: &str = "scopes";
const AUDIENCE: &str = "audience";
const DAYS: &str = "days";
const NEVER: &str = "never";

/// What the service calls it, and where it is typed.
pub(super) const FIELDS: [(&str, &str); 11] = [
    ("kind", KIND),
    ("form", FORM),
    ("name", NAME),
    ("description", DESCRIPTION),
    ("owner", OWNER),
    ("principal", OWNER),
    ("roles", ROLES),
    ("role", ROLES),
    ("scopes", SCOPES),
    ("audience", AUDIENCE),
    ("expiry", DAYS),
];

/// So many people fit in a list that opens. More are found by typing.
const OWNERS_MAX: usize = 200;
const DAY: u64 = 86_400;

/// `GET`
pub(super) async fn form(visitor: Visitor) -> Response {
    if !super::may_change_some(&visitor) {
        let permission = "own-tokens:write";
        let forbidden = service::AccessRefusal::Forbidden { permission };
        return refused::answer(&visitor, &ChangeRefusal::Access(forbidden));
    }
    shown(&visitor, &Posted::read(b""), &Problems::none()).answer(&visitor)
}

/// `POST`
pub(super) async fn grant(visitor: Visitor, posted: Posted) -> Response {
    let id = match once::id(&visitor, &posted) {
        Ok(id) => id,
        Err(response) => return response,
    };
    if let Some(response) = given::before(&visitor, &id).await {
        return response;
    }
    let problems = match asked(&posted) {
        Err(problems) => problems,
        Ok(new) => {
            let (platform, caller) = (visitor.platform(), visitor.caller());
            let refusal = match tokens::create_as(platform, caller, new, &id).await {
                Ok(token) => return given::granted(&visitor, &token),
                Err(refusal) => refusal,
            };
            match given::problems(&visitor, &id, &refusal, &FIELDS).await {
                Ok(problems) => problems,
                Err(response) => return response,
            }
        }
    };
    shown(&visitor, &posted, &problems).refused(&visitor, problems.status())
}

/// What was asked for.
pub(super) fn asked(posted: &Posted) -> Result<NewToken, Problems> {
    let kind = words::kind_named(posted.text(KIND))
        .ok_or_else(|| Problems::at_field(KIND, "Choose one of these."))?;
    let days = posted.given(DAYS).map(str::parse::<u64>);
    let lifetime_s = match days {
        None => None,
        Some(Ok(0)) => return Err(Problems::at_field(DAYS, "It has to be at least one.")),
        // What no number holds is not left out in silence: it is more than is permitted.
        Some(Ok(days)) => Some(days.saturating_mul(DAY)),
        Some(Err(_)) => return Err(Problems::at_field(DAYS, "This is not a whole number.")),
    };
    let words = posted.text(SCOPES).split_whitespace();
    Ok(NewToken {
        kind,
        form: match posted.text(FORM) {
            "jwt" => GrantedForm::Jwt,
            _ => GrantedForm::Opaque,
        },
        name: posted.text(NAME).trim().to_owned(),
        description: one_paragraph(posted.text(DESCRIPTION)),
        owner: posted
            .given(OWNER)
            .filter(|_| kind != GrantedKind::System)
            .map(str::to_owned),
        roles: posted.all(ROLES),
        scopes: words.map(str::to_owned).collect(),
        audience: posted.given(AUDIENCE).map(str::to_owned),
        expires_at: None,
        lifetime_s,
        never_expires: posted.is_ticked(NEVER),
    })
}

fn shown(visitor: &Visitor, posted: &Posted, problems: &Problems) -> Form {
    let mut fields = terms(visitor, posted);
    fields.push(forms(posted));
    fields.push(once::field(visitor));
    let list = visitor.path("/tokens");
    let ways = [visitor.path("/tokens/new"), list];
    let form = links::form(visitor, Section::Tokens, "Create a token", fields, ways);
    Form {
        about: vec![
            "Its string is shown once, on the next page. Nobody can look it up afterwards."
                .to_owned(),
        ],
        ..form.with(problems)
    }
}

/// What a token is to be, whatever its string.
pub(super) fn terms(visitor: &Visitor, posted: &Posted) -> Vec<Field> {
    let mut fields = vec![kinds(visitor, posted)];
    fields.push(
        Field::line(NAME, "Name", posted.text(NAME))
            .hint("For people: what uses it, and where.")
            .required(),
    );
    fields.push(Field::lines(
        DESCRIPTION,
        "Description",
        posted.text(DESCRIPTION),
        DESCRIPTION_MAX,
    ));
    if visitor.may("tokens:write") {
        fields.push(owner(visitor, posted));
    }
    fields.push(
        Field::several(ROLES, "Roles", roles(visitor), &posted.all(ROLES)).hint(
            "None ticked: all that its owner has, as they are each time that it is used. A system \
             token needs one.",
        ),
    );
    fields.push(
        Field::line(SCOPES, "Scopes", posted.text(SCOPES))
            .hint("Permissions such as certificates:read, with spaces between them. Empty for all that its roles permit."),
    );
    fields.push(
        Field::line(AUDIENCE, "For which API", posted.text(AUDIENCE))
            .hint("Empty for this platform itself, else the audience of an application."),
    );
    fields.push(
        Field::number(DAYS, "Days that it lives", posted.text(DAYS)).hint(lifetimes(visitor)),
    );
    let rules = &visitor.platform().settings().tokens;
    if !rules.may_never_expire.is_empty() {
        fields.push(
            Field::tick(NEVER, "It never expires", Some(posted)).hint(format!(
                "Permitted for: {}.",
                names(&rules.may_never_expire)
            )),
        );
    }
    fields
}

fn kinds(visitor: &Visitor, posted: &Posted) -> Field {
    let texts = [
        (GrantedKind::Personal, "Personal: you, in your own programs"),
        (GrantedKind::App, "App: an identity for an application"),
        (GrantedKind::System, "System: no identity, only roles"),
    ];
    // Only who may do everything grants what belongs to nobody.
    let is_offered = |kind| kind != GrantedKind::System || visitor.caller().permissions.are_all();
    let choices = texts
        .into_iter()
        .filter(|(kind, _)| is_offered(*kind))
        .map(|(kind, text)| Choice::new(words::kind(kind).0, text));
    let chosen = match posted.text(KIND) {
        "" => words::kind(GrantedKind::Personal).0,
        chosen => chosen,
    };
    Field::radio(KIND, "Kind", choices.collect(), chosen)
}

fn forms(posted: &Posted) -> Field {
    let choices = vec![
        Choice::new("opaque", "Opaque: revoked at once, everywhere"),
        Choice::new("jwt", "JWT: read by others without asking, app tokens only"),
    ];
    let chosen = match posted.text(FORM) {
        "" => "opaque",
        chosen => chosen,
    };
    Field::radio(FORM, "Form", choices, chosen)
}

/// Whoever may not see who is registered types a name.
fn owner(visitor: &Visitor, posted: &Posted) -> Field {
    let own = &visitor.caller().claims.principal;
    let chosen = posted.given(OWNER).unwrap_or(own);
    let found = service::registered::<Principals>(visitor.platform(), visitor.caller());
    let has_rights = |it: &Principal| it.enabled && !it.roles.is_empty();
    let is_offered = |all: &[Arc<Principal>]| {
        let mut offered = all.iter().filter(|it| has_rights(it));
        all.len() <= OWNERS_MAX && offered.any(|it| it.name == chosen)
    };
    let field = match found {
        Ok(all) if is_offered(&all) => {
            let choices = all.iter().filter(|it| has_rights(it));
            let choices = choices.map(|it| Choice::new(&it.name, &it.name));
            Field::one(OWNER, "Identity", choices.collect(), chosen)
        }
        _ => Field::line(OWNER, "Identity", chosen),
    };
    field
        .hint("Whom it stands for. A system token stands for nobody.")
        .required()
}

fn roles(visitor: &Visitor) -> Vec<Choice> {
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let all = if visitor.may("tokens:write") {
        service::registered::<Roles>(platform, caller).ok()
    } else {
        None
    };
    match all {
        Some(all) => all
            .iter()
            .map(|role| Choice::new(&role.name, &role.name))
            .collect(),
        None => caller.roles.iter().map(|it| Choice::new(it, it)).collect(),
    }
}

fn lifetimes(visitor: &Visitor) -> String {
    let rules = &visitor.platform().settings().tokens;
    let of_each = words::KINDS.map(|kind| {
        let lifetime = rules.lifetime(kind);
        format!(
            "{} {}, at most {}",
            words::kind(kind).1.to_lowercase(),
            span(lifetime.default),
            span(lifetime.max),
        )
    });
    format!(
        "Empty for the default: {}. A role may ask for less.",
        of_each.join("; ")
    )
}

fn names(kinds: &[GrantedKind]) -> String {
    let names = kinds.iter().map(|it| words::kind(*it).1.to_lowercase());
    names.collect::<Vec<_>>().join(", ")
}
