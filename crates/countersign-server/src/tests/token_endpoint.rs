//! Does the token endpoint give tokens to whom it should?

use serde_json::json;

use super::world::{ISSUER, World, claims_of};

// checklist T1, T4; security.md 56, 59, 60
#[tokio::test]
async fn a_client_gets_a_token_of_kind_1() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let answer = world
        .exchange(&world.assertion("orders", &identity), "")
        .await;
    let token = answer.token();
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["scope"], "introspect orders");
    assert_eq!(body["kind"], 1);
    assert_eq!(body["principal"], "anna");
    assert_eq!(body.get("refresh_token"), None);
    let claims = claims_of(&token);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!(claims["client_id"], "orders");
    assert_eq!(claims["principal"], "anna");
    assert_eq!(claims["type"], 1);
    assert_eq!(
        claims["cert"],
        json!({"x5t#S256": identity.chain.leaf().sha256().to_base64url()})
    );
    let header = countersign_proto::token::inspect(&token).unwrap().header;
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "ES256");
}
