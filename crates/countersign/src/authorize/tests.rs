//! Does a token go where it belongs, and nowhere else?

use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower_layer::Layer;
use tower_service::Service;

use super::{adapter::learn, *};
use crate::{
    Dpop, GrantedCredential,
    scripted::{Answer, Scripted, TestClock, builder, client, ok},
};

fn request(url: &str) -> http::Request<()> {
    http::Request::get(url).body(()).unwrap()
}

fn bound_server() -> Arc<Scripted> {
    Scripted::new(|number, _| {
        Answer::Is(ok(
            &json!({ "access_token": format!("bound-{number}"), "token_type": "DPoP", "expires_in": 900 }),
        ))
    })
}

fn bound_client(server: &Arc<Scripted>) -> Client {
    builder(server, &TestClock::new())
        .dpop(Dpop::Required)
        .build()
        .unwrap()
}

// security.md 82
#[tokio::test(start_paused = true)]
async fn the_token_goes_into_the_one_authorization_header() {
    let client = client(&Scripted::generous());
    let mut request = request("https://api.example/stock?page=2");
    for value in ["Basic b2xk", "Bearer old"] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(header::AUTHORIZATION, value);
    }
    authorize(&client, &mut request).await.unwrap();
    let values: Vec<_> = request
        .headers()
        .get_all(header::AUTHORIZATION)
        .iter()
        .collect();
    assert_eq!(values, ["Bearer token-1"]);
    assert!(values[0].is_sensitive());
    assert_eq!(
        request.uri().to_string(),
        "https://api.example/stock?page=2"
    );
    assert!(!request.headers().contains_key(PROOF));
}

// security.md 82 and 85
#[tokio::test(start_paused = true)]
async fn an_address_that_may_not_have_a_token_gets_none() {
    let server = Scripted::generous();
    let client = client(&server);
    for url in [
        "http://api.example/",
        "http://192.168.0.1/",
        "/stock",
        "https://api.example/?access_token=x",
    ] {
        let mut request = request(url);
        let error = authorize(&client, &mut request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{url}");
        assert!(request.headers().is_empty(), "{url}");
    }
    assert_eq!(server.count(), 0);
    authorize(&client, &mut request("http://127.0.0.1:8085/"))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bound_token_leaves_with_a_proof_of_this_request() {
    let client = bound_client(&bound_server());
    let mut request = http::Request::post("https://api.example/stock?page=2#top")
        .body(())
        .unwrap();
    authorize(&client, &mut request).await.unwrap();
    assert_eq!(request.headers()[header::AUTHORIZATION], "DPoP bound-1");
    let proof = request.headers()[PROOF].to_str().unwrap();
    let proof = countersign_proto::token::inspect(proof).unwrap();
    assert_eq!(proof.claims["htm"], "POST");
    assert_eq!(proof.claims["htu"], "https://api.example/stock");
    // printf bound-1 | openssl dgst -sha256 -binary | basenc --base64url
    assert_eq!(
        proof.claims["ath"],
        "EpOx4yzc41i0tCmTizlMU9v-YNcwJcJ0Vf91WdP_B_M"
    );
    assert_eq!(proof.claims.get("nonce"), None);
}

/// An API on loopback that answers in order, and what it heard.
struct Api {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Api {
    async fn saying(answers: Vec<String>) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 8192];
                let length = socket.read(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes[..length]).to_lowercase();
                log.lock().unwrap().push(text);
                let head = format!("{answer}connection: close\r\ncontent-length: 0\r\n\r\n");
                socket.write_all(head.as_bytes()).await.unwrap();
            }
        });
        Api { url, heard }
    }

    fn heard(&self, number: usize) -> String {
        self.heard.lock().unwrap()[number].clone()
    }
}

