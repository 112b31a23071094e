//! What of an application is seen at the console, and typed?

use countersign_proto::management::{Application, ApplicationFilter};

use super::{
    super::{Cell, Posted, Section, Visitor, cell::Tone, facts::Group, form::Field, links},
    AtConsole,
};
use crate::service::Applications;

impl AtConsole for Applications {
    const SECTION: Section = Section::Applications;
    const ABOUT: &'static str = "Who signs in with a certificate, and what its tokens are for.";
    const COLUMNS: &'static [&'static str] =
        &["Application", "Name", "Scopes", "Audience", "State"];
    const MAKE: &'static str = "Register an application";
    const REMOVAL: &'static str =
        "It must have no mapping, and no certificate that is not revoked.";

    fn filter(visitor: &Visitor) -> (ApplicationFilter, Vec<Field>) {
        let filter = ApplicationFilter {
            name: visitor.asked("name"),
            enabled: links::yes_or_no(visitor, "enabled"),
        };
        let states = [("true", "enabled"), ("false", "disabled")];
        let fields = vec![
            links::line(visitor, "name", "Name"),
            links::choice(visitor, "enabled", "State", &states),
        ];
        (filter, fields)
    }

    fn row(visitor: &Visitor, item: &Application) -> Vec<Cell> {
        vec![
            links::cell(visitor, Self::SECTION, &item.client_id),
            Cell::text(&item.name),
            Cell::several(&item.scopes, "none"),
            Cell::text_or(item.audience.as_deref(), "this platform"),
            enabled(item.enabled),
        ]
    }

    fn groups(_: &Visitor, item: &Application) -> Vec<Group> {
        let yes_or_no = |yes| Cell::quiet(if yes { "yes" } else { "no" });
        let longest = match item.assertion_lifetime_max_s {
            Some(seconds) => Cell::quiet(&format!("{seconds} seconds")),
            None => Cell::quiet("as the platform is set"),
        };
        let application = Group {
            title: "Application",
            facts: vec![
                ("Application id", Cell::code(&item.client_id)),
                ("Name", Cell::text(&item.name)),
                ("State", enabled(item.enabled)),
                ("Scopes it may ask for", Cell::several(&item.scopes, "none")),
                (
                    "Audience",
                    Cell::text_or(item.audience.as_deref(), "this platform"),
                ),
                (
                    "Tokens are bound to a key",
                    yes_or_no(item.dpop_bound_access_tokens),
                ),
                (
                    "Assertions go to the identity provider too",
                    yes_or_no(item.forward),
                ),
            ],
        };
        let compatibility = Group {
            title: "Compatibility",
            facts: vec![
                (
                    "Takes the token endpoint as audience",
                    yes_or_no(item.accept_token_endpoint_audience),
                ),
                (
                    "Takes the identity provider as audience",
                    yes_or_no(item.accept_provider_audience),
                ),
                ("Longest life of an assertion", longest),
            ],
        };
        vec![application, compatibility]
    }

    fn blank(_: &Visitor) -> Application {
        Application::new("")
    }

    fn naming(draft: &Application) -> Option<Field> {
        let field = Field::line("name", "Application id", &draft.client_id).required();
        Some(field.hint("As its program says it. Letters, digits, and . _ ~ -"))
    }

    fn name(draft: &mut Application, name: &str) {
        name.clone_into(&mut draft.client_id);
    }

    fn fields(_: &Visitor, draft: &Application) -> Vec<Field> {
        let longest = draft.assertion_lifetime_max_s.map(|it| it.to_string());
        vec![
            Field::line("title", "Name", &draft.name).hint("For people."),
            Field::lines(
                "scopes",
                "Scopes it may ask for",
                &draft.scopes.join("\n"),
                10_000,
            )
            .hint("Each on a line of its own."),
            Field::line(
                "audience",
                "Audience",
                draft.audience.as_deref().unwrap_or_default(),
            )
            .hint("Whom its tokens are for. This platform when it is left empty."),
            Field::ticked("enabled", "Enabled", draft.enabled),
            Field::ticked(
                "bound",
                "Its tokens are bound to a key (DPoP)",
                draft.dpop_bound_access_tokens,
            ),
            Field::ticked(
                "forward",
                "Its assertions go to the identity provider too",
                draft.forward,
            ),
            Field::ticked(
                "endpoint",
                "Compatibility: the token endpoint is taken as audience",
                draft.accept_token_endpoint_audience,
            ),
            Field::ticked(
                "provider",
                "Compatibility: the identity provider is taken as audience",
                draft.accept_provider_audience,
            ),
            Field::number(
                "longest",
                "Compatibility: longest life of an assertion, in seconds",
                &longest.unwrap_or_default(),
            )
            .hint("1 to 3600. As the platform is set when it is left empty."),
        ]
    }

    fn typed(draft: Application, posted: &Posted) -> (Application, Option<String>) {
        let before = draft.assertion_lifetime_max_s;
        let (longest, problem) = links::number(posted, "longest", before);
        let typed = Application {
            name: posted.text("title").trim().to_owned(),
            scopes: links::words(posted.text("scopes")),
            audience: posted.given("audience").map(str::to_owned),
            dpop_bound_access_tokens: posted.is_ticked("bound"),
            accept_token_endpoint_audience: posted.is_ticked("endpoint"),
            forward: posted.is_ticked("forward"),
            accept_provider_audience: posted.is_ticked("provider"),
            assertion_lifetime_max_s: longest,
            enabled: posted.is_ticked("enabled"),
            ..draft
        };
        (typed, problem)
    }
}

/// Whether something works, as a state.
pub(super) fn enabled(is_enabled: bool) -> Cell {
    if is_enabled {
        Cell::badge("enabled", Tone::Good)
    } else {
        Cell::badge("disabled", Tone::Over)
    }
}
