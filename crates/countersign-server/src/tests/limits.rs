//! What happens to whoever asks too much?

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::ConnectInfo,
    http::{Method, Request, StatusCode},
};

use super::world::{Identity, TOKEN, World, client_credentials, form_request};
use crate::networks::Networks;

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

// security.md 104, 109
#[tokio::test]
async fn behind_a_trusted_proxy_a_source_is_whom_the_proxy_names() {
    let world = World::with(|settings| {
        settings.behind_proxy = true;
        settings.trusted_proxies.networks = Networks::parse(["192.0.2.0/24"]).unwrap();
        settings.limits.per_source_per_minute = 1;
    })
    .await;
    let ask = |peer: &'static str, forwarded: &'static str| {
        let mut request = form_request(TOKEN, "grant_type=x");
        let value = forwarded.parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", value);
        world.send(from(peer, request))
    };
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    assert_ne!(ask("192.0.2.1", "198.51.100.1").await.status, too_many);
    assert_ne!(ask("192.0.2.1", "198.51.100.2").await.status, too_many);
    // By the other proxy, and with an address that the client made up.
    let again = ask("192.0.2.2", "203.0.113.5, 198.51.100.2").await;
    assert_eq!(again.status, too_many);
    // Who is no proxy names nobody.
    assert_ne!(ask("198.51.100.9", "203.0.113.6").await.status, too_many);
    assert_eq!(ask("198.51.100.9", "203.0.113.7").await.status, too_many);
}

// security.md 109
#[tokio::test]
async fn the_address_on_record_is_the_one_that_a_trusted_proxy_names() {
    let world = World::with(|settings| {
        settings.trusted_proxies.networks = Networks::parse(["192.0.2.1"]).unwrap();
    })
    .await;
    let identity = world.application("orders", &["anna"]).await;
    for (peer, recorded) in [("192.0.2.1", "198.51.100.1"), ("192.0.2.2", "192.0.2.2")] {
        let form = client_credentials(&world.assertion("orders", &identity), "");
        let mut request = form_request(TOKEN, &form);
        let value = "198.51.100.1".parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", value);
        world.send(from(peer, request)).await.token();
        let page = world.store.audit(None, 1).await.unwrap();
        assert_eq!(page.items[0].address.as_deref(), Some(recorded));
    }
}

#[tokio::test]
async fn a_client_that_asks_too_often_waits_at_every_endpoint_wherever_it_asks_from() {
    let world = World::with(|settings| settings.limits.per_client_per_minute = 3).await;
    let orders = world.application("orders", &["anna"]).await;
    let billing = world.application("billing", &["bert"]).await;
    let by = |identity: &Identity, client_id: &str, path: &str, more: &str| {
        let form = client_credentials(&world.assertion(client_id, identity), more);
        form_request(path, &form)
    };
    for n in 1..=3 {
        let request = by(&orders, "orders", TOKEN, "");
        let answer = world.send(from(&format!("192.0.2.{n}"), request)).await;
        answer.token();
    }
    for path in [TOKEN, "/oauth2/introspect", "/oauth2/revoke"] {
        let request = by(&orders, "orders", path, "&token=x");
        let answer = world.send(from("192.0.2.99", request)).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answer.member("error"), "slow_down");
        assert!(answer.headers.contains_key("retry-after"));
    }
    // Who only says that he is orders stops nobody, and another client goes on.
    let stranger = Identity::fresh("stranger");
    for _ in 0..10 {
        let request = by(&stranger, "billing", TOKEN, "");
        let answer = world.send(from("192.0.2.99", request)).await;
        answer.refused("invalid_client", "");
    }
    let request = by(&billing, "billing", TOKEN, "");
    world.send(from("192.0.2.1", request)).await.token();
    // Nothing is written down about whoever is only told to wait.
    let refusals = world.audited().await.into_iter();
    assert_eq!(refusals.filter(|(it, _)| it == "token.refuse").count(), 0);
}

#[tokio::test]
async fn the_api_limits_sources_and_clients_by_problems() {
    // The exchange for the token counts too.
    let world = World::with(|settings| settings.limits.per_client_per_minute = 4).await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    for _ in 0..3 {
        let answer = world.api(Method::GET, "whoami", &admin, None).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let answer = world.api(Method::GET, "whoami", &admin, None).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        answer.member("type"),
        "urn:countersign:problem:too-many-requests"
    );
    assert!(answer.headers.contains_key("retry-after"));

    let world = World::with(|settings| settings.limits.api_per_source_per_minute = 2).await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    for status in [200, 200, 429] {
        let answer = world.api(Method::GET, "whoami", &admin, None).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_gateway_in_an_exempt_network_introspects_as_often_as_it_likes() {
    let world = World::with(|settings| {
        settings.limits.per_source_per_minute = 4;
        settings.limits.per_client_per_minute = 4;
        settings.exempt = Networks::parse(["198.51.100.0/24"]).unwrap();
    })
    .await;
    let gateway = world.application("gateway", &["anna"]).await;
    let ask = |address: &'static str| {
        let assertion = world.assertion("gateway", &gateway);
        let form = client_credentials(&assertion, "&token=x");
        world.send(from(address, form_request("/oauth2/introspect", &form)))
    };
    for _ in 0..20 {
        assert_eq!(ask("198.51.100.7").await.status, StatusCode::OK);
    }
    for _ in 0..4 {
        assert_eq!(ask("192.0.2.7").await.status, StatusCode::OK);
    }
    assert_eq!(ask("192.0.2.7").await.status, StatusCode::TOO_MANY_REQUESTS);
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
