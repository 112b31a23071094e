//! Does each message of the dialect mean the same to both ends, and is every other one refused?

mod by_browser;
mod by_certificate;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::{certificate, *};
use crate::{
    assertion::ClientAssertion,
    fixtures::{Identity, JTI, NOW},
    json::JsonError,
    key::{Algorithm, SigningKey as _},
    time::UnixTime,
    token::AccessToken,
};

const SERVER: &str = "https://tachyon.example";
const APP: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
const ENDPOINT: &str = "https://login.example/tenant/oauth2/v2.0/token";

fn at() -> Url {
    server(SERVER).unwrap()
}

fn consumer() -> Consumer {
    Consumer::new("Explorer").unwrap()
}

fn root(generation: Generation) -> Root {
    generation.roots(&at()).remove(0)
}

fn hear(messages: &[&str]) -> Result<Heard, TachyonError> {
    let mut conversation = SocketConversation::new(&at());
    let mut heard = Err(TachyonError::Token);
    for message in messages {
        heard = conversation.hear(message.as_bytes());
    }
    heard
}

const OPEN: &str = r#"{"Status":"AuthenticationRequested","Data":"https://login.example/a"}"#;

fn signed(token: &str) -> String {
    String::from_utf8(successful(token, Shape::Object).to_vec()).unwrap()
}

#[test]
fn both_generations_are_found_by_their_information_in_this_order() {
    let asked: Vec<String> = Generation::PROBED
        .iter()
        .map(|generation| generation.probe(&at()).uri().to_string())
        .collect();
    assert_eq!(
        asked,
        [
            "https://tachyon.example/api/information",
            "https://tachyon.example/tachyon/api/information"
        ]
    );
    let headers = |media_type: &'static str| {
        let value = HeaderValue::from_static(media_type);
        HeaderMap::from_iter([(header::CONTENT_TYPE, value)])
    };
    assert!(is_answered(StatusCode::OK, &headers("application/json")));
    assert!(is_answered(StatusCode::NO_CONTENT, &HeaderMap::new()));
    assert!(!is_answered(
        StatusCode::OK,
        &headers("Text/HTML; charset=utf-8")
    ));
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::FOUND,
        StatusCode::UNAUTHORIZED,
    ] {
        assert!(
            !is_answered(status, &headers("application/json")),
            "{status}"
        );
    }
}

#[test]
fn the_socket_is_opened_beside_the_api_and_encrypted_like_it() {
    assert_eq!(
        root(Generation::WebSocket).socket().as_str(),
        "wss://tachyon.example/tachyon/api/Authentication/RequestAuthentication"
    );
    let here = server("http://127.0.0.1:9000").unwrap();
    assert_eq!(
        Generation::WebSocket.roots(&here)[0].socket().scheme(),
        "ws"
    );
}

#[test]
fn a_server_is_https_or_on_loopback_and_has_no_path() {
    for good in [SERVER, "https://h:8443", "http://localhost:1", "https://h/"] {
        assert!(server(good).is_ok(), "{good}");
    }
    for (bad, why) in [
        ("http://tachyon.example", ServerError::Address),
        ("https://u:p@h", ServerError::Address),
        ("https://h?x", ServerError::Address),
        ("h", ServerError::Address),
        ("https://h/tachyon/api", ServerError::Path),
    ] {
        assert_eq!(server(bad), Err(why), "{bad}");
    }
}

#[test]
fn a_request_carries_the_token_in_the_headers_of_the_dialect_and_in_no_other() {
    let token = AccessToken::visible("a~b|c").unwrap();
    let mut headers = HeaderMap::new();
    headers.append(AUTHENTICATE, HeaderValue::from_static("old"));
    headers.append(AUTHENTICATE, HeaderValue::from_static("older"));
    present(&mut headers, &token, &consumer());
    assert_eq!(headers.len(), 2);
    assert_eq!(headers["X-Tachyon-Authenticate"], "a~b|c");
    assert!(headers[AUTHENTICATE].is_sensitive());
    assert_eq!(headers["X-Tachyon-Consumer"], "Explorer");
    let (read, by) = presented(&headers).unwrap();
    assert_eq!((read.expose(), by.name()), ("a~b|c", "Explorer"));
    assert_eq!(
        presented(&HeaderMap::new()).unwrap_err(),
        PresentedError::Token
    );
    let mut two = headers.clone();
    two.append(AUTHENTICATE, HeaderValue::from_static("another"));
    assert_eq!(presented(&two).unwrap_err(), PresentedError::Token);
    headers.remove(CONSUMER);
    assert_eq!(presented(&headers).unwrap_err(), PresentedError::Consumer);

    let request = logout(&root(Generation::Poll), &token, &consumer());
    assert_eq!(
        request.uri(),
        "https://tachyon.example/api/Authentication/Logout"
    );
    assert_eq!(presented(request.headers()).unwrap().0, token);
}

