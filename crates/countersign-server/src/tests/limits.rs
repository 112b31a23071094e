//! What happens to whoever asks too much?

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::ConnectInfo,
    http::{Method, Request, StatusCode},
};

use super::world::{Identity, TOKEN, World, client_credentials, form_request};

fn from(address: &str, mut request: Request<axum::body::Body>) -> Request<axum::body::Body> {
    let address: SocketAddr = format!("{address}:4000").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    request
}

// security.md 109
#[tokio::test]
async fn a_source_is_the_socket_and_not_what_a_header_says() {
    let world = World::with(|settings| settings.limits.per_source_per_minute = 2).await;
    let ask = |address: &'static str, forwarded: &'static str| {
        let mut request = form_request(TOKEN, "grant_type=x");
        for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            request
                .headers_mut()
                .insert(name, forwarded.parse().unwrap());
        }
        world.send(from(address, request))
    };
    assert_eq!(
        ask("192.0.2.1", "198.51.100.1").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        ask("192.0.2.1", "198.51.100.2").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        ask("192.0.2.1", "198.51.100.3").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        ask("192.0.2.2", "198.51.100.3").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn failures_are_limited_more_strictly_than_requests() {
    let world = World::with(|settings| settings.limits.failures_per_source_per_minute = 2).await;
    let identity = world.application("orders", &["anna"]).await;
    let stranger = Identity::fresh("stranger");
    for _ in 0..3 {
        world
            .exchange(&world.assertion("orders", &stranger), "")
            .await
            .refused("invalid_client", "");
    }
    let answer = world
        .exchange(&world.assertion("orders", &identity), "")
        .await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.member("error"), "slow_down");
    assert!(answer.headers.contains_key("retry-after"));
    let form = client_credentials(&world.assertion("orders", &identity), "");
    world
        .send(from("192.0.2.99", form_request(TOKEN, &form)))
        .await
        .token();
}

// security.md 110
#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let world = World::new().await;
    let answer = world
        .post(TOKEN, &format!("grant_type={}", "x".repeat(64 * 1024)))
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let admin = world.bearer("admin", &["Administrator"]).await;
    let body = serde_json::json!({"client_id": "x", "name": "x".repeat(64 * 1024)});
    let answer = world
        .api(Method::POST, "applications", &admin, Some(body))
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

// security.md 110
#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let world = World::with(|settings| settings.limits.body = Duration::from_millis(1)).await;
    let never = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
    let request = Request::post(TOKEN)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from_stream(never))
        .unwrap();
    assert_eq!(
        world.send(request).await.status,
        StatusCode::REQUEST_TIMEOUT
    );
}
