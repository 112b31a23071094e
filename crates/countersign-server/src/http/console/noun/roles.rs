//! What of a role is seen at the console, and typed?

use countersign_proto::management::{Role, RoleFilter};

use super::{
    super::{Cell, Posted, Section, Visitor, facts::Group, form::Field, links},
    AtConsole,
};
use crate::service::{Noun as _, Roles};

impl AtConsole for Roles {
    const SECTION: Section = Section::Roles;
    const ABOUT: &'static str = "Named sets of permissions. Only an administrator changes them.";
    const COLUMNS: &'static [&'static str] = &["Role", "Description", "Permissions", "Kind"];
    const MAKE: &'static str = "Make a role";
    const REMOVAL: &'static str = "Nobody must have it any more.";

    fn filter(visitor: &Visitor) -> (RoleFilter, Vec<Field>) {
        let filter = RoleFilter {
            name: visitor.asked("name"),
            permission: visitor.asked("permission"),
        };
        let fields = vec![
            links::line(visitor, "name", "Name"),
            links::line(visitor, "permission", "Permission"),
        ];
        (filter, fields)
    }

    fn row(visitor: &Visitor, item: &Role) -> Vec<Cell> {
        vec![
            links::cell(visitor, Self::SECTION, &item.name),
            Cell::text_or(Some(&item.description), "none"),
            Cell::several(&item.permissions, "none"),
            kind(item),
        ]
    }

    fn groups(_: &Visitor, item: &Role) -> Vec<Group> {
        let sign_in = if item.require_loopback {
            "only on the machine where the browser is"
        } else {
            "anywhere"
        };
        let longest = match item.token_lifetime_max_s {
            Some(seconds) => Cell::quiet(&format!("{seconds} seconds")),
            None => Cell::quiet("as long as its kind"),
        };
        vec![Group {
            title: "Role",
            facts: vec![
                ("Role", Cell::code(&item.name)),
                (
                    "Description",
                    Cell::text_or(Some(&item.description), "none"),
                ),
                ("Kind", kind(item)),
                ("Permissions", Cell::several(&item.permissions, "none")),
                ("Signs in at a terminal", Cell::quiet(sign_in)),
                ("A token that carries it lives at most", longest),
            ],
        }]
    }

    /// As the service has it: a role that may change roles could make itself anything.
    fn may_write(visitor: &Visitor, item: Option<&Role>) -> bool {
        let caller = visitor.caller();
        visitor.may(Self::WRITE)
            && caller.permissions.are_all()
            && item.is_none_or(|role| !role.built_in)
    }

    fn blank(_: &Visitor) -> Role {
        Role {
            name: String::new(),
            description: String::new(),
            permissions: Vec::new(),
            require_loopback: false,
            token_lifetime_max_s: None,
            built_in: false,
        }
    }

    fn naming(draft: &Role) -> Option<Field> {
        Some(Field::line("name", "Role", &draft.name).required())
    }

    fn name(draft: &mut Role, name: &str) {
        name.clone_into(&mut draft.name);
    }

    fn fields(_: &Visitor, draft: &Role) -> Vec<Field> {
        let permissions = draft.permissions.join("\n");
        vec![
            Field::line("title", "Description", &draft.description),
            Field::lines("permissions", "Permissions", &permissions, 10_000)
                .hint("Each on a line of its own: audit:read, applications:write, or * for all."),
            Field::ticked(
                "loopback",
                "Whoever has it signs in only on the machine where the browser is",
                draft.require_loopback,
            ),
            Field::number(
                "longest",
                "Longest life of a token that carries it, in seconds",
                &draft
                    .token_lifetime_max_s
                    .map(|it| it.to_string())
                    .unwrap_or_default(),
            )
            .hint("As long as its kind may live when it is left empty."),
        ]
    }

    fn typed(draft: Role, posted: &Posted) -> (Role, Option<String>) {
        let (longest, problem) = links::number(posted, "longest", draft.token_lifetime_max_s);
        let typed = Role {
            description: posted.text("title").trim().to_owned(),
            permissions: links::words(posted.text("permissions")),
            require_loopback: posted.is_ticked("loopback"),
            token_lifetime_max_s: longest,
            ..draft
        };
        (typed, problem)
    }
}

fn kind(role: &Role) -> Cell {
    Cell::quiet(if role.built_in { "built in" } else { "own" })
}
