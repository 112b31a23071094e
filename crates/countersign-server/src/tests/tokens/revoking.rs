//! Does a revocation end what it names, at once and for good, and nothing else?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{administered, given, granted, newest, personal, post, refused, show, state};
use crate::tests::world::{Answer, NOW, World, claims_of};

async fn revoke(world: &World, bearer: &str, id: &str) -> Answer {
    let reason = json!({"reason": "lost"});
    post(world, bearer, &format!("tokens/{id}/revoke"), reason).await
}

async fn revoke_many(world: &World, bearer: &str, which: Value) -> Value {
    let answer = post(world, bearer, "tokens/revoke", which).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    answer.json()
}

#[tokio::test]
async fn one_is_revoked_with_a_reason_and_stays_as_it_ended() {
    let (world, admin) = administered().await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let (id, _) = granted(&world, &anna, personal("x")).await;
    let (other, _) = granted(&world, &anna, personal("y")).await;
    let answer = revoke(&world, &anna, &id).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    assert_eq!(answer.json()["state"], "revoked");
    assert_eq!(answer.json()["revoked_at"], NOW);
    assert_eq!(answer.json()["revocation_reason"], "lost");
    world.advance(5);
    let path = format!("tokens/{id}/revoke");
    let again = post(&world, &admin, &path, json!({"reason": "other"})).await;
    assert_eq!(again.json(), answer.json());
    assert_eq!(state(&world, &anna, &other).await, "active");
    let rows = world.audited().await;
    let rows = rows
        .iter()
        .filter(|(action, _)| action == "granted_token.revoke");
    assert_eq!(rows.count(), 1);
    assert_eq!(
        newest(&world, "granted_token.revoke").await,
        ["anna", "anna", &id, "lost"].map(|it| Some(it.to_owned()))
    );
}

