//! What is there to see in the console, and who may see it?

use super::Visitor;

/// A part of the console, with a place of its own in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Home,
    Tokens,
    Applications,
    Certificates,
    Mappings,
    Principals,
    Roles,
    Sessions,
    Keys,
    Audit,
}

impl Section {
    /// In the order of the navigation.
    const ALL: [Section; 10] = [
        Section::Home,
        Section::Tokens,
        Section::Applications,
        Section::Certificates,
        Section::Mappings,
        Section::Principals,
        Section::Roles,
        Section::Sessions,
        Section::Keys,
        Section::Audit,
    ];

    /// Under `/console`.
    pub(super) const fn page(self) -> &'static str {
        match self {
            Section::Home => "",
            Section::Tokens => "/tokens",
            Section::Applications => "/applications",
            Section::Certificates => "/certificates",
            Section::Mappings => "/mappings",
            Section::Principals => "/principals",
            Section::Roles => "/roles",
            Section::Sessions => "/sessions",
            Section::Keys => "/keys",
            Section::Audit => "/audit",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Section::Home => "Overview",
            Section::Tokens => "Tokens",
            Section::Applications => "Applications",
            Section::Certificates => "Certificates",
            Section::Mappings => "Mappings",
            Section::Principals => "Principals",
            Section::Roles => "Roles",
            Section::Sessions => "Sessions",
            Section::Keys => "Keys",
            Section::Audit => "Audit",
        }
    }

    /// What one of it is called.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Section::Tokens => "token",
            Section::Applications => "application",
            Section::Certificates => "certificate",
            Section::Mappings => "mapping",
            Section::Principals => "principal",
            Section::Roles => "role",
            Section::Sessions => "session",
            Section::Keys => "key",
            Section::Audit => "row",
            _ => "page",
        }
    }

    /// What it is about, for the overview.
    pub(super) const fn about(self) -> &'static str {
        match self {
            Section::Home => "",
            Section::Tokens => "What programs without a certificate come with.",
            Section::Applications => {
                "Who signs in with a certificate, and what its tokens are for."
            }
            Section::Certificates => "What they sign in with.",
            Section::Mappings => "Which principal a certificate stands for.",
            Section::Principals => "People and services, and the roles they have.",
            Section::Roles => "Named sets of permissions.",
            Section::Sessions => "Who is signed in.",
            Section::Keys => "What tokens are signed with.",
            Section::Audit => "What was done and what was refused.",
        }
    }

    /// Any of these lets somebody see it; none is needed when there is none.
    const fn permissions(self) -> &'static [&'static str] {
        match self {
            Section::Home => &[],
            Section::Tokens => &["tokens:read", "own-tokens:read"],
            Section::Applications => &["applications:read"],
            Section::Certificates => &["certificates:read"],
            Section::Mappings => &["mappings:read"],
            Section::Principals => &["principals:read"],
            Section::Roles => &["roles:read"],
            Section::Sessions => &["sessions:read"],
            Section::Keys => &["keys:read"],
            Section::Audit => &["audit:read"],
        }
    }

    /// Those that somebody may see.
    pub(super) fn seen_by(visitor: &Visitor) -> impl Iterator<Item = Section> {
        Section::ALL
            .into_iter()
            .filter(|section| section.is_seen_by(visitor))
    }

    /// Whether somebody may see it.
    pub(super) fn is_seen_by(self, visitor: &Visitor) -> bool {
        let needed = self.permissions();
        needed.is_empty() || needed.iter().any(|it| visitor.may(it))
    }
}
