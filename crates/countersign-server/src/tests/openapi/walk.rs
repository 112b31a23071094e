//! Is every answer as documented, and every body refused that is documented as refused?

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request},
};
use countersign_proto::exchange::JWT_BEARER_ASSERTION_TYPE;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{
    described::{Described, Operation},
    steps::{self, MADE, Step},
};
use crate::tests::world::{Answer, World};

#[tokio::test]
async fn every_answer_of_a_walk_over_all_endpoints_is_as_documented() {
    let world = World::new().await;
    let described = Described::by(&world).await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let nobody = world.bearer("nobody", &[]).await;
    let mut made = String::new();
    let mut visited = oauth(&world, &described).await;
    for step in steps::all(&world).await {
        let operation = described.operation(step.operation);
        let path = path(&operation, &step, &made);
        let ask = async |bearer: &str, body: Option<&Value>| {
            let method = operation.method.to_ascii_uppercase().parse().unwrap();
            let answer = world.api(method, &path, bearer, body.cloned()).await;
            described.check(&operation, &answer);
            assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
            answer
        };

        assert_eq!(ask("", step.body.as_ref()).await.status, 401, "{path}");
        if let Some(permission) = operation.permission() {
            let refused = ask(&nobody, step.body.as_ref()).await;
            assert_eq!(refused.status, 403, "{path}");
            let detail = refused.member("detail");
            assert!(detail.contains(permission), "{path}: {detail}");
        }
        for bad in step.body.iter().flat_map(spoilt) {
            if !described.takes(&operation, &bad) {
                let answer = ask(&admin, Some(&bad)).await;
                assert!(answer.status.is_client_error(), "{path} took {bad}");
            }
        }
        if let Some(body) = &step.body {
            assert!(described.takes(&operation, body), "{path}: {body}");
        }
        let done = ask(&admin, step.body.as_ref()).await;
        assert!(done.status.is_success(), "{path}: {done:?}");
        if let Some(id) = id_made(&operation, &done) {
            made = id;
        }
        visited.insert(step.operation.to_owned());
    }
    let documented: BTreeSet<String> = described
        .operations()
        .map(|it| it.id().to_owned())
        .collect();
    let missed: Vec<_> = documented.difference(&visited).collect();
    assert!(missed.is_empty(), "nothing asks for {missed:?}");
}

/// The id of what an operation made, if that is what it does.
pub(in crate::tests) fn id_made(operation: &Operation<'_>, done: &Answer) -> Option<String> {
    operation.about["responses"].get("201")?;
    let body = done.json();
    let members = [&body["id"], &body["kid"], &body["granted"]["id"]];
    let id = members.into_iter().find_map(Value::as_str);
    Some(id.unwrap_or_default().to_owned())
}

pub(in crate::tests) fn path(operation: &Operation<'_>, step: &Step, made: &str) -> String {
    let named = if step.named == MADE {
        made
    } else {
        &step.named
    };
    let named: String = byte_serialize(named.as_bytes()).collect();
    let template = operation.path.trim_start_matches("/api/v1/");
    let path = match (template.split_once('{'), template.split_once('}')) {
        (Some((before, _)), Some((_, after))) => {
            format!("{before}{}{after}", named.replace('+', "%20"))
        }
        _ => template.to_owned(),
    };
    match step.query {
        "" => path,
        query => format!("{path}?{query}"),
    }
}

/// The same body with one thing wrong, most of the time: what is wrong the schema says.
fn spoilt(good: &Value) -> Vec<Value> {
    let members = good.as_object().unwrap();
    let mut bodies = vec![json!([]), json!("x"), json!(1), json!(null), json!({})];
    let mut more = members.clone();
    more.insert("unknown".to_owned(), json!(1));
    bodies.push(Value::Object(more));
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(4_000),
        json!(""),
        json!("x y"),
        json!("x".repeat(256)),
        json!("x".repeat(1_025)),
        json!([]),
        json!([1]),
        json!([""]),
        json!(["x y"]),
        json!(["Reader", "Reader"]),
        json!({}),
    ];
    for name in members.keys() {
        let mut less = members.clone();
        less.remove(name);
        bodies.push(Value::Object(less));
        for other in &others {
            let mut changed = members.clone();
            changed.insert(name.clone(), other.clone());
            bodies.push(Value::Object(changed));
        }
    }
    bodies
}

/// The endpoints of OAuth and the documents.
async fn oauth(world: &World, described: &Described) -> BTreeSet<String> {
    let mut visited = BTreeSet::new();
    let mut check = |id: &str, answer: &Answer| {
        described.check(&described.operation(id), answer);
        visited.insert(id.to_owned());
    };
    let identity = world.application("orders", &["anna"]).await;
    let answer = world
        .exchange(&world.assertion("orders", &identity), "")
        .await;
    check("token", &answer);
    let token = answer.token();
    check("token", &world.exchange("a.b.c", "").await);
    let asker = world.bearer("asker", &[]).await;
    check("introspect", &world.introspect(&asker, &token).await);
    check("introspect", &world.introspect(&asker, "a.b.c").await);
    check("introspect", &world.introspect("", &token).await);
    let by_assertion = format!(
        "token={token}&client_id=orders&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}\
         &client_assertion={}",
        world.assertion("orders", &identity)
    );
    check("revoke", &world.post("/oauth2/revoke", &by_assertion).await);
    check("revoke", &world.post("/oauth2/revoke", "token=x").await);
    let unknown = json!({ "username": "zoe", "password": "not this one" });
    let body = Some(unknown);
    check("signIn", &world.api(Method::POST, "signin", "", body).await);
    check("signIn", &world.api(Method::POST, "signin", "", None).await);
    for (id, path) in [
        ("jwks", "/jwks.json"),
        ("metadata", "/.well-known/openid-configuration"),
        (
            "metadataOfTheIssuer",
            "/.well-known/oauth-authorization-server",
        ),
        ("openapi", "/openapi.json"),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        check(id, &world.send(request).await);
    }
    visited
}
