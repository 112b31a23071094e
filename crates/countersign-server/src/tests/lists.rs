//! Does a list of the management API hold what was asked for, and is a request that means nothing
//! refused?

use axum::{
    body::Body,
    http::{Method, Request, header, request::Builder},
};
use serde_json::{Value, json};

use super::{
    management::problem,
    world::{Identity, World, authorize},
};

/// A world with two applications, each with a certificate and a principal.
async fn populated() -> (World, String, Identity) {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let shop = world.application("shop", &["anna"]).await;
    let old = Identity::valid("old", 2020, 2021);
    world.register("shop", &old).await;
    let next = Identity::valid("next", 2090, 2099);
    world.register("shop", &next).await;
    world.revoke(&shop).await;
    for (path, body) in [
        (
            "roles",
            json!({"name": "Clerk", "permissions": ["audit:read"]}),
        ),
        (
            "principals",
            json!({"name": "bert", "display_name": "Bertha", "roles": ["Clerk"], "enabled": false}),
        ),
        (
            "applications",
            json!({"client_id": "till", "name": "Cash Till", "enabled": false}),
        ),
    ] {
        let made = world.api(Method::POST, path, &admin, Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.json());
    }
    (world, admin, shop)
}

fn members(page: &Value, name: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item[name].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn every_noun_is_filtered_by_what_its_members_say() {
    let (world, admin, shop) = populated().await;
    let of_shop = format!("mappings?certificate={}", shop.id());
    for (path, member, expected) in [
        ("applications?name=TILL", "client_id", "till"),
        ("applications?name=cash", "client_id", "till"),
        ("applications?enabled=false", "client_id", "till"),
        (
            "applications?enabled=true",
            "client_id",
            "client-of-admin shop",
        ),
        ("applications?enabled=true&name=till", "client_id", ""),
        (
            "certificates?client_id=shop&state=revoked",
            "subject",
            "CN=shop",
        ),
        (
            "certificates?client_id=shop&state=expired",
            "subject",
            "CN=old",
        ),
        (
            "certificates?client_id=shop&state=not_yet_valid",
            "subject",
            "CN=next",
        ),
        ("certificates?state=valid", "subject", "CN=client-of-admin"),
        ("certificates?usage=platform", "subject", ""),
        ("principals?name=ERT", "name", "bert"),
        ("principals?name=bertha", "name", "bert"),
        ("principals?role=Administrator", "name", "admin"),
        ("principals?role=administrator", "name", ""),
        ("principals?enabled=false", "name", "bert"),
        ("roles?name=lat", "name", "Platform"),
        ("roles?permission=*", "name", "Administrator"),
        ("roles?name=cl&permission=audit:read", "name", "Clerk"),
        (&of_shop, "principal", "anna"),
        ("mappings?client_id=shop", "principal", "anna"),
        ("mappings?principal=admin", "client_id", "client-of-admin"),
        ("mappings?principal=admin&client_id=shop", "client_id", ""),
        ("audit?action=role.create", "subject", "Clerk"),
        ("audit?action=role.create&outcome=refused", "subject", ""),
    ] {
        let answer = world.api(Method::GET, path, &admin, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        let found = members(&answer.json(), member).join(" ");
        assert_eq!(found, expected, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused_by_name() {
    let (world, admin, _) = populated().await;
    for noun in [
        "applications",
        "certificates",
        "principals",
        "roles",
        "mappings",
        "sessions",
        "audit",
    ] {
        for (query, named) in [
            ("stat=revoked", "`stat`"),
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=1&limit=1", "limit"),
        ] {
            let path = format!("{noun}?{query}");
            let answer = world.api(Method::GET, &path, &admin, None).await;
            problem(&answer, 422, "invalid");
            let detail = answer.member("detail");
            assert!(detail.contains(named), "{path}: {detail}");
        }
    }
    for path in [
        "audit?after=x",
        "certificates?thumbprint=xyz",
        "sessions?state=dead",
    ] {
        let answer = world.api(Method::GET, path, &admin, None).await;
        problem(&answer, 422, "invalid");
    }
}

#[tokio::test]
async fn whoever_turns_pages_sees_each_row_once_while_rows_come_and_go() {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let put = async |name: &str| {
        let body = json!({"name": name});
        world
            .api(Method::POST, "principals", &admin, Some(body))
            .await
    };
    for name in ["b", "d", "f", "h"] {
        put(name).await;
    }
    let (mut seen, mut path) = (Vec::new(), "principals?limit=2".to_owned());
    for (come, goes) in [("a", "b"), ("g", "d"), ("i", "a"), ("j", "f")] {
        let page = world.api(Method::GET, &path, &admin, None).await.json();
        seen.extend(members(&page, "name"));
        put(come).await;
        let gone = format!("principals/{goes}");
        world.api(Method::DELETE, &gone, &admin, None).await;
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("principals?limit=2&after={next}");
    }
    assert_eq!(seen, ["admin", "b", "d", "f", "g", "h", "i", "platform"]);
}

#[tokio::test]
async fn what_is_made_is_found_where_its_answer_says_whatever_its_name() {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    for name in ["carol", "a/b?c#d%41", "Zoë & Søn", "…", "a+b c"] {
        let body = Some(json!({ "name": name }));
        let made = world.api(Method::POST, "principals", &admin, body).await;
        assert_eq!(made.status, 201, "{}", made.json());
        let place = made.headers["location"].to_str().unwrap();
        let path = place.strip_prefix("/api/v1/").unwrap();
        let found = world.api(Method::GET, path, &admin, None).await;
        assert_eq!(found.member("name"), name, "{path}");
    }
    // A client cannot write these as a segment of a path (RFC 3986 §5.2.4).
    for name in [".", ".."] {
        for (noun, member) in [
            ("principals", "name"),
            ("roles", "name"),
            ("applications", "client_id"),
        ] {
            let body = json!({ member: name, "name": name });
            let refused = world.api(Method::POST, noun, &admin, Some(body)).await;
            problem(&refused, 422, "invalid");
        }
    }
}

#[tokio::test]
async fn requests_of_the_wrong_form_are_problems() {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let send = async |request: Builder, body: &'static str| {
        let mut request = request.body(Body::from(body)).unwrap();
        authorize(&mut request, &admin);
        world.send(request).await
    };
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let request = Request::post("/api/v1/roles").header(header::CONTENT_TYPE, media_type);
        let answer = send(request, r#"{"name":"x"}"#).await;
        problem(&answer, 415, "unsupported-media-type");
    }
    let answer = send(Request::post("/api/v1/roles"), r#"{"name":"x"}"#).await;
    problem(&answer, 415, "unsupported-media-type");
    let answer = send(Request::get("/api/v1/roles/%ff"), "").await;
    problem(&answer, 400, "bad-request");
    for method in ["OPTIONS", "PATCH", "DELETE"] {
        let request = Request::builder().method(method).uri("/api/v1/roles");
        let answer = send(request, "").await;
        problem(&answer, 405, "method-not-allowed");
        assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
    }
    let head = send(Request::head("/api/v1/roles"), "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    // Whatever is preferred, it is JSON (RFC 9110 §12.4.1).
    let request = Request::get("/api/v1/roles").header(header::ACCEPT, "text/html");
    assert_eq!(
        send(request, "").await.headers["content-type"],
        "application/json"
    );
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_in_a_problem() {
    let world = World::with(|settings| settings.limits.failures_per_source_per_minute = 1).await;
    let ask = async || world.api(Method::GET, "whoami", "a.b.c", None).await;
    let mut answer = ask().await;
    for _ in 0..5 {
        answer = ask().await;
    }
    problem(&answer, 429, "too-many-requests");
    assert!(answer.headers.contains_key("retry-after"));
}
