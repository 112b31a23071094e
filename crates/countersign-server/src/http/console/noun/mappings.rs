//! What of a mapping is seen at the console, and typed?

use countersign_proto::management::{MappingFilter, NewMapping, PrincipalMapping};

use super::{
    super::{Cell, Posted, Section, Visitor, facts::Group, form::Field, links},
    AtConsole,
};
use crate::service::Mappings;

impl AtConsole for Mappings {
    const SECTION: Section = Section::Mappings;
    const ABOUT: &'static str = "Which principal a certificate stands for.";
    const COLUMNS: &'static [&'static str] = &[
        "Mapping",
        "Application",
        "Certificate",
        "Principal",
        "Default",
    ];
    const MAKE: &'static str = "Map a certificate";
    const REMOVAL: &'static str = "What it earned is worth nothing from now on.";

    fn filter(visitor: &Visitor) -> (MappingFilter, Vec<Field>) {
        let filter = MappingFilter {
            certificate: visitor.asked("certificate"),
            client_id: visitor.asked("client_id"),
            principal: visitor.asked("principal"),
        };
        let fields = vec![
            links::line(visitor, "client_id", "Application"),
            links::line(visitor, "principal", "Principal"),
            links::line(visitor, "certificate", "Certificate (SHA-256)"),
        ];
        (filter, fields)
    }

    fn row(visitor: &Visitor, item: &PrincipalMapping) -> Vec<Cell> {
        let [client_id, certificate, principal, default] = parts(visitor, item);
        let mapping = links::cell(visitor, Self::SECTION, &item.id);
        vec![mapping, client_id, certificate, principal, default]
    }

    fn groups(visitor: &Visitor, item: &PrincipalMapping) -> Vec<Group> {
        let [client_id, certificate, principal, default] = parts(visitor, item);
        vec![Group {
            title: "Mapping",
            facts: vec![
                ("Application", client_id),
                ("Certificate", certificate),
                ("Principal", principal),
                ("Taken when several fit", default),
            ],
        }]
    }

    fn blank(visitor: &Visitor) -> NewMapping {
        let asked = |name| visitor.asked(name).unwrap_or_default();
        NewMapping {
            certificate: asked("certificate"),
            client_id: asked("client_id"),
            principal: asked("principal"),
            is_default: false,
        }
    }

    fn name(_: &mut NewMapping, _: &str) {}

    fn fields(_: &Visitor, draft: &NewMapping) -> Vec<Field> {
        vec![
            Field::line("client_id", "Application", &draft.client_id).required(),
            Field::line("certificate", "Certificate", &draft.certificate)
                .required()
                .hint("By SHA-256, SHA-1, or its alias."),
            Field::line("principal", "Principal", &draft.principal)
                .required()
                .hint("It may not do more than you may."),
            Field::ticked(
                "default",
                "Taken when several principals fit and none was asked for",
                draft.is_default,
            ),
        ]
    }

    fn typed(_: NewMapping, posted: &Posted) -> (NewMapping, Option<String>) {
        let text = |name| posted.text(name).trim().to_owned();
        let typed = NewMapping {
            certificate: text("certificate"),
            client_id: text("client_id"),
            principal: text("principal"),
            is_default: posted.is_ticked("default"),
        };
        (typed, None)
    }
}

/// Application, certificate, principal, and whether it is the default.
fn parts(visitor: &Visitor, item: &PrincipalMapping) -> [Cell; 4] {
    [
        links::cell(visitor, Section::Applications, &item.client_id),
        super::super::certificates::cell(visitor, &item.certificate),
        links::cell(visitor, Section::Principals, &item.principal),
        Cell::quiet(if item.is_default { "yes" } else { "no" }),
    ]
}
