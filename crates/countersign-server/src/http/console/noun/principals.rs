//! What of a principal is seen at the console, and typed?

use countersign_proto::management::{Principal, PrincipalFilter};

use super::{
    super::{
        Cell, Posted, Section, Visitor,
        facts::Group,
        form::{Choice, Field},
        links::{self, segment},
        table::{Action, Weight},
    },
    AtConsole,
    applications::enabled,
};
use crate::service::{Noun as _, Principals};

impl AtConsole for Principals {
    const SECTION: Section = Section::Principals;
    const ABOUT: &'static str =
        "People and services that tokens stand for, and the roles they have.";
    const COLUMNS: &'static [&'static str] = &["Principal", "Name", "Roles", "State", "Password"];
    const MAKE: &'static str = "Register a principal";
    const REMOVAL: &'static str =
        "It must have no mapping. Its account goes with it, and its sessions and tokens end.";

    fn filter(visitor: &Visitor) -> (PrincipalFilter, Vec<Field>) {
        let filter = PrincipalFilter {
            name: visitor.asked("name"),
            role: visitor.asked("role"),
            enabled: links::yes_or_no(visitor, "enabled"),
            has_password: links::yes_or_no(visitor, "has_password"),
        };
        let states = [("true", "enabled"), ("false", "disabled")];
        let passwords = [("true", "set"), ("false", "none")];
        let fields = vec![
            links::line(visitor, "name", "Name"),
            links::line(visitor, "role", "Role"),
            links::choice(visitor, "enabled", "State", &states),
            links::choice(visitor, "has_password", "Password", &passwords),
        ];
        (filter, fields)
    }

    fn row(visitor: &Visitor, item: &Principal) -> Vec<Cell> {
        vec![
            links::cell(visitor, Self::SECTION, &item.name),
            Cell::text_or(Some(&item.display_name), "none"),
            Cell::several(&item.roles, "none"),
            enabled(item.enabled),
            password(visitor, item),
        ]
    }

    fn groups(visitor: &Visitor, item: &Principal) -> Vec<Group> {
        vec![Group {
            title: "Principal",
            facts: vec![
                ("Principal", Cell::code(&item.name)),
                ("Name", Cell::text_or(Some(&item.display_name), "none")),
                ("Roles", Cell::several(&item.roles, "none")),
                ("State", enabled(item.enabled)),
                ("Password set", password(visitor, item)),
            ],
        }]
    }

    fn actions(visitor: &Visitor, item: &Principal) -> Vec<Action> {
        let mut actions = Vec::new();
        if visitor.may("sessions:read") {
            let of = url::form_urlencoded::byte_serialize(item.name.as_bytes());
            let href = visitor.path(Section::Sessions.page());
            let href = format!("{href}?principal={}", of.collect::<String>());
            actions.push(links::action(href, "Sessions", Weight::Plain));
        }
        if visitor.may(Self::WRITE) {
            let page = format!("{}/{}/password", Self::SECTION.page(), segment(&item.name));
            let page = visitor.path(&page);
            if item.password_set_at.is_some() {
                actions.push(links::action(
                    format!("{page}/delete"),
                    "Take the password away",
                    Weight::Plain,
                ));
            }
            actions.push(links::action(page, "Set a password", Weight::Plain));
        }
        actions
    }

    fn blank(_: &Visitor) -> Principal {
        Principal {
            name: String::new(),
            display_name: String::new(),
            roles: Vec::new(),
            enabled: true,
            password_set_at: None,
        }
    }

    fn naming(draft: &Principal) -> Option<Field> {
        let field = Field::line("name", "Principal", &draft.name).required();
        Some(field.hint("As the identity provider calls a person, compared exactly."))
    }

    fn name(draft: &mut Principal, name: &str) {
        name.clone_into(&mut draft.name);
    }

    /// Roles that the visitor may not see are still named where the principal has them.
    fn fields(visitor: &Visitor, draft: &Principal) -> Vec<Field> {
        let mut roles: Vec<String> = draft.roles.clone();
        if visitor.may("roles:read") {
            let all = visitor.platform().registry();
            roles.extend(all.roles().map(|role| role.name.clone()));
        }
        roles.sort();
        roles.dedup();
        let roles = roles.iter().map(|role| Choice::new(role, role)).collect();
        vec![
            Field::line("title", "Name", &draft.display_name).hint("For people."),
            Field::several("roles", "Roles", roles, &draft.roles)
                .hint("Only those that you have, unless you may do everything."),
            Field::ticked("enabled", "Enabled", draft.enabled),
        ]
    }

    fn typed(draft: Principal, posted: &Posted) -> (Principal, Option<String>) {
        let typed = Principal {
            display_name: posted.text("title").trim().to_owned(),
            roles: posted.all("roles"),
            enabled: posted.is_ticked("enabled"),
            ..draft
        };
        (typed, None)
    }
}

fn password(visitor: &Visitor, item: &Principal) -> Cell {
    Cell::time_or(item.password_set_at, visitor.platform().now(), "none")
}
