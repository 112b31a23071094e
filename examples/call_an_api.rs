//! How does a service call an API with a token?
//!
//! The part to copy is `main`. A deployment has the rest already: a platform, and an API that asks it about tokens.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use axum::{Router, extract::State, routing::get};
use countersign::{Client, authorize::AuthorizeMiddleware, proto::bearer};
use countersign_testkit::{ManualClock, TestPlatform, fixtures};
use http::{HeaderMap, StatusCode};
use reqwest_middleware::ClientBuilder;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let platform = Arc::new(a_platform().await?);
    let api = an_api(platform.clone()).await?;

    // The service knows its issuer, its id and its certificate. It signs in when the first request leaves,
    // and the token is renewed before it ends: nothing else is to be done.
    let client =
        Client::builder(platform.issuer(), "invoices-service", fixtures::service()).build()?;
    let http = ClientBuilder::new(reqwest::Client::builder().build()?)
        .with(AuthorizeMiddleware::new(client, &api)?)
        .build();

    let answer = http.get(format!("{api}/greeting")).send().await?;
    println!("the api says: {}", answer.error_for_status()?.text().await?);
    Ok(())
}

/// A platform on loopback that knows the service and its certificate.
async fn a_platform() -> anyhow::Result<TestPlatform> {
    let platform = TestPlatform::on_loopback(ManualClock::starting_now()).await?;
    platform.application("invoices-service").register().await?;
    Ok(platform)
}

/// An API on loopback that greets whoever the platform stands by. Answers its address.
async fn an_api(platform: Arc<TestPlatform>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let api = Router::new()
        .route("/greeting", get(greeting))
        .with_state(platform);
    tokio::spawn(async move { axum::serve(listener, api).await });
    Ok(address)
}

async fn greeting(
    State(platform): State<Arc<TestPlatform>>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let presented = bearer::read(&headers).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let claims = platform
        .claims(&presented.token, platform.issuer())
        .await
        .map_err(|_| StatusCode::UNAUTHORIZED)?;
    Ok(format!("hello {}", claims.principal))
}
