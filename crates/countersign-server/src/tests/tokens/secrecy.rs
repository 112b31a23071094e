//! Does the string of a token stand anywhere but in the answer that gives it?

use axum::http::Method;
use countersign_proto::opaque::{OpaqueKind, OpaqueToken, TokenId};
use serde_json::json;

use super::scene::{administered, given, granted, personal, post};
use crate::tests::world::World;

/// Everything that is told or written down of tokens, as text.
async fn everything(world: &World, bearer: &str, ids: &[&str]) -> String {
    let mut text = String::new();
    let lists = ["tokens".to_owned(), "audit".to_owned()];
    let paths = ids.iter().map(|id| format!("tokens/{id}")).chain(lists);
    for path in paths {
        let answer = world.api(Method::GET, &path, bearer, None).await;
        text.push_str(&String::from_utf8(answer.body).unwrap());
    }
    for id in ids {
        text.push_str(&format!("{:?}", world.store.token(id).await.unwrap()));
    }
    text
}

// security.md 112
#[tokio::test]
async fn the_string_of_a_token_stands_nowhere_but_in_the_answer_that_gives_it() {
    const IMPORTED: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
    let (world, admin) = administered().await;
    let (old, first) = granted(&world, &admin, personal("x")).await;
    let rotated = post(&world, &admin, &format!("tokens/{old}/rotate"), json!({})).await;
    let (new, second) = given(&rotated);
    let terms = json!({"kind": "personal", "name": "y", "token": IMPORTED});
    let imported = post(&world, &admin, "tokens/import", terms).await;
    let id = imported.member("id");
    let mut told = everything(&world, &admin, &[&old, &new, &id]).await;
    let path = format!("tokens/{new}/revoke");
    let revoked = post(&world, &admin, &path, json!({"reason": "x"})).await;
    for answer in [imported, revoked] {
        told.push_str(&String::from_utf8(answer.body).unwrap());
    }
    assert!(told.contains(&old) && told.contains("granted_token.import"));
    for text in [&first, &second, IMPORTED] {
        assert!(!told.contains(text));
        // Nor the secret of it, without the prefix and the id.
        let secret = text.get(30..).unwrap_or(&text[20..]);
        assert!(!told.contains(secret));
    }
}

#[test]
fn the_expression_for_scanners_in_the_document_is_that_of_every_string() {
    let kinds = OpaqueKind::ALL.map(|kind| {
        let token = OpaqueToken::compose("csn", kind, &TokenId::from_bytes([9; 16]), &[7; 32]);
        let text = token.expose();
        let head = format!("csn_{}_", kind.name());
        let body = text.strip_prefix(&head).unwrap();
        assert_eq!(body.len(), 71);
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        kind.name()
    });
    let expression = format!("`csn_({})_[0-9A-Za-z]{{71}}`", kinds.join("|"));
    let document = include_str!("../../../../../docs/tokens.md");
    assert!(document.contains(&expression), "{expression}");
}
