//! Does the token endpoint give tokens to whom it should?

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use countersign_proto::exchange::JWT_BEARER_ASSERTION_TYPE;
use serde_json::json;

use super::world::{ISSUER, Identity, TOKEN, World, claims_of, client_credentials, form_request};

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

// checklist T1, T7, T10
#[tokio::test]
async fn a_platform_component_gets_a_token_of_kind_2() {
    let world = World::new().await;
    let component = world.component().await;
    let answer = world
        .exchange_platform(&world.platform_assertion(&component), "")
        .await;
    let claims = claims_of(&answer.token());
    let body = answer.json();
    assert_eq!(body["kind"], 2);
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["principal"], "platform");
    assert_eq!(body.get("refresh_token"), None);
    assert_eq!(claims["type"], 2);
    assert_eq!(claims["principal"], "platform");
    assert_eq!(claims["client_id"], "countersign:platform");
    assert_eq!(claims["roles"], json!(["Platform"]));
}

// security.md 57
#[tokio::test]
async fn the_token_endpoint_takes_post_and_a_body_only() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let form = client_credentials(&world.assertion("orders", &identity), "");
    let get = Request::get(TOKEN).body(Body::empty()).unwrap();
    let answer = world.send(get).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    answer.refused("invalid_request", "");

    world
        .post(&format!("{TOKEN}?{form}"), "")
        .await
        .refused("invalid_request", "");
    world
        .post(&format!("{TOKEN}?scope=x"), &form)
        .await
        .refused("invalid_request", "");

    let mut json = form_request(TOKEN, &form);
    json.headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    let answer = world.send(json).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let mut charset = form_request(TOKEN, &form);
    let value = "application/x-www-form-urlencoded;charset=UTF-8"
        .parse()
        .unwrap();
    charset.headers_mut().insert("content-type", value);
    world.send(charset).await.token();
}

// security.md 57
#[tokio::test]
async fn unknown_parameters_are_ignored_and_empty_ones_are_absent() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    let more = "&principal=&scope=&client_id=&resource=x&nonsense=%20";
    world.exchange(&assertion, more).await.token();
}

// security.md 38
#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for more in [
        "&grant_type=client_credentials",
        "&client_assertion=x",
        "&scope=orders&scope=orders",
        "&principal=anna&principal=bert",
    ] {
        let assertion = world.assertion("orders", &identity);
        world
            .exchange(&assertion, more)
            .await
            .refused("invalid_request", "");
    }
}

// security.md 39
#[tokio::test]
async fn two_methods_of_client_authentication_are_refused() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let form = client_credentials(&world.assertion("orders", &identity), "");
    let mut basic = form_request(TOKEN, &form);
    basic
        .headers_mut()
        .insert("authorization", "Basic b3JkZXJzOng=".parse().unwrap());
    world.send(basic).await.refused("invalid_request", "");
    let secret = format!("{form}&client_secret=x");
    world
        .post(TOKEN, &secret)
        .await
        .refused("invalid_request", "");
}

// security.md 58
#[tokio::test]
async fn grants_that_do_not_exist_are_unsupported() {
    let world = World::new().await;
    for grant in ["password", "implicit", "authorization_code", "none"] {
        let form = format!("grant_type={grant}&username=anna&password=x");
        world
            .post(TOKEN, &form)
            .await
            .refused("unsupported_grant_type", "");
    }
    world
        .post(TOKEN, "scope=orders")
        .await
        .refused("invalid_request", "");
}

// security.md 69, B14; checklist T4
#[tokio::test]
async fn tokens_of_kinds_1_and_2_are_not_refreshed() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let component = world.component().await;
    let one = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    let two = world
        .exchange_platform(&world.platform_assertion(&component), "")
        .await
        .token();
    for token in [one, two] {
        let form = format!("grant_type=refresh_token&refresh_token={token}&client_id=orders");
        world
            .post(TOKEN, &form)
            .await
            .refused("invalid_grant", "not_refreshable");
    }
}

// security.md 40
#[tokio::test]
async fn client_credentials_beside_a_platform_grant_are_checked() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let stranger = Identity::fresh("stranger");
    let component = world.component().await;
    let beside = |assertion: String| {
        format!("&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}&client_assertion={assertion}")
    };
    let good = beside(world.assertion("orders", &identity));
    world
        .exchange_platform(&world.platform_assertion(&component), &good)
        .await
        .token();
    let bad = beside(world.assertion("orders", &stranger));
    world
        .exchange_platform(&world.platform_assertion(&component), &bad)
        .await
        .refused("invalid_client", "");
}

// security.md 40
#[tokio::test]
async fn a_bad_grant_assertion_is_an_invalid_grant() {
    let world = World::new().await;
    world.component().await;
    let stranger = Identity::fresh("stranger");
    let answer = world
        .exchange_platform(&world.platform_assertion(&stranger), "")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    answer.refused("invalid_grant", "");
}

#[tokio::test]
async fn an_issuance_and_an_authenticated_refusal_are_audited_and_an_anonymous_one_is_not() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    let token = world.exchange(&assertion, "").await.token();
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
    world
        .exchange(&world.assertion("orders", &Identity::fresh("x")), "")
        .await;
    assert_eq!(
        world.audited().await,
        [
            (
                "token.refuse".to_owned(),
                Some("assertion_replayed".to_owned())
            ),
            ("token.issue".to_owned(), None),
        ]
    );
    let page = world.store.audit(None, 500).await.unwrap();
    let issue = page
        .items
        .iter()
        .find(|entry| entry.action == "token.issue")
        .unwrap();
    assert_eq!(issue.token_id.as_deref(), claims_of(&token)["jti"].as_str());
    assert_eq!(issue.certificate, Some(identity.id()));
    assert_eq!(issue.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(
        (issue.actor.as_str(), issue.subject.as_str()),
        ("orders", "anna")
    );
}
