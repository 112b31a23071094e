//! How is one thing shown, with what is known of it and what can be done with it?

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{Cell, Shell, Visitor, shown, table::Action};

/// A page about one thing.
#[derive(Template)]
#[template(path = "console/facts.html")]
pub(super) struct Facts {
    pub(super) shell: Shell,
    /// What it is called, in words of somebody's.
    pub(super) title: String,
    /// What it is.
    pub(super) kind: &'static str,
    /// The way back to the list.
    pub(super) list: Action,
    pub(super) groups: Vec<Group>,
    pub(super) actions: Vec<Action>,
}

/// Facts that belong together.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) facts: Vec<(&'static str, Cell)>,
}

impl Facts {
    pub(super) fn answer(self, visitor: &Visitor) -> Response {
        shown(visitor, StatusCode::OK, &self)
    }
}
