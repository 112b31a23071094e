//! How is a list shown, page by page?

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{Cell, Shell, Visitor, form::Field, shown};

/// A page with a list. On a narrow screen each row is a card.
#[derive(Template)]
#[template(path = "console/table.html")]
pub(super) struct Table {
    pub(super) shell: Shell,
    pub(super) title: &'static str,
    /// A sentence or two on what is listed.
    pub(super) about: &'static str,
    /// What can be done here: leads to a form.
    pub(super) actions: Vec<Action>,
    /// What the list can be narrowed by.
    pub(super) filters: Vec<Field>,
    /// The heads of the columns. The first names the row.
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Said in the place of rows.
    pub(super) nothing: &'static str,
    pub(super) pages: Pages,
}

/// A way to something that can be done.
pub(super) struct Action {
    pub(super) href: String,
    pub(super) text: &'static str,
    pub(super) weight: Weight,
}

/// How an action looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// What most people come for.
    First,
    Plain,
    /// What is not taken back.
    Grave,
}

/// The ways to other pages of a list.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) here: String,
    pub(super) first: Option<String>,
    pub(super) next: Option<String>,
}

impl Table {
    pub(super) fn answer(self, visitor: &Visitor) -> Response {
        shown(visitor, StatusCode::OK, &self)
    }
}

impl Weight {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Weight::First => "primary",
            Weight::Plain => "",
            Weight::Grave => "grave",
        }
    }
}

impl Pages {
    /// Of the list at `page`, narrowed by what is named here. `next`: after what the next page
    /// begins.
    pub(super) fn of(
        visitor: &Visitor,
        page: &str,
        narrowed_by: &[&str],
        next: Option<&str>,
    ) -> Pages {
        let here = visitor.path(page);
        let to = |after: Option<&str>| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for name in narrowed_by {
                if let Some(value) = visitor.asked(name) {
                    query.append_pair(name, &value);
                }
            }
            if let Some(after) = after {
                query.append_pair(AFTER, after);
            }
            match query.finish() {
                query if query.is_empty() => here.clone(),
                query => format!("{here}?{query}"),
            }
        };
        Pages {
            first: visitor.asked(AFTER).map(|_| to(None)),
            next: next.map(|next| to(Some(next))),
            here,
        }
    }
}

/// The parameter that says after what a page begins.
pub(super) const AFTER: &str = "after";
/// Rows of a page.
pub(super) const ROWS: u32 = 25;
