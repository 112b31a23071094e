//! Is a granted token believed wherever a token is, and by nothing but its whole string?

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::scene::{INACTIVE, administered, granted, guard, whoami, works};
use crate::tests::world::{ISSUER, NOW};

// security.md 72, 75
#[tokio::test]
async fn a_token_of_each_kind_stands_for_whom_it_was_granted() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Reader"]).await;
    let guard = guard(&world, None).await;
    for (kind, owner, number, subject) in [
        ("personal", Some("anna"), 3, "anna"),
        ("app", Some("anna"), 4, "anna"),
        ("system", None, 5, "countersign:system:nightly"),
    ] {
        let mut new = json!({"kind": kind, "name": "nightly", "roles": ["Reader"]});
        if let Some(owner) = owner {
            new["owner"] = owner.into();
        }
        let (id, token) = granted(&world, &admin, new).await;
        let who = whoami(&world, &token).await;
        assert_eq!(who.status, StatusCode::OK, "{}", who.json());
        let who = who.json();
        assert_eq!(
            (&who["principal"], &who["kind"]),
            (&json!(subject), &json!(number))
        );
        assert_eq!(who["client_id"], "countersign:granted");
        assert_eq!(who["roles"], json!(["Reader"]));
        assert_eq!(who["expires_at"], NOW + 7_776_000);

        let told = world.introspect(&guard, &token).await.json();
        assert_eq!(told["active"], true);
        assert_eq!(told["token_type"], "Bearer");
        assert_eq!(
            (&told["sub"], &told["principal"]),
            (&json!(subject), &json!(subject))
        );
        assert_eq!((&told["type"], &told["jti"]), (&json!(number), &json!(id)));
        assert_eq!(
            (&told["iss"], &told["aud"]),
            (&json!(ISSUER), &json!(ISSUER))
        );
        assert_eq!(
            (&told["iat"], &told["exp"]),
            (&json!(NOW), &json!(NOW + 7_776_000))
        );
        assert_eq!(told["roles"], json!(["Reader"]));
        assert_eq!(told["client_id"], "countersign:granted");
    }
}

#[tokio::test]
async fn a_label_before_a_token_is_for_people_and_changes_nothing() {
    let (world, admin) = administered().await;
    let (_, token) = granted(&world, &admin, json!({"kind": "personal", "name": "x"})).await;
    assert!(works(&world, &format!("anna-2026-11-22--{token}")).await);
    assert!(works(&world, &format!("a--b--{token}")).await);
    assert!(!works(&world, &format!("{token}--x")).await);
}

// security.md 72, B16
#[tokio::test]
async fn nothing_but_the_whole_string_opens() {
    let (world, admin) = administered().await;
    let (_, one) = granted(&world, &admin, json!({"kind": "personal", "name": "one"})).await;
    let (_, other) = granted(&world, &admin, json!({"kind": "personal", "name": "other"})).await;
    assert!(works(&world, &one).await && works(&world, &other).await);
    let guard = guard(&world, None).await;
    // The id of one and the secret of the other, with a checksum that fits.
    let crossed = crossed(&one, &other);
    let of_another_kind = of_another_kind(&one);
    for wrong in [
        crossed.as_str(),
        of_another_kind.as_str(),
        &one[..one.len() - 1],
        &one.to_uppercase(),
        &one.replace("csn_pat_", "csn_rt_"),
        "csn_pat_",
        "csn_pat_0",
        "nothing-that-anybody-ever-imported",
    ] {
        assert!(!works(&world, wrong).await, "{wrong}");
        assert_eq!(world.introspect(&guard, wrong).await.body, INACTIVE);
    }
}

#[tokio::test]
async fn a_string_of_another_platform_is_believed_once_it_was_imported() {
    let (world, admin) = administered().await;
    let foreign = "3f8e0f8a9f2d4d6c8f0a--eyJhbGciOiJub25lIn0.e30.c2ln";
    assert!(!works(&world, foreign).await);
    let asked = json!({"kind": "personal", "name": "old", "token": foreign, "roles": []});
    let answer = world
        .api(Method::POST, "tokens/import", &admin, Some(asked))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    let who = whoami(&world, foreign).await;
    assert_eq!(who.json()["principal"], "admin");
    assert!(!works(&world, "eyJhbGciOiJub25lIn0.e30.c2ln").await);
}

/// The id of `one` with the secret of `other`.
fn crossed(one: &str, other: &str) -> String {
    use countersign_proto::opaque::OpaqueToken;
    let (one, other) = (read(one), read(other));
    OpaqueToken::compose("csn", one.kind(), one.id(), other.secret())
        .expose()
        .to_owned()
}

/// The same id and secret as an app token.
fn of_another_kind(one: &str) -> String {
    use countersign_proto::opaque::{OpaqueKind, OpaqueToken};
    let one = read(one);
    OpaqueToken::compose("csn", OpaqueKind::App, one.id(), one.secret())
        .expose()
        .to_owned()
}

fn read(token: &str) -> countersign_proto::opaque::OpaqueToken {
    countersign_proto::opaque::OpaqueToken::parse(token, "csn").unwrap()
}
