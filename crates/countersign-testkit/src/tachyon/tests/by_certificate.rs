//! Does a certificate sign in, and is its token kept, renewed and given back?

use std::{sync::Arc, time::Duration};

use countersign::{
    Error, ErrorKind, SystemClock,
    proto::token::TokenKind,
    tachyon::{Generation, TachyonClient, TachyonClientBuilder, TachyonSite},
};

use super::{Instead, Step, TachyonServer};
use crate::{ManualClock, fixtures};

const APP: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
const BOTH: [Generation; 2] = [Generation::WebSocket, Generation::Poll];

async fn server(generation: Generation, clock: &ManualClock) -> TachyonServer {
    let clock = Arc::new(clock.clone());
    let server = TachyonServer::listening(generation, "127.0.0.1:0", clock)
        .await
        .unwrap();
    server.register(APP, &fixtures::service_rsa());
    server
}

fn builder(server: &TachyonServer, clock: &ManualClock) -> TachyonClientBuilder {
    TachyonClient::builder(server.url(), APP, fixtures::service_rsa())
        .consumer("Explorer")
        .clock(Arc::new(clock.clone()))
}

fn exchanges(server: &TachyonServer) -> usize {
    let asked = server.asked();
    asked
        .iter()
        .filter(|line| line.ends_with("RequestJwtAuthentication"))
        .count()
}

async fn failure(step: Step, instead: Instead) -> Error {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    server.register(APP, &fixtures::service_rsa());
    server.set(|knobs| {
        knobs.instead.insert(step, instead);
    });
    let client = TachyonClient::builder(server.url(), APP, fixtures::service_rsa())
        .deadline(Duration::from_secs(2))
        .build()
        .unwrap();
    client.token().await.unwrap_err()
}

#[tokio::test]
async fn a_certificate_signs_in_to_both_generations_and_its_token_is_kept() {
    for generation in BOTH {
        let clock = ManualClock::default();
        let server = server(generation, &clock).await;
        let client = builder(&server, &clock).build().unwrap();
        let token = client.token().await.unwrap();
        assert!(server.is_live(token.access_token()));
        let object = token.object();
        assert_eq!(object.kind, TokenKind::NonInteractive);
        assert_eq!(object.issue_app_id, APP);
        assert_eq!(
            object.issue_cert_subject,
            "CN=service-rsa,O=Countersign Test Kit"
        );
        assert_eq!(
            object.expires_at,
            clock.now().plus(Duration::from_secs(3600))
        );
        assert_eq!(
            client.token().await.unwrap().access_token(),
            token.access_token()
        );
        assert_eq!(exchanges(&server), 1);
    }
}

