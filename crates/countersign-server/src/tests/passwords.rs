//! Who signs in with a password of the platform's own, and what is left of those who do not?

use std::{net::IpAddr, time::Duration};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::world::{World, principal};
use crate::{
    Change, audit,
    idp::{IdpRefusal, Password},
    service::sign_in::{self, SignInRefusal, SignedIn},
    store::AccountRow,
};

const RIGHT: &str = "correct horse battery";

async fn with_carol() -> World {
    let world = World::new().await;
    world.principal("carol", &["Reader"]).await;
    world.principal("dave", &[]).await;
    let password = Password::chosen(Zeroizing::new(RIGHT.to_owned())).unwrap();
    let row = AccountRow {
        principal: "carol".to_owned(),
        password: world.platform.passwords().hash(&password).await.unwrap(),
        changed_at: world.now(),
    };
    let entry = audit::by_system("password.set", "carol", world.now());
    world.store.put_account(row, entry).await.unwrap();
    world
}

async fn sign_in(world: &World, name: &str, typed: &str) -> Result<SignedIn, SignInRefusal> {
    let password = Password::typed(Zeroizing::new(typed.to_owned()));
    let peer: IpAddr = [192, 0, 2, 7].into();
    sign_in::by_password(&world.platform, name, &password, Some(peer)).await
}

/// The audit once it has a row of this action: that one is written beside the answer.
async fn row_of(world: &World, action: &str) -> countersign_proto::management::AuditEntry {
    let found = async {
        loop {
            let page = world.store.audit(None, 100).await.unwrap();
            if let Some(row) = page.items.into_iter().find(|row| row.action == action) {
                return row;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .expect("a row")
}

#[tokio::test]
async fn a_person_with_the_right_password_is_the_principal_of_that_name() {
    let world = with_carol().await;
    let signed_in = sign_in(&world, "carol", RIGHT).await.unwrap();
    assert_eq!(signed_in.principal.name, "carol");
    assert_eq!(signed_in.identity.provider, "countersign");
    assert!(
        world
            .platform
            .metrics()
            .render()
            .contains("countersign_sign_ins_total{outcome=\"ok\"} 1")
    );
}

#[tokio::test]
async fn a_wrong_password_is_on_record_when_there_is_such_a_principal() {
    let world = with_carol().await;
    for name in ["mallory", "platform ", "", "carol\n"] {
        let refused = sign_in(&world, name, RIGHT).await.unwrap_err();
        assert_eq!(refused.reason(), "wrong_password");
    }
    // `dave` is a principal and has no account: the answer is the same.
    for name in ["carol", "dave"] {
        let refused = sign_in(&world, name, "wrong horse").await.unwrap_err();
        assert_eq!(refused.reason(), "wrong_password");
    }
    let row = row_of(&world, "sign_in.refuse").await;
    assert_eq!(row.outcome, "refused");
    assert_eq!(row.reason.as_deref(), Some("wrong_password"));
    assert_eq!(row.address.as_deref(), Some("192.0.2.7"));
    let page = world.store.audit(None, 100).await.unwrap();
    let subjects: Vec<String> = page
        .items
        .into_iter()
        .filter(|row| row.action == "sign_in.refuse")
        .map(|row| row.subject)
        .collect();
    assert!(
        subjects
            .iter()
            .all(|name| name == "carol" || name == "dave"),
        "{subjects:?}"
    );
    let metrics = world.platform.metrics().render();
    assert!(
        metrics.contains("countersign_sign_ins_total{outcome=\"wrong_password\"} 6"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_disabled_principal_is_told_so_only_with_his_password() {
    let world = with_carol().await;
    let mut carol = principal("carol", &["Reader"]);
    carol.enabled = false;
    world.change(Change::UpdatePrincipal(carol)).await;
    let refused = sign_in(&world, "carol", "wrong horse").await.unwrap_err();
    assert_eq!(refused.reason(), "wrong_password");
    let refused = sign_in(&world, "carol", RIGHT).await.unwrap_err();
    assert!(matches!(refused, SignInRefusal::Disabled), "{refused:?}");
    let rows = world.store.audit(None, 100).await.unwrap().items;
    assert!(
        rows.iter()
            .any(|row| row.reason.as_deref() == Some("principal_disabled")
                && row.subject == "carol"
                && row.outcome == "refused")
    );
}

#[tokio::test]
async fn who_has_to_wait_is_told_how_long_and_nothing_is_on_record() {
    let world = with_carol().await;
    for _ in 0..5 {
        sign_in(&world, "carol", "wrong horse").await.unwrap_err();
    }
    for _ in 0..3 {
        let refused = sign_in(&world, "carol", RIGHT).await.unwrap_err();
        let SignInRefusal::NotProved(IdpRefusal::Throttled { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(1));
    }
    world.advance(1);
    assert!(sign_in(&world, "carol", RIGHT).await.is_ok());
    let throttled = world
        .audited()
        .await
        .into_iter()
        .filter(|(_, reason)| reason.as_deref() == Some("throttled"))
        .count();
    assert_eq!(throttled, 0);
}

async fn listed(world: &World, admin: &str, query: &str) -> Vec<String> {
    let path = format!("principals?{query}");
    let answer = world.api(Method::GET, &path, admin, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    let shown = String::from_utf8(answer.body.clone()).unwrap();
    assert!(!shown.contains("argon2"), "{shown}");
    let page = answer.json();
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn whoever_has_a_password_is_listed_with_when_it_was_set_and_nothing_of_it() {
    let world = with_carol().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let answer = world.api(method, path, &admin, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer
    };
    let shown = ask(Method::GET, "principals/carol", None).await.json();
    assert_eq!(shown["password_set_at"], world.now().as_secs());
    let members: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let known = [
        "display_name",
        "enabled",
        "name",
        "password_set_at",
        "roles",
    ];
    assert_eq!(members, known);
    assert_eq!(listed(&world, &admin, "has_password=true").await, ["carol"]);
    let others = ["admin", "dave", "platform"];
    assert_eq!(listed(&world, &admin, "has_password=false").await, others);

    world.advance(60);
    let new = json!({ "password": "another horse" });
    ask(Method::PUT, "principals/dave/password", Some(new)).await;
    let list = ask(Method::GET, "principals?has_password=true", None).await;
    let set = list.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["password_set_at"].as_u64().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(set, [world.now().as_secs() - 60, world.now().as_secs()]);

    ask(Method::DELETE, "principals/carol/password", None).await;
    assert_eq!(listed(&world, &admin, "has_password=true").await, ["dave"]);
    let carol = ask(Method::GET, "principals/carol", None).await.json();
    assert_eq!(carol.get("password_set_at"), None);
}

#[tokio::test]
async fn what_was_read_of_a_principal_is_sent_back_and_changes_no_password() {
    let world = with_carol().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    for (name, set_at) in [
        ("carol", json!(world.now().as_secs())),
        ("dave", Value::Null),
    ] {
        let path = format!("principals/{name}");
        let mut read = world.api(Method::GET, &path, &admin, None).await.json();
        read["display_name"] = json!("Renamed");
        read["password_set_at"] = json!(7);
        let changed = world.api(Method::PUT, &path, &admin, Some(read)).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.json());
        assert_eq!(changed.json()["password_set_at"], set_at);
        assert_eq!(changed.json()["display_name"], "Renamed");
    }
    let new = json!({ "name": "erin", "password_set_at": 7 });
    let made = world
        .api(Method::POST, "principals", &admin, Some(new))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    assert_eq!(made.json().get("password_set_at"), None);
    assert!(sign_in(&world, "carol", RIGHT).await.is_ok());
}