fn browser(holder: impl Into<TokenHolder>, api: &str) -> reqwest_middleware::ClientWithMiddleware {
    let follows_redirects = reqwest::Client::builder().no_proxy().build().unwrap();
    reqwest_middleware::ClientBuilder::new(follows_redirects)
        .with(AuthorizeMiddleware::new(holder, api).unwrap())
        .build()
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

// security.md 85
#[tokio::test]
async fn a_redirect_to_another_origin_carries_no_token() {
    let elsewhere = Api::saying(vec![OK.to_owned()]).await;
    let redirect = format!("HTTP/1.1 307 Moved\r\nlocation: {}\r\n", elsewhere.url);
    let api = Api::saying(vec![redirect]).await;
    let browser = browser(client(&Scripted::generous()), &api.url);
    browser.get(&api.url).send().await.unwrap();
    assert!(api.heard(0).contains("authorization: bearer token-1"));
    assert!(!elsewhere.heard(0).contains("authorization"));
    assert!(!elsewhere.heard(0).contains("token-1"));
}

#[tokio::test]
async fn a_request_to_another_origin_passes_without_a_token() {
    let elsewhere = Api::saying(vec![OK.to_owned()]).await;
    let server = Scripted::generous();
    let browser = browser(client(&server), "https://api.example");
    browser.get(&elsewhere.url).send().await.unwrap();
    assert!(!elsewhere.heard(0).contains("authorization"));
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_api_that_wants_a_nonce_gets_the_request_once_more_with_it() {
    let wants = |nonce: &str| {
        format!(
            "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: DPoP error=\"use_dpop_nonce\"\r\ndpop-nonce: {nonce}\r\n"
        )
    };
    let api = Api::saying(vec![wants("n-1"), OK.to_owned(), OK.to_owned()]).await;
    let browser = browser(bound_client(&bound_server()), &api.url);
    let answer = browser.get(&api.url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    browser.get(&api.url).send().await.unwrap();
    assert_eq!(api.heard.lock().unwrap().len(), 3);

    let insists = Api::saying(vec![wants("n-1"), wants("n-2"), OK.to_owned()]).await;
    let browser = self::browser(bound_client(&bound_server()), &insists.url);
    let answer = browser.get(&insists.url).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(insists.heard.lock().unwrap().len(), 2);
}

/// A service that answers 200 and writes down what it was asked.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<HeaderMap>>>);

impl Service<http::Request<()>> for Recorder {
    type Response = http::Response<()>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<http::Response<()>, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<()>) -> Self::Future {
        self.0.lock().unwrap().push(request.headers().clone());
        std::future::ready(Ok(http::Response::new(())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_tower_service_gets_tokens_for_one_origin() {
    let recorder = Recorder::default();
    let layer = AuthorizeLayer::new(client(&Scripted::generous()), "https://api.example").unwrap();
    let mut service = layer.layer(recorder.clone());
    for url in [
        "https://api.example/stock",
        "https://api.example:8443/stock",
        "https://elsewhere.example/stock",
    ] {
        service.call(request(url)).await.unwrap();
    }
    service.call(request("/stock")).await.unwrap_err();
    let heard = recorder.0.lock().unwrap();
    assert_eq!(heard.len(), 3);
    assert_eq!(heard[0][header::AUTHORIZATION], "Bearer token-1");
    assert!(heard[1].is_empty() && heard[2].is_empty());
    assert!(AuthorizeLayer::new(client(&Scripted::generous()), "http://api.example").is_err());
}

#[tokio::test]
async fn a_granted_token_goes_to_one_origin_by_every_adapter() {
    let granted = || GrantedCredential::fixed("granted-1").unwrap();
    let elsewhere = Api::saying(vec![OK.to_owned()]).await;
    let api = Api::saying(vec![OK.to_owned()]).await;
    let browser = browser(granted(), &api.url);
    for url in [&api.url, &elsewhere.url] {
        browser.get(url).send().await.unwrap();
    }
    assert!(api.heard(0).contains("authorization: bearer granted-1"));
    assert!(!elsewhere.heard(0).contains("granted-1"));

    let recorder = Recorder::default();
    let layer = AuthorizeLayer::new(granted(), "https://api.example").unwrap();
    let mut service = layer.layer(recorder.clone());
    for url in ["https://api.example/stock", "https://elsewhere.example"] {
        service.call(request(url)).await.unwrap();
    }
    let heard = recorder.0.lock().unwrap();
    assert_eq!(heard[0][header::AUTHORIZATION], "Bearer granted-1");
    assert!(heard[1].is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_an_api_refuses_is_got_anew_but_not_at_every_answer() {
    let server = Scripted::generous();
    let client = client(&server);
    let url = Url::parse("https://api.example/").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer error=\"invalid_token\""),
    );
    for _ in 0..10 {
        let token = client.token().await.unwrap();
        learn(&client, &token, &url, StatusCode::UNAUTHORIZED, &headers);
    }
    assert_eq!(server.count(), 1);
    tokio::time::sleep(Duration::from_secs(11)).await;
    let token = client.token().await.unwrap();
    learn(&client, &token, &url, StatusCode::UNAUTHORIZED, &headers);
    client.token().await.unwrap();
    assert_eq!(server.count(), 2);
}