#[tokio::test]
async fn a_token_is_renewed_by_a_fresh_assertion_ahead_of_its_end_and_by_one_of_many_callers() {
    let clock = ManualClock::default();
    let server = server(Generation::Poll, &clock).await;
    let client = builder(&server, &clock).build().unwrap();
    let first = client.token().await.unwrap();
    clock.advance(Duration::from_secs(2000));
    client.token().await.unwrap();
    assert_eq!(exchanges(&server), 1, "it is young");
    clock.advance(Duration::from_secs(1500));
    let callers = futures_util::future::join_all((0..20).map(|_| client.token())).await;
    assert!(callers.iter().all(Result::is_ok));
    assert_eq!(exchanges(&server), 2);
    let second = client.token().await.unwrap();
    assert_ne!(second.access_token(), first.access_token());
    let third = client.renew().await.unwrap();
    assert_ne!(third.access_token(), second.access_token());
    assert_eq!(exchanges(&server), 3);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_stays_in_use_while_it_lives() {
    let clock = ManualClock::default();
    let server = server(Generation::Poll, &clock).await;
    let client = builder(&server, &clock).build().unwrap();
    let first = client.token().await.unwrap();
    server.set(|knobs| {
        knobs.instead.insert(Step::Exchange, Instead::Status(400));
    });
    clock.advance(Duration::from_secs(3500));
    assert_eq!(
        client.token().await.unwrap().access_token(),
        first.access_token()
    );
    clock.advance(Duration::from_secs(200));
    assert_eq!(
        client.token().await.unwrap_err().kind(),
        ErrorKind::IdentityRejected
    );
}

#[tokio::test]
async fn a_request_is_sent_again_with_a_new_token_when_the_old_one_is_not_taken_any_more() {
    let clock = ManualClock::default();
    let server = server(Generation::Poll, &clock).await;
    server.set(|knobs| knobs.lifetime = None);
    let client = builder(&server, &clock).build().unwrap();
    let request = || {
        http::Request::get(format!("{}/consumer/whoami", server.url()))
            .body(Vec::new())
            .unwrap()
    };
    let answer = client.send(request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let said = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(said.contains("Explorer"), "{said}");

    server.end_all_tokens();
    let young = client.send(request()).await.unwrap();
    assert_eq!(
        young.status(),
        401,
        "one that was refused at once is not got anew"
    );
    clock.advance(Duration::from_secs(11));
    assert_eq!(client.send(request()).await.unwrap().status(), 200);
    assert_eq!(exchanges(&server), 2);
}

#[tokio::test]
async fn a_token_goes_into_the_two_headers_and_to_its_own_server_only() {
    let clock = ManualClock::default();
    let server = server(Generation::Poll, &clock).await;
    let client = builder(&server, &clock).build().unwrap();
    let to = |address: &str| {
        let mut request = http::Request::new(());
        *request.uri_mut() = address.parse().unwrap();
        request
            .headers_mut()
            .insert("authorization", http::HeaderValue::from_static("Basic x"));
        request
    };
    let mut request = to(&format!("{}/consumer/x", server.url()));
    let token = client.authorize(&mut request).await.unwrap();
    let headers = request.headers();
    assert_eq!(headers["authorization"], "Basic x", "it is somebody else's");
    assert_eq!(
        headers["x-tachyon-authenticate"],
        token.access_token().expose()
    );
    assert_eq!(headers["x-tachyon-consumer"], "Explorer");
    for elsewhere in [
        "https://tachyon.example/",
        "http://tachyon.example/",
        "http://127.0.0.1:1/",
        "/x",
    ] {
        let mut request = to(elsewhere);
        let error = client.authorize(&mut request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{elsewhere}");
        assert_eq!(request.headers().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_names_another_provider_than_the_pinned_one_gets_no_assertion() {
    let clock = ManualClock::default();
    let server = server(Generation::Poll, &clock).await;
    let other = "https://login.example/token";
    let client = builder(&server, &clock)
        .token_endpoint(other)
        .build()
        .unwrap();
    let error = client.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Policy, "{error}");
    assert!(error.to_string().contains(other), "{error}");
    assert_eq!(exchanges(&server), 0);
    let client = builder(&server, &clock)
        .token_endpoint(&server.token_endpoint())
        .build()
        .unwrap();
    client.token().await.unwrap();
}

#[tokio::test]
async fn each_failure_of_a_certificate_says_why_and_shows_no_assertion() {
    let body = |text: &str| Instead::Body(text.as_bytes().to_vec());
    let echo = format!("{{\"Message\":\"no: {}\"}}", "eyJhbGciOi".repeat(20));
    for (step, instead, said, kind) in [
        (
            Step::MetadataEndpoint,
            Instead::Status(404),
            "status 404",
            ErrorKind::Server,
        ),
        (
            Step::MetadataEndpoint,
            body("https://u:p@h/"),
            "user name",
            ErrorKind::Server,
        ),
        (
            Step::MetadataEndpoint,
            body("http://login.example/"),
            "neither https nor http",
            ErrorKind::Server,
        ),
        (
            Step::Configuration,
            Instead::Status(404),
            "status 404",
            ErrorKind::Server,
        ),
        (
            Step::Configuration,
            body("{}"),
            "token_endpoint is missing",
            ErrorKind::Server,
        ),
        (
            Step::Configuration,
            body("[]"),
            "not an object",
            ErrorKind::Server,
        ),
        (
            Step::Configuration,
            body("{\"token_endpoint\":\"ftp://h/\"}"),
            "neither https nor http",
            ErrorKind::Server,
        ),
        (
            Step::Exchange,
            Instead::Status(401),
            "status 401): as the test wants it",
            ErrorKind::IdentityRejected,
        ),
        (
            Step::Exchange,
            Instead::Status(302),
            "redirect",
            ErrorKind::Server,
        ),
        (Step::Exchange, body(""), "is no token", ErrorKind::Server),
        (
            Step::Exchange,
            body(&echo),
            "is no token",
            ErrorKind::Server,
        ),
        (
            Step::Exchange,
            body("<html></html>"),
            "is no token",
            ErrorKind::Server,
        ),
    ] {
        let error = failure(step, instead.clone()).await;
        assert!(
            error.to_string().contains(said),
            "{step:?} {instead:?}: {error}"
        );
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains("eyJ"), "{error}");
    }
    let error = failure(Step::Exchange, Instead::Status(503)).await;
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn only_the_application_and_the_certificate_that_are_registered_sign_in() {
    let clock = ManualClock::default();
    let server = server(Generation::WebSocket, &clock).await;
    let other = TachyonClient::builder(server.url(), "other", fixtures::service_rsa())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let error = other.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityRejected);
    assert!(error.hint().unwrap().contains("AppId"), "{error}");
    let on_a_curve = TachyonClient::builder(server.url(), APP, fixtures::service())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let error = on_a_curve.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(
        error
            .to_string()
            .contains("RS256 only, and the key of CN=service"),
        "{error}"
    );
    assert_eq!(exchanges(&server), 1);
}

#[tokio::test]
async fn a_token_is_given_back_and_one_that_is_over_is_given_back_already() {
    for generation in BOTH {
        let clock = ManualClock::default();
        let server = server(generation, &clock).await;
        let client = builder(&server, &clock).build().unwrap();
        let token = client.token().await.unwrap();
        client.log_out(&token).await.unwrap();
        assert!(!server.is_live(token.access_token()));
        let next = client.token().await.unwrap();
        assert_ne!(
            next.access_token(),
            token.access_token(),
            "it is forgotten here too"
        );
        client.log_out(&token).await.unwrap();
        server.set(|knobs| {
            knobs.instead.insert(Step::LogOut, Instead::Status(500));
        });
        assert!(client.log_out(&next).await.is_err());
    }
}

#[tokio::test]
async fn a_token_that_has_ended_when_it_comes_is_refused_with_a_word_about_clocks() {
    let clock = ManualClock::default();
    let server = server(Generation::Poll, &clock).await;
    server.set(|knobs| knobs.lifetime = Some(Duration::ZERO));
    let error = builder(&server, &clock)
        .build()
        .unwrap()
        .token()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(error.hint().unwrap().contains("clock"));
}

#[tokio::test]
async fn the_dialect_is_all_there_is_only_where_there_is_no_metadata() {
    let is_all = |url: String| async move {
        let transport = Arc::new(countersign::HttpTransport::builder().build().unwrap());
        TachyonSite::new(&url, "Explorer", transport, Arc::new(SystemClock))
            .unwrap()
            .is_all_there_is()
            .await
    };
    for generation in BOTH {
        let server = TachyonServer::start(generation).await.unwrap();
        assert!(is_all(server.url().to_owned()).await.unwrap());
        server.set(|knobs| {
            knobs
                .instead
                .insert(Step::Information, Instead::Status(404));
        });
        assert!(!is_all(server.url().to_owned()).await.unwrap());
    }
    let platform = crate::TestPlatform::on_loopback(ManualClock::starting_now())
        .await
        .unwrap();
    assert!(
        !is_all(platform.issuer().to_owned()).await.unwrap(),
        "the platform has better"
    );
    assert!(is_all("http://127.0.0.1:1".to_owned()).await.is_err());
}

/// A server that has metadata, and answers as one of the dialect too.
struct Both;

impl countersign::Transport for Both {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> std::pin::Pin<
        Box<
            dyn Future<Output = Result<http::Response<bytes::Bytes>, countersign::TransportError>>
                + Send
                + '_,
        >,
    > {
        let body = match request.uri().path().contains("/.well-known/") {
            true => {
                r#"{"issuer":"https://both.example","token_endpoint":"https://both.example/token",
                    "jwks_uri":"https://both.example/jwks"}"#
            }
            false => "{}",
        };
        let mut response = http::Response::new(bytes::Bytes::from(body));
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert("content-type", json);
        Box::pin(async { Ok(response) })
    }
}

#[tokio::test]
async fn a_server_that_has_metadata_has_more_than_the_dialect_though_it_speaks_that_too() {
    let clock = Arc::new(SystemClock);
    let site = TachyonSite::new("https://both.example", "Explorer", Arc::new(Both), clock).unwrap();
    assert_eq!(site.generation().await.unwrap(), Generation::Poll);
    assert!(!site.is_all_there_is().await.unwrap());
}

#[test]
fn settings_that_make_no_client_are_refused_and_named() {
    let build = |change: fn(TachyonClientBuilder) -> TachyonClientBuilder| {
        change(TachyonClient::builder(
            "https://h",
            APP,
            fixtures::service_rsa(),
        ))
        .build()
    };
    assert!(build(|builder| builder).is_ok());
    assert!(build(|builder| builder.consumer("")).is_err());
    assert!(build(|builder| builder.deadline(Duration::ZERO)).is_err());
    assert!(build(|builder| builder.assertion_lifetime(Duration::from_secs(301))).is_err());
    for (server, app) in [
        ("https://h/path", APP),
        ("http://h", APP),
        ("https://h", ""),
        ("https://h", "a\n"),
    ] {
        let built = TachyonClient::builder(server, app, fixtures::service_rsa()).build();
        assert_eq!(
            built.unwrap_err().kind(),
            ErrorKind::Settings,
            "{server} {app:?}"
        );
    }
}
