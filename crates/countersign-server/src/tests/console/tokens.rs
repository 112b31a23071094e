//! Is a token granted, shown once, replaced and revoked at the console as at the management API?

use http::{Method, StatusCode};

use super::{
    desk::{Desk, at_api, form, hidden, once},
    pages::values,
};
use crate::tests::{
    login::browser::{Browser, form_token, location, text},
    world::Answer,
};

pub(super) const NEW: &str = "/console/tokens/new";

/// Loads the form of a page and sends it with these fields.
pub(super) async fn sent(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", text(&page));
    let mut all = carried(&page);
    all.extend(
        fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let action = path.split('?').next().unwrap();
    browser.post(action, &form(&all)).await
}

/// What a page of a form has in it that nobody types.
pub(super) fn carried(page: &Answer) -> Vec<(&'static str, String)> {
    let mut fields = vec![("token", form_token(page))];
    if text(page).contains("name=\"once\"") {
        fields.push(("once", hidden(page, "once")));
    }
    fields
}

/// The string on the page that shows it, and the page of the token.
pub(super) fn given(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", text(answer));
    let page = text(answer);
    let (_, after) = page.split_once("<code id=\"string\"").unwrap();
    let string = after.split_once('>').unwrap().1.split_once('<').unwrap().0;
    let on = values(&page, "href")
        .into_iter()
        .find(|it| it.starts_with("/console/tokens/"))
        .unwrap();
    (string.to_owned(), on)
}

pub(super) const FOR_RITA: [(&str, &str); 5] = [
    ("kind", "app"),
    ("name", "deploy"),
    ("owner", "rita"),
    ("roles", "Reader"),
    ("form", "opaque"),
];

#[tokio::test]
async fn a_token_is_granted_to_another_and_its_string_is_shown_once() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let answer = sent(&mut anna, NEW, &FOR_RITA).await;
    let (string, on) = given(&answer);
    assert!(string.starts_with("csn_app_"), "{string}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(text(&answer).contains("it is shown once"));
    let id = on.rsplit('/').next().unwrap().to_owned();
    assert!(string.contains(&id), "its id is in it");
    let row = desk.world.store.token(&id).await.unwrap().unwrap();
    assert_eq!(row.owner.as_deref(), Some("rita"));
    assert_eq!(row.created_by, "anna");
    let session = desk.session_of(&anna).await;
    assert_eq!(row.created_through.as_deref(), Some(session.id.as_str()));
    for path in [on.as_str(), "/console/tokens", "/console/audit"] {
        let page = text(&anna.get(path).await);
        assert!(page.contains("deploy") || path.ends_with("audit"), "{page}");
        assert!(!page.contains(&string), "{path}");
    }
}

#[tokio::test]
async fn what_is_refused_is_said_at_its_field_and_what_was_typed_is_kept() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    for (fields, field, said) in [
        (vec![("kind", "")], "kind", "Choose one of these."),
        (
            vec![("kind", "app"), ("owner", "rita")],
            "name",
            "not be empty",
        ),
        (
            vec![("kind", "app"), ("name", "x"), ("owner", "nobody")],
            "owner",
            "nobody",
        ),
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("roles", "Operator"),
            ],
            "roles",
            "Operator",
        ),
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("scopes", "roles:write"),
            ],
            "scopes",
            "roles:write",
        ),
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("audience", "https://no"),
            ],
            "audience",
            "https://no",
        ),
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("days", "9000"),
            ],
            "days",
            "365 days",
        ),
        // So many days are more seconds than a number holds.
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("days", "213503982334602"),
            ],
            "days",
            "31536000",
        ),
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("days", "many"),
            ],
            "days",
            "not a whole number",
        ),
        (
            vec![
                ("kind", "app"),
                ("name", "x"),
                ("owner", "rita"),
                ("days", "0"),
            ],
            "days",
            "at least one",
        ),
        (
            vec![
                ("kind", "personal"),
                ("name", "x"),
                ("owner", "rita"),
                ("form", "jwt"),
            ],
            "form",
            "JWT",
        ),
    ] {
        let typed = [("description", "typed before")];
        let all: Vec<_> = fields.iter().chain(&typed).copied().collect();
        let answer = sent(&mut anna, NEW, &all).await;
        let page = text(&answer);
        assert!(
            answer.status.is_client_error(),
            "{fields:?}: {}",
            answer.status
        );
        let summary = format!("<li><a href=\"#{field}\">");
        assert!(page.contains(&summary), "{field}: {page}");
        let problem = page.split_once(&format!("id=\"{field}-problem\">"));
        let problem = problem.unwrap_or_else(|| panic!("{field}: {page}")).1;
        let problem = problem.split_once('<').unwrap().0;
        assert!(problem.contains(said), "{field}: {problem}");
        assert!(page.contains("typed before</textarea>"), "{page}");
        for (name, value) in &fields {
            if !value.is_empty() {
                assert!(
                    page.contains(&format!("value=\"{value}\"")),
                    "{name}: {page}"
                );
            }
        }
    }
    let page = desk.world.store.tokens(everything(&desk)).await.unwrap();
    assert!(page.items.is_empty(), "nothing was granted");
}

