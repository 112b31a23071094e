//! What does a server cost that does nothing?

use std::net::SocketAddr;

use axum::{Router, body::Bytes, http::header, routing::post};

/// A route of axum that reads a body and answers what it was given: where it listens.
pub(crate) async fn bare(answer: Vec<u8>) -> SocketAddr {
    let answer = Bytes::from(answer);
    let route = post(move |body: Bytes| {
        let answer = answer.clone();
        async move {
            assert!(!body.is_empty());
            ([(header::CONTENT_TYPE, "application/json")], answer)
        }
    });
    let router: Router = Router::new().route("/oauth2/introspect", route);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
