//! Does a list show exactly the tokens that are there, to whoever may see them?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{DAY, administered, get, grant, granted, listed, personal, post, refused, show};
use crate::tests::world::World;

#[tokio::test]
async fn a_list_has_every_token_once_newest_first_and_in_pages() {
    let (world, admin) = administered().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        world.advance(1);
        let (id, _) = granted(&world, &admin, personal(&format!("n{number}"))).await;
        ids.push(id);
    }
    ids.reverse();
    assert_eq!(listed(&world, &admin, "").await, ids);
    let mut after = String::new();
    let mut seen = Vec::new();
    loop {
        let page = get(&world, &admin, &format!("tokens?limit=2{after}"))
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_filter_shows_what_it_names_and_nothing_else() {
    let (world, admin) = administered().await;
    world.principal("robot", &["Reader"]).await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let (own, _) = granted(&world, &anna, personal("Laptop of Anna")).await;
    world.advance(1);
    let app = json!({"kind": "app", "name": "nightly", "owner": "robot", "lifetime_s": 3600});
    let (app, _) = granted(&world, &admin, app).await;
    world.advance(1);
    let system = json!({"kind": "system", "name": "backup", "roles": ["Reader"]});
    let (system, _) = granted(&world, &admin, system).await;
    let certificate = show(&world, &admin, &own).await["certificate"]
        .as_str()
        .unwrap()
        .to_owned();
    let table: [(String, Vec<&String>); 9] = [
        ("?owner=anna".to_owned(), vec![&own]),
        ("?owner=nobody".to_owned(), vec![]),
        ("?kind=system".to_owned(), vec![&system]),
        ("?name=LAPTOP".to_owned(), vec![&own]),
        ("?name=t".to_owned(), vec![&app, &own]),
        ("?application=client-of-anna".to_owned(), vec![&own]),
        (format!("?certificate={certificate}"), vec![&own]),
        ("?state=expiring".to_owned(), vec![&app]),
        ("?state=active&owner=anna".to_owned(), vec![&own]),
    ];
    for (query, expected) in table {
        let found = listed(&world, &admin, &query).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for query in ["?kind=x", "?state=dead", "?limit=0"] {
        let answer = get(&world, &admin, &format!("tokens{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

#[tokio::test]
async fn a_state_is_that_of_the_moment() {
    let (world, admin) = administered().await;
    let soon = json!({"kind": "personal", "name": "x", "lifetime_s": 15 * DAY});
    let (id, _) = granted(&world, &admin, soon).await;
    let row = world.store.token(&id).await.unwrap().unwrap();
    let states = [
        (0, "active"),
        (DAY, "expiring"),
        (14 * DAY - 1, "expiring"),
        (1, "expired"),
    ];
    for (seconds, expected) in states {
        world.advance(seconds);
        let reader = world
            .bearer(&format!("reader-{seconds}"), &["Reader"])
            .await;
        assert_eq!(show(&world, &reader, &id).await["state"], expected);
        assert_eq!(
            listed(&world, &reader, &format!("?state={expected}")).await,
            [id.as_str()]
        );
    }
    assert_eq!(world.store.token(&id).await.unwrap(), Some(row));
}

#[tokio::test]
async fn whoever_may_see_only_his_own_sees_no_others() {
    let (world, admin) = administered().await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let bert = world.bearer("bert", &["Developer"]).await;
    let (of_anna, _) = granted(&world, &anna, personal("a")).await;
    let (of_bert, _) = granted(&world, &bert, personal("b")).await;
    assert_eq!(listed(&world, &anna, "").await, [of_anna.as_str()]);
    assert!(listed(&world, &anna, "?owner=bert").await.is_empty());
    let all = listed(&world, &admin, "").await;
    assert_eq!(all.len(), 2);
    for (path, body) in [
        ("rotate", json!({})),
        ("revoke", json!({"reason": "x"})),
        ("confirm", json!({})),
        ("abort", json!({})),
    ] {
        let path = format!("tokens/{of_bert}/{path}");
        let answer = post(&world, &anna, &path, body).await;
        refused(&answer, StatusCode::NOT_FOUND, &of_bert);
    }
    let path = format!("tokens/{of_bert}");
    refused(
        &get(&world, &anna, &path).await,
        StatusCode::NOT_FOUND,
        &of_bert,
    );
    let nobody = world.bearer("nobody", &[]).await;
    refused(
        &get(&world, &nobody, "tokens").await,
        StatusCode::FORBIDDEN,
        "own-tokens:read",
    );
    refused(
        &get(&world, &nobody, &path).await,
        StatusCode::FORBIDDEN,
        "own-tokens:read",
    );
    let unknown = get(&world, &admin, "tokens/0000000000000000000000").await;
    refused(&unknown, StatusCode::NOT_FOUND, "does not exist");
}

#[tokio::test]
async fn a_reader_sees_every_token_and_changes_none() {
    let (world, _) = administered().await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let (id, _) = granted(&world, &anna, personal("a")).await;
    let reader = world.bearer("reader", &["Reader"]).await;
    let before = show(&world, &reader, &id).await;
    assert_eq!(
        grant(&world, &reader, personal("x")).await.status,
        StatusCode::FORBIDDEN
    );
    let token = json!({"kind": "personal", "name": "x", "token": "0123456789abcdef"});
    for (path, body) in [
        (format!("tokens/{id}/rotate"), json!({})),
        (format!("tokens/{id}/confirm"), json!({})),
        (format!("tokens/{id}/abort"), json!({})),
        (format!("tokens/{id}/revoke"), json!({"reason": "x"})),
        (
            "tokens/revoke".to_owned(),
            json!({"owner": "anna", "reason": "x"}),
        ),
        ("tokens/import".to_owned(), token),
    ] {
        let answer = post(&world, &reader, &path, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    for method in [Method::PATCH, Method::DELETE] {
        let body = Some(json!({"name": "y"}));
        let path = format!("tokens/{id}");
        let answer = world.api(method, &path, &reader, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(show(&world, &reader, &id).await, before);
    let world_of_nobody = World::new().await;
    let reader = world_of_nobody.bearer("reader", &["Reader"]).await;
    assert!(listed(&world_of_nobody, &reader, "").await.is_empty());
}

#[tokio::test]
async fn a_string_in_the_place_of_an_id_is_not_repeated() {
    let (world, admin) = administered().await;
    let (_, string) = granted(&world, &admin, personal("x")).await;
    let unknown = "0000000000000000000000";
    for (segment, told) in [
        (string.as_str(), "…"),
        ("a-secret", "…"),
        (unknown, unknown),
    ] {
        for (method, path) in [
            (Method::GET, format!("tokens/{segment}")),
            (Method::POST, format!("tokens/{segment}/confirm")),
        ] {
            let answer = world.api(method, &path, &admin, None).await;
            refused(&answer, StatusCode::NOT_FOUND, told);
            let shown = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(shown.contains(segment), segment == unknown, "{shown}");
        }
    }
}