#[test]
fn a_consumer_is_a_name_that_a_header_can_hold() {
    for good in ["Explorer", "Patch Insights", "a", &"a".repeat(128)] {
        assert_eq!(Consumer::new(good).unwrap().name(), good);
    }
    for bad in [
        "",
        " ",
        "a ",
        " a",
        "a  b",
        "a\r\nX: y",
        "é",
        &"a".repeat(129),
    ] {
        assert_eq!(Consumer::new(bad), Err(ConsumerError), "{bad:?}");
    }
}

#[test]
fn a_token_says_when_it_ends_where_it_says_anything() {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let look = |text: &str| look_into(&AccessToken::visible(text).unwrap());
    let jwt = format!(
        "{}.{}.AA",
        part(&json!({"alg": "RS256"})),
        part(&json!({"exp": 1_800_000_000_u64, "unique_name": "vader"}))
    );
    let inside = look(&jwt).unwrap();
    assert_eq!(
        inside.expires_at(),
        Some(UnixTime::from_secs(1_800_000_000))
    );
    assert_eq!(inside.principal(), Some("vader"));
    assert_eq!(inside.header["alg"], "RS256");

    let own = json!({"Expiration": "2027-01-15T08:00:00.1234567Z", "Principal": "URTH\\vader"})
        .to_string();
    let own = base64::engine::general_purpose::STANDARD.encode(own);
    for text in [format!("{own}.c2ln"), format!("{own}.e30=.c2ln")] {
        let inside = look(&text).unwrap();
        assert_eq!(
            inside.expires_at(),
            Some(UnixTime::from_secs(1_800_000_000))
        );
        assert_eq!(inside.principal(), Some("URTH\\vader"));
    }
    for opaque in ["token", "a.b", "a.b.c", "a.b.c.d", "bnVsbA.bnVsbA.AA"] {
        assert!(look(opaque).is_none(), "{opaque}");
    }
    for (header, claims) in [
        (json!({"Expiration": "soon"}), json!({"exp": "1800000000"})),
        (json!({}), json!({"exp": -1, "upn": 1})),
        (
            json!({"Expiration": 1}),
            json!({"exp": 1.5, "unique_name": "a\u{202e}b"}),
        ),
    ] {
        let inside = look(&format!("{}.{}.AA", part(&header), part(&claims))).unwrap();
        assert_eq!((inside.expires_at(), inside.principal()), (None, None));
    }
}

proptest! {
    #[test]
    fn whatever_a_server_says_is_read_or_refused_and_nothing_else(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = SocketConversation::new(&at()).hear(&bytes);
        let _ = Begun::read(&bytes, &at());
        let _ = read_check(&bytes);
        let _ = read_poll_token(&bytes);
        let _ = certificate::read_metadata_endpoint(&bytes, &at());
        let _ = certificate::read_token_endpoint(&bytes, &at());
        if let Ok(token) = certificate::read_token(&bytes) {
            prop_assert!(HeaderValue::from_str(token.expose()).is_ok());
            prop_assert!(bytes.windows(token.expose().len()).any(|part| part == token.expose().as_bytes()));
        }
    }

    #[test]
    fn a_token_goes_through_every_message_unchanged(token in "[!#-;=?-\\[\\]-~]{1,300}") {
        for shape in [Shape::Object, Shape::ArrayOfOne] {
            let message = successful(&token, shape);
            let read = read_poll_token(&message).unwrap();
            prop_assert_eq!(read.expose(), &token);
            let mut conversation = SocketConversation::new(&at());
            conversation.hear(OPEN.as_bytes()).unwrap();
            let heard = conversation.hear(&message);
            prop_assert!(matches!(heard, Ok(Heard::Signed(heard)) if heard == read));
        }
        let plain = certificate::read_token(token.as_bytes()).unwrap();
        prop_assert_eq!(plain.expose(), &token);
    }

    #[test]
    fn no_nonce_is_told_before_the_end(bytes in any::<[u8; 32]>()) {
        let nonce = PollNonce::new(bytes);
        let root = root(Generation::Poll);
        let last = check(&root, "s", Some(&nonce), &consumer());
        let body: Value = serde_json::from_slice(last.body()).unwrap();
        let shown = body["nonce"].as_str().unwrap().to_owned();
        let early = [begin(&root, &nonce, &consumer()), check(&root, "s", None, &consumer())];
        for request in early {
            prop_assert!(!request.uri().to_string().contains(&shown));
            prop_assert!(!String::from_utf8_lossy(request.body()).contains(&shown));
        }
        prop_assert_eq!(CheckRequest::read(last.body()).unwrap().nonce.unwrap().ecpn(), nonce.ecpn());
    }
}
