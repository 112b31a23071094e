//! How is something asked for, and what is said about what was typed?

use askama::{Template, filters::HtmlSafe};
use axum::{http::StatusCode, response::Response};
use countersign_proto::showable::showable;

use super::{Posted, Shell, Visitor, problems::Problems, shown};

/// A page with a form. One without fields asks whether something is meant.
#[derive(Template)]
#[template(path = "console/form.html")]
pub(super) struct Form {
    pub(super) shell: Shell,
    pub(super) title: String,
    /// What is asked for, or what follows.
    pub(super) about: Vec<String>,
    /// Where it goes.
    pub(super) action: String,
    pub(super) fields: Vec<Field>,
    /// What is wrong with no field of its own.
    pub(super) problem: Option<String>,
    /// On the button.
    pub(super) submit: &'static str,
    pub(super) is_grave: bool,
    /// Where somebody goes who does not want it.
    pub(super) back: String,
}

/// Something to be typed or chosen.
#[derive(Clone, Debug, Template)]
#[template(path = "console/field.html")]
pub(super) struct Field {
    name: &'static str,
    label: &'static str,
    hint: Option<String>,
    problem: Option<String>,
    control: Control,
    is_required: bool,
}

#[derive(Clone, Debug)]
enum Control {
    Line { value: String, longest: usize },
    Lines { value: String, longest: usize },
    Number { value: String },
    Password,
    Secret { longest: usize },
    One(Vec<Choice>),
    Radio(Vec<Choice>),
    Several(Vec<Choice>),
    Box { is_ticked: bool },
    Hidden { value: String },
}

/// One of several that can be chosen.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

impl Choice {
    pub(super) fn new(value: &str, text: &str) -> Choice {
        Choice {
            value: value.to_owned(),
            text: showable(text, LONGEST),
            is_chosen: false,
        }
    }
}

/// Characters of a line, unless a field says otherwise.
const LONGEST: usize = 255;

impl Field {
    /// A line of text.
    pub(super) fn line(name: &'static str, label: &'static str, value: &str) -> Field {
        let value = value.to_owned();
        let longest = LONGEST;
        Field::new(name, label, Control::Line { value, longest })
    }

    /// Several lines of text.
    pub(super) fn lines(
        name: &'static str,
        label: &'static str,
        value: &str,
        longest: usize,
    ) -> Field {
        let value = value.to_owned();
        Field::new(name, label, Control::Lines { value, longest })
    }

    /// A whole number.
    pub(super) fn number(name: &'static str, label: &'static str, value: &str) -> Field {
        let value = value.to_owned();
        Field::new(name, label, Control::Number { value })
    }

    /// A secret that somebody chooses. It is never shown again.
    pub(super) fn password(name: &'static str, label: &'static str) -> Field {
        Field::new(name, label, Control::Password)
    }

    /// A secret that somebody else made. It is never shown again.
    pub(super) fn secret(name: &'static str, label: &'static str, longest: usize) -> Field {
        Field::new(name, label, Control::Secret { longest })
    }

    /// One of many, in a list that opens.
    pub(super) fn one(
        name: &'static str,
        label: &'static str,
        choices: Vec<Choice>,
        chosen: &str,
    ) -> Field {
        Field::new(name, label, Control::One(with_chosen(choices, &[chosen])))
    }

    /// One of a few, all of which are seen.
    pub(super) fn radio(
        name: &'static str,
        label: &'static str,
        choices: Vec<Choice>,
        chosen: &str,
    ) -> Field {
        Field::new(name, label, Control::Radio(with_chosen(choices, &[chosen])))
    }

    /// Any of a few, all of which are seen.
    pub(super) fn several(
        name: &'static str,
        label: &'static str,
        choices: Vec<Choice>,
        chosen: &[String],
    ) -> Field {
        let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
        Field::new(name, label, Control::Several(with_chosen(choices, &chosen)))
    }

    /// Yes or no.
    pub(super) fn tick(name: &'static str, label: &'static str, posted: Option<&Posted>) -> Field {
        let is_ticked = posted.is_some_and(|posted| posted.is_ticked(name));
        Field::new(name, label, Control::Box { is_ticked })
    }

    /// Yes or no, as it is now.
    pub(super) fn ticked(name: &'static str, label: &'static str, is_ticked: bool) -> Field {
        Field::new(name, label, Control::Box { is_ticked })
    }

    /// What nobody types or sees.
    pub(super) fn hidden(name: &'static str, value: String) -> Field {
        Field::new(name, "", Control::Hidden { value })
    }

    /// What it is sent as.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// A sentence on what belongs here.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Field {
        self.hint = Some(hint.into());
        self
    }

    /// It must not be left empty.
    pub(super) fn required(mut self) -> Field {
        self.is_required = true;
        self
    }

    /// What is wrong with what was typed.
    pub(super) fn wrong(mut self, problem: Option<&str>) -> Field {
        self.problem = problem.map(str::to_owned);
        self
    }

    fn new(name: &'static str, label: &'static str, control: Control) -> Field {
        Field {
            name,
            label,
            hint: None,
            problem: None,
            control,
            is_required: false,
        }
    }

    /// Which elements say more about it, for a screen reader.
    fn described_by(&self) -> Option<String> {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        let problem = self.problem.as_ref();
        let problem = problem.map(|_| format!("{}-problem", self.name));
        let ids: Vec<String> = problem.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// Its template escapes whatever comes from somebody.
impl HtmlSafe for Field {}

impl Form {
    /// As it is first seen.
    pub(super) fn answer(self, visitor: &Visitor) -> Response {
        shown(visitor, StatusCode::OK, &self)
    }

    /// Again, with what is wrong and with what was typed.
    pub(super) fn refused(self, visitor: &Visitor, status: StatusCode) -> Response {
        shown(visitor, status, &self)
    }

    /// Again, with what is wrong as a whole.
    pub(super) fn again(
        mut self,
        visitor: &Visitor,
        status: StatusCode,
        problem: String,
    ) -> Response {
        self.problem = Some(problem);
        self.refused(visitor, status)
    }

    /// With each problem at the field that it is about, else over all of them.
    pub(super) fn with(mut self, problems: &Problems) -> Form {
        for field in &mut self.fields {
            field.problem = problems.at(field.name).map(str::to_owned);
        }
        self.problem = problems.of_no_field();
        self
    }

    fn is_wrong(&self) -> bool {
        self.problem.is_some() || self.fields.iter().any(|field| field.problem.is_some())
    }
}

fn with_chosen(choices: Vec<Choice>, chosen: &[&str]) -> Vec<Choice> {
    let choices = choices.into_iter().map(|choice| Choice {
        is_chosen: chosen.contains(&choice.value.as_str()),
        ..choice
    });
    choices.collect()
}
