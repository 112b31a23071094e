//! Is the OpenAPI document what the server does?

pub(super) mod described;

pub(super) mod steps;

pub(super) mod walk;

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::Value;

use self::described::Described;
use super::world::{Answer, World};

/// What is for browsers and terminals, and what stands at the root for whoever operates the
/// platform, is described elsewhere.
const ELSEWHERE: [&str; 6] = [
    "/login", "/console", "/assets", "/healthz", "/readyz", "/metrics",
];

async fn fetched(world: &World, known: Option<&str>) -> Answer {
    let mut request = Request::get("/openapi.json");
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

/// Every path that the router knows, as it was given to it.
fn paths(world: &World) -> BTreeSet<String> {
    let shown = format!("{:?}", world.router);
    let paths = shown.split("RouteId(").filter_map(|route| {
        let (_, path) = route.split_once("): \"/")?;
        let path = format!("/{}", path.split('"').next()?);
        let inner = path == "/" || path.contains("__private__");
        let elsewhere = ELSEWHERE.iter().any(|it| path.starts_with(it));
        (!inner && !elsewhere).then_some(path)
    });
    paths.collect()
}

/// The methods of a path, as the server names them to whoever asks by another.
async fn methods(world: &World, path: &str) -> Vec<String> {
    let filled = path.replace(['{', '}'], "");
    let request = Request::builder()
        .method(Method::TRACE)
        .uri(filled)
        .body(Body::empty());
    let answer = world.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    let allowed = answer.headers["allow"].to_str().unwrap();
    let methods = allowed.split(',').map(str::to_ascii_lowercase);
    methods.filter(|method| method != "head").collect()
}

#[tokio::test]
async fn every_route_is_documented_and_nothing_else() {
    let world = World::new().await;
    let mut served = BTreeSet::new();
    for path in paths(&world) {
        for method in methods(&world, &path).await {
            served.insert(format!("{method} {path}"));
        }
    }
    assert!(served.len() > 30, "the routes are not found: {served:?}");
    let described = Described::by(&world).await;
    let documented: BTreeSet<String> = described
        .operations()
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    let difference: Vec<_> = served.symmetric_difference(&documented).collect();
    assert!(difference.is_empty(), "{difference:?}");
}

#[tokio::test]
async fn an_issuer_with_a_path_serves_the_document_under_it() {
    let world = World::with(|settings| {
        settings.issuer = "https://platform.example/tenant".parse().unwrap();
    })
    .await;
    let request = Request::get("/tenant/openapi.json").body(Body::empty());
    let document = world.send(request.unwrap()).await.json();
    assert_eq!(
        document["servers"][0]["url"],
        "https://platform.example/tenant"
    );
}

#[tokio::test]
async fn the_document_is_there_for_everybody_and_sent_once() {
    let world = World::new().await;
    let first = fetched(&world, None).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.headers["content-type"], "application/json");
    assert_eq!(first.json()["openapi"], "3.1.0");
    let etag = first.headers["etag"].to_str().unwrap();
    for known in [etag, "*", &format!("\"other\", W/{etag}")] {
        let again = fetched(&world, Some(known)).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(again.headers["etag"], etag);
        assert!(again.body.is_empty());
    }
    let other = fetched(&world, Some("\"other\"")).await;
    assert_eq!(other.status, StatusCode::OK);
}

/// Objects that say nothing of what they may hold besides would let anything through.
#[tokio::test]
async fn no_schema_lets_through_what_it_does_not_name() {
    fn open_objects(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                let names = members.contains_key("properties");
                if names && members.get("additionalProperties") != Some(&Value::Bool(false)) {
                    found.push(at.to_owned());
                }
                for (name, member) in members {
                    open_objects(member, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(items) => {
                for item in items {
                    open_objects(item, at, found);
                }
            }
            _ => {}
        }
    }
    let described = Described::by(&World::new().await).await;
    let schemas = &described.document["components"]["schemas"];
    let mut found = Vec::new();
    open_objects(schemas, "", &mut found);
    // A public key has the members of its type (RFC 7518 §6), and no private one.
    found.retain(|at| !at.starts_with("/JwkSet/"));
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn the_reference_names_every_operation_with_its_permission() {
    let described = Described::by(&World::new().await).await;
    let documented: BTreeSet<String> = described
        .operations()
        .filter(|it| it.path.starts_with("/api/v1/"))
        .map(|it| {
            let method = it.method.to_ascii_uppercase();
            let path = it.path.trim_start_matches("/api/v1");
            let permission = it
                .permission()
                .map_or("—".to_owned(), |it| format!("`{it}`"));
            format!("| `{method} {path}` | {permission} |")
        })
        .collect();
    let page = include_str!("../../../../docs/api.md");
    let named: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains(" /"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").take(2).collect();
            format!("{} |", cells.join(" | "))
        })
        .collect();
    let difference: Vec<_> = named.symmetric_difference(&documented).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}
