//! What is around every page of the console?

use askama::Template;
use axum::{http::StatusCode, response::Response};
use countersign_proto::showable::showable;

use super::{Section, Visitor};
use crate::http::pages::page::{Frame, page};

/// Characters of a person's name that are shown.
const NAME_MAX: usize = 64;

/// The head of a page, its navigation and what was done before it.
pub(super) struct Shell {
    pub(super) frame: Frame,
    pub(super) home: String,
    pub(super) who: String,
    pub(super) sign_out: String,
    pub(super) token: String,
    pub(super) entries: Vec<Entry>,
    pub(super) notice: Option<&'static str>,
}

pub(super) struct Entry {
    pub(super) href: String,
    pub(super) text: &'static str,
    pub(super) is_here: bool,
}

impl Shell {
    /// For a page of this section; a page of none is one that nobody finds in the navigation.
    pub(super) fn of(visitor: &Visitor, here: Option<Section>) -> Shell {
        let principal = &visitor.who().principal;
        let who = match principal.display_name.as_str() {
            "" => principal.name.as_str(),
            display_name => display_name,
        };
        let entries = Section::seen_by(visitor).map(|section| Entry {
            href: visitor.path(section.page()),
            text: section.title(),
            is_here: here == Some(section),
        });
        Shell {
            frame: Frame::of(visitor.platform()),
            home: visitor.path(""),
            who: showable(who, NAME_MAX),
            sign_out: visitor.path("/sign-out"),
            token: visitor.form_token().to_owned(),
            entries: entries.collect(),
            notice: visitor.notice().map(super::Notice::words),
        }
    }
}

/// A page of the console. Its forms go to the platform and nowhere else.
pub(super) fn shown(visitor: &Visitor, status: StatusCode, template: &impl Template) -> Response {
    page(visitor.platform(), status, template, &[])
}