#[tokio::test]
async fn a_token_is_renamed_replaced_and_revoked() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let (_, on) = given(&sent(&mut anna, NEW, &FOR_RITA).await);
    let renamed = [("name", "deploy & test"), ("description", "a\r\nb")];
    let answer = sent(&mut anna, &format!("{on}/name"), &renamed).await;
    assert_eq!(location(&answer), format!("{on}?notice=saved"));
    assert!(text(&anna.get(&on).await).contains("deploy &#38; test"));

    let (_, next) = given(&sent(&mut anna, &format!("{on}/rotate"), &[]).await);
    assert_ne!(next, on);
    assert!(text(&anna.get(&on).await).contains("Being replaced"));
    let again = sent(&mut anna, &format!("{on}/rotate"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);

    let answer = sent(&mut anna, &format!("{next}/abort"), &[]).await;
    assert_eq!(location(&answer), format!("{on}?notice=aborted"));
    assert!(text(&anna.get(&next).await).contains("Revoked"));

    let (_, next) = given(&sent(&mut anna, &format!("{on}/rotate"), &[("keep", "yes")]).await);
    let answer = sent(&mut anna, &format!("{on}/confirm"), &[]).await;
    assert_eq!(location(&answer), format!("{next}?notice=confirmed"));
    assert!(text(&anna.get(&on).await).contains("Revoked"));

    let unsaid = sent(&mut anna, &format!("{next}/revoke"), &[]).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
    let why = [("reason", "lost")];
    let answer = sent(&mut anna, &format!("{next}/revoke"), &why).await;
    assert_eq!(location(&answer), format!("{next}?notice=revoked"));
    let page = text(&anna.get(&location(&answer)).await);
    assert!(page.contains("Revoked") && page.contains("lost"), "{page}");
    assert!(
        !page.contains(">Rename</a>") || !page.contains("/rotate\""),
        "{page}"
    );
}

#[tokio::test]
async fn all_tokens_of_an_identity_end_together() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    for _ in 0..2 {
        given(&sent(&mut anna, NEW, &FOR_RITA).await);
    }
    let path = "/console/tokens/revoke?owner=rita";
    let answer = sent(&mut anna, path, &[("owner", "rita"), ("reason", "left")]).await;
    assert_eq!(
        location(&answer),
        "/console/tokens?owner=rita&notice=revoked"
    );
    let page = desk.world.store.tokens(everything(&desk)).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(page.items.iter().all(|it| it.revoked_at.is_some()));
}

#[tokio::test]
async fn a_list_is_narrowed_and_goes_on_on_the_next_page() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    for number in 0..27 {
        let name = format!("n{number}");
        let mut fields = FOR_RITA;
        fields[1].1 = &name;
        given(&sent(&mut anna, NEW, &fields).await);
        desk.world.advance(1);
    }
    let rows = |page: &str| page.matches("<tr role=\"row\">").count() - 1;
    let first = text(&anna.get("/console/tokens?owner=rita").await);
    assert_eq!(rows(&first), 25);
    let next = values(&first, "href")
        .into_iter()
        .find(|it| it.contains("after="))
        .unwrap();
    assert!(next.contains("owner=rita"), "{next}");
    let second = text(&anna.get(&next).await);
    assert_eq!(rows(&second), 2);
    for (query, count) in [
        ("name=n26", 1),
        ("name=n2&kind=app", 8),
        ("kind=personal", 0),
        ("state=active&name=n1", 11),
        ("state=revoked", 0),
        ("owner=anna", 0),
        ("kind=nonsense&name=n26", 1),
    ] {
        let page = text(&anna.get(&format!("/console/tokens?{query}")).await);
        let found = if count == 0 {
            usize::from(!page.contains("There are no such tokens."))
        } else {
            rows(&page)
        };
        assert_eq!(found, count, "{query}");
    }
}

