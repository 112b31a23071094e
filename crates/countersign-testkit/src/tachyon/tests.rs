//! Does the test server do what it is told, and does everything of ours live with it?

mod by_browser;
mod by_certificate;
mod conversations;

use countersign_proto::tachyon::Generation;

use super::{Instead, Step, TachyonServer};

/// One HTTP exchange as anybody makes it.
async fn ask(server: &TachyonServer, request: &str, headers: &str, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = server.url().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer[9..12].parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

#[tokio::test]
async fn paths_are_the_same_in_every_case_and_each_generation_has_its_own() {
    for (generation, own, other) in [
        (
            Generation::Poll,
            "/API/Information",
            "/tachyon/api/information",
        ),
        (
            Generation::WebSocket,
            "/Tachyon/API/information",
            "/api/information",
        ),
    ] {
        let server = TachyonServer::start(generation).await.unwrap();
        assert_eq!(ask(&server, &format!("GET {own}"), "", "").await.0, 200);
        assert_eq!(ask(&server, &format!("GET {other}"), "", "").await.0, 404);
        assert_eq!(
            server.asked(),
            [format!("GET {own}"), format!("GET {other}")]
        );
    }
}

const JSON: &str = "Content-Type: application/json\r\n";
const CHECK: &str = "POST /api/Authentication/CheckAuthenticationState";

// The hash by `openssl dgst -sha256`, the nonce by `base64`, of the bytes 0 to 31.
#[tokio::test]
async fn only_whoever_has_the_nonce_gets_the_token_of_a_person_and_gets_it_once() {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    let begin = "GET /api/Authentication/RequestAuthentication";
    assert_eq!(ask(&server, begin, "", "").await.0, 400);
    let ecpn = "Yw3NKWbEM2aRElRIu7JbT_QSpJxzLbLIq8G4WBvXEN0";
    let (_, begun) = ask(&server, &format!("{begin}?ecpn={ecpn}"), "", "").await;
    let begun: serde_json::Value = serde_json::from_str(&begun).unwrap();
    assert_eq!(begun["State"], "state-1");
    let check = |nonce: &str| format!("{{\"state\":\"state-1\",\"nonce\":{nonce}}}");
    let good = check("\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"");
    let waiting = "{\"Status\":\"AuthenticationRequested\"}";
    assert_eq!(
        ask(&server, CHECK, JSON, &check("null")).await,
        (200, waiting.to_owned())
    );
    assert_eq!(
        ask(&server, CHECK, JSON, &good).await.0,
        401,
        "nobody has signed in"
    );

    let page = begun["AuthenticationUrl"].as_str().unwrap();
    let page = page.strip_prefix(server.url()).unwrap();
    assert_eq!(ask(&server, &format!("GET {page}"), "", "").await.0, 200);
    let done = "{\"Status\":\"AuthenticationSuccessful\"}";
    assert_eq!(
        ask(&server, CHECK, JSON, &check("null")).await,
        (200, done.to_owned())
    );
    let other = check("\"AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"");
    assert_eq!(
        ask(&server, CHECK, JSON, &other).await.0,
        401,
        "another nonce"
    );
    let (status, token) = ask(&server, CHECK, JSON, &good).await;
    assert_eq!(status, 200);
    assert_eq!(
        ask(&server, CHECK, JSON, &good).await.0,
        401,
        "it was given already"
    );

    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let headers = format!(
        "X-Tachyon-Authenticate: {}\r\nX-Tachyon-Consumer: Explorer\r\n",
        token["Data"].as_str().unwrap()
    );
    let whoami = "GET /consumer/whoami";
    assert_eq!(ask(&server, whoami, &headers, "").await.0, 200);
    assert_eq!(
        ask(&server, "GET /api/Authentication/Logout", &headers, "")
            .await
            .0,
        200
    );
    assert_eq!(ask(&server, whoami, &headers, "").await.0, 401);
}

#[tokio::test]
async fn a_server_does_wrong_what_it_is_told_to_do_wrong() {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    server.set(|knobs| {
        knobs
            .instead
            .insert(Step::Information, Instead::Status(503));
    });
    assert_eq!(ask(&server, "GET /api/information", "", "").await.0, 503);
    server.set(|knobs| {
        knobs
            .instead
            .insert(Step::Information, Instead::Body(b"{".to_vec()));
    });
    assert_eq!(ask(&server, "GET /api/information", "", "").await.1, "{");
}
