//! How is one value shown, in a table or in a list of facts?

use askama::{Template, filters::HtmlSafe};
use countersign_proto::{showable::showable, time::UnixTime};

use super::Moment;

/// Characters of a text of somebody's that are shown.
const TEXT_MAX: usize = 1000;

/// A value on a page. What somebody typed is shown without what deceives, and apart from what stands
/// around it, whichever way it is written.
#[derive(Clone, Debug, Template)]
#[template(path = "console/cell.html")]
pub(super) struct Cell {
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    /// In words of somebody's.
    Text(String),
    /// In words of ours.
    Quiet(String),
    /// Several, in words of somebody's.
    Several(Vec<String>),
    /// A name that is typed elsewhere as it stands here.
    Code(String),
    /// In words of somebody's, and leads somewhere.
    Link { text: String, href: String },
    /// A name that leads somewhere.
    CodeLink { text: String, href: String },
    /// A state.
    Badge(&'static str, Tone),
    /// A moment, with how far away it is.
    Time(Moment),
}

/// What a state means to whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Over,
    Plain,
}

impl Cell {
    fn of(value: Value) -> Cell {
        Cell { value }
    }

    pub(super) fn text(text: &str) -> Cell {
        Cell::of(Value::Text(showable(text, TEXT_MAX)))
    }

    /// In words of ours when there is nothing.
    pub(super) fn text_or(text: Option<&str>, nothing: &str) -> Cell {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => Cell::text(text),
            None => Cell::quiet(nothing),
        }
    }

    pub(super) fn quiet(text: &str) -> Cell {
        Cell::of(Value::Quiet(text.to_owned()))
    }

    pub(super) fn several(texts: &[String], nothing: &str) -> Cell {
        if texts.is_empty() {
            return Cell::quiet(nothing);
        }
        Cell::of(Value::Several(
            texts.iter().map(|text| showable(text, TEXT_MAX)).collect(),
        ))
    }

    pub(super) fn code(text: &str) -> Cell {
        Cell::of(Value::Code(showable(text, TEXT_MAX)))
    }

    pub(super) fn link(text: &str, href: String) -> Cell {
        let text = showable(text, TEXT_MAX);
        Cell::of(Value::Link { text, href })
    }

    pub(super) fn code_link(text: &str, href: String) -> Cell {
        let text = showable(text, TEXT_MAX);
        Cell::of(Value::CodeLink { text, href })
    }

    pub(super) fn badge(text: &'static str, tone: Tone) -> Cell {
        Cell::of(Value::Badge(text, tone))
    }

    pub(super) fn time(at: UnixTime, now: UnixTime) -> Cell {
        Cell::of(Value::Time(Moment::new(at, now)))
    }

    pub(super) fn time_or(at: Option<UnixTime>, now: UnixTime, nothing: &str) -> Cell {
        at.map_or_else(|| Cell::quiet(nothing), |at| Cell::time(at, now))
    }
}

/// Its template escapes whatever comes from somebody.
impl HtmlSafe for Cell {}

impl Tone {
    const fn name(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Over => "over",
            Tone::Plain => "plain",
        }
    }
}
