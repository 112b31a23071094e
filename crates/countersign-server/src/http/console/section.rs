//! What is there to see in the console, and who may see it?

use super::Visitor;

/// A part of the console, with a place of its own in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Home,
}

impl Section {
    /// In the order of the navigation.
    const ALL: [Section; 1] = [Section::Home];

    /// Under `/console`.
    pub(super) const fn page(self) -> &'static str {
        match self {
            Section::Home => "",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Section::Home => "Overview",
        }
    }

    /// What it is about, for the overview.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Section::Home => "",
        }
    }

    /// Any of these lets somebody see it; none is needed when there is none.
    const fn permissions(self) -> &'static [&'static str] {
        match self {
            Section::Home => &[],
        }
    }

    /// Those that somebody may see.
    pub(super) fn seen_by(visitor: &Visitor) -> impl Iterator<Item = Section> {
        Section::ALL.into_iter().filter(|section| {
            let needed = section.permissions();
            needed.is_empty() || needed.iter().any(|it| visitor.may(it))
        })
    }
}