#[tokio::test]
async fn a_token_that_is_deleted_is_revoked_and_still_listed() {
    let (world, admin) = administered().await;
    let (id, _) = granted(&world, &admin, personal("x")).await;
    let path = format!("tokens/{id}");
    let answer = world.api(Method::DELETE, &path, &admin, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.body.is_empty());
    let shown = show(&world, &admin, &id).await;
    assert_eq!(shown["state"], "revoked");
    assert_eq!(shown["revocation_reason"], "deleted");
    let unknown = "tokens/0000000000000000000000";
    let answer = world.api(Method::DELETE, unknown, &admin, None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn all_of_an_owner_an_application_a_certificate_or_a_token_are_revoked() {
    for which in ["owner", "application", "certificate", "created_through"] {
        let (world, admin) = administered().await;
        let anna = world.bearer("anna", &["Developer"]).await;
        let bert = world.bearer("bert", &["Developer"]).await;
        let (first, _) = granted(&world, &anna, personal("a")).await;
        let (second, _) = granted(&world, &anna, personal("b")).await;
        let (other, _) = granted(&world, &bert, personal("c")).await;
        let certificate = show(&world, &anna, &first).await["certificate"].clone();
        let value = match which {
            "owner" => json!("anna"),
            "application" => json!("client-of-anna"),
            "certificate" => certificate,
            _ => claims_of(&anna)["jti"].clone(),
        };
        let asked = json!({which: value, "reason": "left"});
        assert_eq!(
            revoke_many(&world, &admin, asked.clone()).await,
            json!({"revoked": 2})
        );
        for id in [&first, &second] {
            let shown = show(&world, &admin, id).await;
            assert_eq!(shown["state"], "revoked", "{which}");
            assert_eq!(shown["revocation_reason"], "left");
        }
        assert_eq!(state(&world, &admin, &other).await, "active", "{which}");
        assert_eq!(
            revoke_many(&world, &admin, asked).await,
            json!({"revoked": 0})
        );
        let [actor, subject, _, reason] = newest(&world, "granted_token.revoke").await;
        assert_eq!(actor.as_deref(), Some("admin"));
        assert_eq!(
            subject.as_deref(),
            value_text(&world, which, &anna, &first).await.as_deref()
        );
        assert_eq!(reason.as_deref(), Some("left"));
    }
}

async fn value_text(world: &World, which: &str, anna: &str, id: &str) -> Option<String> {
    let row = world.store.token(id).await.unwrap().unwrap();
    match which {
        "owner" => row.owner,
        "application" => row.application,
        "certificate" => row.certificate,
        _ => claims_of(anna)["jti"].as_str().map(str::to_owned),
    }
}

#[tokio::test]
async fn somebody_revokes_all_of_his_own_and_no_others() {
    let (world, _) = administered().await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let bert = world.bearer("bert", &["Developer"]).await;
    granted(&world, &anna, personal("a")).await;
    let (of_bert, _) = granted(&world, &bert, personal("b")).await;
    let own = revoke_many(&world, &anna, json!({"owner": "anna", "reason": "x"})).await;
    assert_eq!(own, json!({"revoked": 1}));
    for which in [
        json!({"owner": "bert", "reason": "x"}),
        json!({"application": "client-of-bert", "reason": "x"}),
        json!({"created_through": of_bert, "reason": "x"}),
    ] {
        let answer = post(&world, &anna, "tokens/revoke", which).await;
        refused(&answer, StatusCode::FORBIDDEN, "tokens:write");
    }
    assert_eq!(state(&world, &bert, &of_bert).await, "active");
    let [actor, lacked, ..] = newest(&world, "change.refuse").await;
    assert_eq!(
        [actor, lacked],
        ["anna", "tokens:write"].map(|it| Some(it.to_owned()))
    );
}

#[tokio::test]
async fn a_refusal_is_on_record_by_the_permission_that_was_lacking() {
    let (world, admin) = administered().await;
    let (of_admin, _) = granted(&world, &admin, personal("a")).await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let rita = world.bearer("rita", &["Reader"]).await;
    let for_another = json!({"kind": "app", "name": "x", "owner": "rita"});
    let revocation = format!("tokens/{of_admin}/revoke");
    let reason = json!({"reason": "x"});
    for (bearer, path, body, lacking) in [
        (&anna, "tokens", for_another, "tokens:write"),
        (&rita, "tokens", personal("x"), "own-tokens:write"),
        (&rita, revocation.as_str(), reason, "own-tokens:write"),
    ] {
        let answer = post(&world, bearer, path, body).await;
        refused(&answer, StatusCode::FORBIDDEN, lacking);
        let [_, subject, ..] = newest(&world, "change.refuse").await;
        assert_eq!(subject.as_deref(), Some(lacking), "{path}");
    }
}

#[tokio::test]
async fn exactly_one_thing_is_named_and_a_reason_is_given() {
    let (world, admin) = administered().await;
    for (body, words) in [
        (json!({"reason": "x"}), "exactly one"),
        (
            json!({"owner": "a", "application": "b", "reason": "x"}),
            "exactly one",
        ),
        (json!({"owner": "a"}), "reason"),
        (json!({"owner": "a", "reason": "a\nb"}), "reason"),
        (json!({"name": "a", "reason": "x"}), "name"),
    ] {
        let answer = post(&world, &admin, "tokens/revoke", body).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    let (id, _) = granted(&world, &admin, personal("x")).await;
    let answer = post(&world, &admin, &format!("tokens/{id}/revoke"), json!({})).await;
    refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "reason");
    assert_eq!(state(&world, &admin, &id).await, "active");
}

#[tokio::test]
async fn a_revocation_ends_both_ends_of_a_rotation() {
    let (world, admin) = administered().await;
    let (old, _) = granted(&world, &admin, personal("x")).await;
    let rotated = post(&world, &admin, &format!("tokens/{old}/rotate"), json!({})).await;
    let (new, _) = given(&rotated);
    revoke(&world, &admin, &old).await;
    assert_eq!(state(&world, &admin, &old).await, "revoked");
    assert_eq!(state(&world, &admin, &new).await, "revoked");
}