#[tokio::test]
async fn nobody_may_do_more_with_tokens_here_than_at_the_api() {
    let desk = Desk::new().await;
    desk.person("dora", &["Developer"]).await;
    let mut anna = desk.signed_in("anna").await;
    let (_, of_rita) = given(&sent(&mut anna, NEW, &FOR_RITA).await);

    // A reader sees all of it and changes nothing.
    let mut rita = desk.signed_in("rita").await;
    assert_eq!(rita.get(&of_rita).await.status, StatusCode::OK);
    assert_eq!(rita.get(NEW).await.status, StatusCode::FORBIDDEN);
    let token = form_token(&rita.get("/console").await);
    let fields = [
        ("kind", "personal"),
        ("name", "mine"),
        ("reason", "x"),
        ("owner", "rita"),
    ];
    let mut all = vec![("token", token), ("once", once(&desk, &rita))];
    all.extend(fields.map(|(name, value)| (name, value.to_owned())));
    for path in [
        NEW.to_owned(),
        "/console/tokens/revoke".to_owned(),
        format!("{of_rita}/name"),
        format!("{of_rita}/rotate"),
        format!("{of_rita}/confirm"),
        format!("{of_rita}/abort"),
        format!("{of_rita}/revoke"),
    ] {
        let answer = rita.post(&path, &form(&all)).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path}: {}",
            text(&answer)
        );
        assert!(text(&answer).contains("permission"), "{path}");
    }

    // A developer has his own, and nobody else's.
    let mut dora = desk.signed_in("dora").await;
    let own = [("kind", "personal"), ("name", "mine")];
    let (_, on) = given(&sent(&mut dora, NEW, &own).await);
    assert_eq!(dora.get(&on).await.status, StatusCode::OK);
    for page in ["", "/name", "/rotate", "/revoke"] {
        let answer = dora.get(&format!("{of_rita}{page}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page}");
    }
    let form_of_dora = text(&dora.get(NEW).await);
    assert!(!form_of_dora.contains("name=\"owner\""), "{form_of_dora}");
    assert!(!form_of_dora.contains("value=\"system\""), "{form_of_dora}");
    let forged = [("kind", "app"), ("name", "x"), ("owner", "anna")];
    let answer = sent(&mut dora, NEW, &forged).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", text(&answer));

    // And the API says the same to the same session.
    let id = of_rita.rsplit('/').next().unwrap();
    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(
        at_api(&mut dora, Method::GET, &path).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        at_api(&mut anna, Method::GET, &path).await.status,
        StatusCode::OK
    );
}

// security.md 93
#[tokio::test]
async fn a_hostile_name_of_a_token_is_text() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let mut fields = FOR_RITA;
    fields[1].1 = "</bdi><script>alert(1)</script>\u{202e}gpj.exe";
    let answer = sent(&mut anna, NEW, &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "it hides");
    assert!(
        !text(&answer).contains("<script>alert"),
        "{}",
        text(&answer)
    );
    fields[1].1 = "</bdi><script>alert(1)</script>\"'&";
    let answer = sent(&mut anna, NEW, &fields).await;
    assert!(
        !text(&answer).contains("<script>alert"),
        "{}",
        text(&answer)
    );
    let (_, on) = given(&answer);
    for page in ["", "/name", "/rotate", "/confirm", "/revoke"] {
        let page = text(&anna.get(&format!("{on}{page}")).await);
        assert!(!page.contains("<script>alert"), "{page}");
    }
    let list = text(&anna.get("/console/tokens").await);
    assert!(
        list.contains("<bdi>&#60;/bdi&#62;&#60;script&#62;alert(1)"),
        "{list}"
    );
}

pub(super) fn everything(desk: &Desk) -> crate::store::TokenQuery {
    crate::store::TokenQuery {
        filter: countersign_proto::management::TokenFilter::default(),
        after: None,
        limit: 100,
        now: desk.world.now(),
        warned: std::time::Duration::ZERO,
    }
}

#[tokio::test]
async fn a_token_of_another_platform_is_taken_in_and_never_shown() {
    const STRING: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
    const IMPORT: &str = "/console/tokens/import";
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let list = text(&anna.get("/console/tokens").await);
    assert!(list.contains(&format!("href=\"{IMPORT}\"")), "{list}");
    let fields = |owner: &'static str, string: &'static str| {
        [
            ("kind", "app"),
            ("name", "old robot"),
            ("owner", owner),
            ("string", string),
        ]
    };
    for (fields, field, said) in [
        (fields("rita", ""), "string", "Paste the token."),
        (fields("rita", "short-secret"), "string", "16 characters"),
        (fields("nobody", STRING), "owner", "nobody"),
    ] {
        let refused = sent(&mut anna, IMPORT, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = text(&refused);
        let problem = format!("id=\"{field}-problem\"");
        assert!(page.contains(&problem) && page.contains(said), "{page}");
        assert!(page.contains("old robot"), "what is no secret is kept");
        assert!(
            !page.contains(STRING) && !page.contains("short-secret"),
            "{page}"
        );
    }
    let answer = sent(&mut anna, IMPORT, &fields("rita", STRING)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
    assert!(!location(&answer).contains(STRING));
    let page = text(&anna.get(&location(&answer)).await);
    assert!(page.contains("String of another platform") && !page.contains(STRING));
    let world = &desk.world;
    let works = world.api(Method::GET, "whoami", STRING, None).await;
    assert_eq!(works.json()["principal"], "rita");

    let again = sent(&mut anna, IMPORT, &fields("rita", STRING)).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(!text(&again).contains(STRING));
    let mut rita = desk.signed_in("rita").await;
    assert_eq!(rita.get(IMPORT).await.status, StatusCode::FORBIDDEN);
}
