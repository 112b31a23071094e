//! `GET /console`: who is signed in, and where can he go?

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{Cell, Section, Shell, Visitor, shown};

#[derive(Template)]
#[template(path = "console/home.html")]
struct Home {
    shell: Shell,
    name: Cell,
    facts: Vec<(&'static str, Cell)>,
    sections: Vec<Place>,
}

struct Place {
    href: String,
    title: &'static str,
    about: &'static str,
}

pub(super) async fn answer(visitor: Visitor) -> Response {
    let (who, now) = (visitor.who(), visitor.platform().now());
    let facts = vec![
        ("Principal", Cell::text(&who.principal.name)),
        (
            "Roles",
            Cell::several(&who.caller.roles, "none: you may do nothing here"),
        ),
        ("Signed in by", Cell::text(&who.session.provider)),
        ("Since", Cell::time(who.session.created_at, now)),
        (
            "Signed out at the latest",
            Cell::time(who.session.ends_at, now),
        ),
    ];
    let sections = Section::seen_by(&visitor)
        .filter(|section| *section != Section::Home)
        .map(|section| Place {
            href: visitor.path(section.page()),
            title: section.title(),
            about: section.about(),
        });
    let name = match who.principal.display_name.as_str() {
        "" => &who.principal.name,
        display_name => display_name,
    };
    let home = Home {
        name: Cell::text(name),
        facts,
        sections: sections.collect(),
        shell: Shell::of(&visitor, Some(Section::Home)),
    };
    shown(&visitor, StatusCode::OK, &home)
}
