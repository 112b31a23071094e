//! Does a refusal stand at the field that it is about?

use super::{desk::Desk, tokens::sent};
use crate::tests::{login::browser::text, world};

#[tokio::test]
async fn a_refusal_stands_at_the_field_that_it_is_about() {
    let desk = Desk::new().await;
    let shop = world::application("shop");
    desk.change(crate::Change::CreateApplication(shop)).await;
    let mut anna = desk.signed_in("anna").await;
    for (page, fields, field) in [
        ("new/applications", vec![("name", "a b")], "name"),
        ("new/applications", vec![("name", "shop")], "name"),
        (
            "new/applications",
            vec![("name", "x"), ("scopes", "\"")],
            "scopes",
        ),
        (
            "new/roles",
            vec![("name", "x"), ("permissions", "every:thing")],
            "permissions",
        ),
        (
            "new/principals",
            vec![("name", "x"), ("roles", "Nothing")],
            "roles",
        ),
        (
            "new/mappings",
            vec![("client_id", "nobody"), ("principal", "rita")],
            "certificate",
        ),
        (
            "principals/rita/password",
            vec![("password", "short"), ("again", "short")],
            "password",
        ),
    ] {
        let sent = sent(&mut anna, &format!("/console/{page}"), &fields).await;
        let shown = text(&sent);
        assert!(sent.status.is_client_error(), "{page}: {}", sent.status);
        let problem = format!("id=\"{field}-problem\"");
        assert!(shown.contains(&problem), "{page} {fields:?}: {shown}");
        let link = format!("<li><a href=\"#{field}\">");
        assert!(shown.contains(&link), "{page} {fields:?}: {shown}");
    }
}
