use std::time::Duration;

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
fn the_address_comes_first_and_the_token_second_in_either_shape() {
    for (open, token) in [
        (OPEN.to_owned(), signed("t.o-k/e+n=")),
        (
            format!("[{OPEN}]"),
            format!(" [{}]\n", signed("t.o-k/e+n=")),
        ),
        (
            OPEN.replace("Status", "status").replace("Data", "data"),
            r#"{"status":"AUTHENTICATIONSUCCESSFUL","data":"t.o-k\/e\u002Bn="}"#.to_owned(),
        ),
    ] {
        let mut conversation = SocketConversation::new(&at());
        match conversation.hear(open.as_bytes()) {
            Ok(Heard::Open(url)) => assert_eq!(url.as_str(), "https://login.example/a"),
            other => panic!("{other:?}"),
        }
        match conversation.hear(token.as_bytes()) {
            Ok(Heard::Signed(token)) => assert_eq!(token.expose(), "t.o-k/e+n="),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_other_message_ends_the_conversation_and_says_why() {
    let cases: &[(&[&str], TachyonError)] = &[
        (&["{}"], TachyonError::Member("Status")),
        (
            &[r#"{"Status":1,"Data":"x"}"#],
            TachyonError::Member("Status"),
        ),
        (
            &[r#"{"Status":"AuthenticationRequested"}"#],
            TachyonError::Member("Data"),
        ),
        (
            &[r#"{"Status":"AuthenticationRequested","Data":null}"#],
            TachyonError::Member("Data"),
        ),
        (&["[]"], TachyonError::NotOne(0)),
        (
            &[r#"[{"Status":"x"},{"Status":"x"}]"#],
            TachyonError::NotOne(2),
        ),
        (&["[1]"], TachyonError::Json(JsonError::NotAnObject)),
        (
            &["\"AuthenticationSuccessful\""],
            TachyonError::Json(JsonError::NotAnObject),
        ),
        (&[""], TachyonError::Json(JsonError::Syntax)),
        (
            &["{\"Status\":\"AuthenticationRequested\""],
            TachyonError::Json(JsonError::Syntax),
        ),
        (
            &[r#"{"Status":"x"}{"#],
            TachyonError::Json(JsonError::TrailingBytes),
        ),
        (
            &[r#"{"Status":"a","Status":"b"}"#],
            TachyonError::Json(JsonError::DuplicateMember("Status".to_owned())),
        ),
        (
            &[r#"{"Status":"a","status":"b"}"#],
            TachyonError::Json(JsonError::DuplicateMember("status".to_owned())),
        ),
        (
            &["{\"Status\":\"Authentication\u{202e}Failed\\u001b\",\"Data\":\"x\"}"],
            TachyonError::Status("AuthenticationFailed".to_owned()),
        ),
        (
            &[r#"{"Status":"AuthenticationSuccessful","Data":"token"}"#],
            TachyonError::OutOfOrder("it says that somebody has signed in before it says where"),
        ),
        (
            &[OPEN, OPEN],
            TachyonError::OutOfOrder("it names a second address before anybody has signed in"),
        ),
        (
            &["{}", OPEN],
            TachyonError::OutOfOrder("it speaks after the end"),
        ),
        (
            &[OPEN, r#"{"Status":"AuthenticationSuccessful"}"#],
            TachyonError::Token,
        ),
    ];
    for (messages, why) in cases {
        assert_eq!(hear(messages).unwrap_err(), *why, "{messages:?}");
    }
}

#[test]
fn only_pages_over_https_or_on_the_same_loopback_are_opened() {
    let open = |address: &str, server: &str| {
        let server = Url::parse(server).unwrap();
        let mut conversation = SocketConversation::new(&server);
        match conversation.hear(&requested(address, Shape::Object)) {
            Ok(_) => None,
            Err(TachyonError::Address { why, .. }) => Some(why),
            Err(other) => panic!("{address}: {other:?}"),
        }
    };
    for good in [
        "https://login.example/x?a=b#c",
        "https://10.0.0.1/",
        "HTTPS://LOGIN.example",
    ] {
        assert_eq!(open(good, SERVER), None, "{good}");
    }
    for (bad, why) in [
        ("file:///etc/passwd", AddressError::Scheme),
        ("javascript:alert(1)", AddressError::Scheme),
        ("data:text/html,x", AddressError::Scheme),
        ("http://login.example/", AddressError::Scheme),
        ("wss://login.example/", AddressError::Scheme),
        ("ms-settings:", AddressError::Scheme),
        (
            "https://login.example@evil.example/",
            AddressError::Userinfo,
        ),
        ("https://:p@evil.example/", AddressError::Userinfo),
        ("http://127.0.0.1:8080/reboot", AddressError::ThisMachine),
        ("https://localhost/", AddressError::ThisMachine),
        ("http://[::1]/", AddressError::ThisMachine),
        ("https://0.0.0.0/", AddressError::ThisMachine),
        ("https://[::ffff:127.0.0.1]/", AddressError::ThisMachine),
        ("https://[::]/", AddressError::ThisMachine),
        ("https://localhost./", AddressError::ThisMachine),
        ("https://a.localhost/", AddressError::ThisMachine),
        ("https://2130706433/", AddressError::ThisMachine),
        ("/login", AddressError::NotAUrl),
        ("", AddressError::NotAUrl),
        ("https://login.example/a b", AddressError::NotAUrl),
        ("https://login.example/\u{1b}[2J", AddressError::NotAUrl),
        ("https:\\\\login.example", AddressError::NotAUrl),
        ("https://login.ex\u{430}mple/", AddressError::NotAUrl),
    ] {
        assert_eq!(open(bad, SERVER), Some(why), "{bad}");
    }
    let long = format!("https://login.example/{}", "a".repeat(MAX_ADDRESS_BYTES));
    assert_eq!(open(&long, SERVER), Some(AddressError::TooLong));
    assert_eq!(
        open("http://127.0.0.1:8080/idp", "http://127.0.0.1:9000"),
        None
    );
    assert_eq!(
        open("http://login.example/", "http://127.0.0.1:9000"),
        Some(AddressError::Scheme)
    );
}

#[test]
fn a_token_is_1_byte_to_64_kib_of_visible_ascii() {
    for good in ["t", &"t".repeat(64 * 1024), "!#$%&'()*+,-./:;=?@[]^_`{|}~"] {
        let heard = hear(&[OPEN, &signed(good)]).unwrap();
        assert!(matches!(heard, Heard::Signed(token) if token.expose() == good));
    }
    for bad in [
        "",
        " ",
        "a b",
        "a\"b",
        "<b>",
        "a\\b",
        "a\r\nX-Evil: 1",
        "a\u{7f}",
        "\u{e9}",
        "\0",
    ] {
        assert_eq!(
            hear(&[OPEN, &signed(bad)]).unwrap_err(),
            TachyonError::Token,
            "{bad:?}"
        );
    }
    let long = "t".repeat(64 * 1024 + 1);
    assert_eq!(
        hear(&[OPEN, &signed(&long)]).unwrap_err(),
        TachyonError::Json(JsonError::StringTooLong)
    );
    let longest = "t".repeat(MAX_MESSAGE_BYTES);
    assert_eq!(
        hear(&[OPEN, &signed(&longest)]).unwrap_err(),
        TachyonError::TooLarge(MAX_MESSAGE_BYTES)
    );
}

// The hash by `openssl dgst -sha256`, the nonce by `base64`, of the bytes 0 to 31.
#[test]
fn the_hash_of_the_nonce_is_told_first_and_the_nonce_last() {
    let nonce = PollNonce::new(std::array::from_fn(|at| u8::try_from(at).unwrap()));
    let root = root(Generation::Poll);
    let begun = begin(&root, &nonce, &consumer());
    assert_eq!(
        begun.uri(),
        "https://tachyon.example/api/Authentication/RequestAuthentication\
         ?ecpn=Yw3NKWbEM2aRElRIu7JbT_QSpJxzLbLIq8G4WBvXEN0"
    );
    assert_eq!(begun.headers()[CONSUMER], "Explorer");

    let waiting = check(&root, "s-1", None, &consumer());
    assert_eq!(waiting.method(), http::Method::POST);
    assert_eq!(
        waiting.uri(),
        "https://tachyon.example/api/Authentication/CheckAuthenticationState"
    );
    assert_eq!(waiting.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(waiting.body(), br#"{"state":"s-1","nonce":null}"#);
    let last = check(&root, "a\"b", Some(&nonce), &consumer());
    let expected = r#"{"state":"a\"b","nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}"#;
    assert_eq!(String::from_utf8_lossy(last.body()), expected);

    let read = CheckRequest::read(last.body()).unwrap();
    assert_eq!(read.state, "a\"b");
    assert_eq!(read.nonce.unwrap().ecpn(), nonce.ecpn());
    assert!(CheckRequest::read(waiting.body()).unwrap().nonce.is_none());
    for bad in [
        r#"{"state":"s","nonce":"AAEC"}"#,
        r#"{"state":"s","nonce":1}"#,
        r#"{"nonce":null}"#,
        "x",
    ] {
        assert!(CheckRequest::read(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(!format!("{nonce:?}").contains("AAEC"));
}

#[test]
fn a_sign_in_by_polling_has_an_address_and_a_state() {
    for shape in [Shape::Object, Shape::ArrayOfOne] {
        let body = Begun::write("https://login.example/a", "s-1", shape);
        let begun = Begun::read(&body, &at()).unwrap();
        assert_eq!(
            (begun.url.as_str(), begun.state.as_str()),
            ("https://login.example/a", "s-1")
        );
        assert!(!format!("{begun:?}").contains("s-1"));
    }
    let read = |body: &str| Begun::read(body.as_bytes(), &at()).unwrap_err();
    assert_eq!(read("{}"), TachyonError::Member("State"));
    assert_eq!(
        read(r#"{"State":"s"}"#),
        TachyonError::Member("AuthenticationUrl")
    );
    assert_eq!(
        read(r#"{"State":"","AuthenticationUrl":"https://h/"}"#),
        TachyonError::State
    );
    assert_eq!(
        read(r#"{"State":"a\u0000","AuthenticationUrl":"https://h/"}"#),
        TachyonError::State
    );
    assert!(matches!(
        read(r#"{"State":"s","AuthenticationUrl":"file:///"}"#),
        TachyonError::Address {
            why: AddressError::Scheme,
            ..
        }
    ));
    let long = Begun::write("https://h/", &"s".repeat(4097), Shape::Object);
    assert_eq!(Begun::read(&long, &at()).unwrap_err(), TachyonError::State);
}

#[test]
fn polling_goes_on_until_the_server_says_successful_or_over() {
    for waiting in [
        "",
        "  ",
        "null",
        "{}",
        r#"{"Status":null}"#,
        r#"{"Status":"AuthenticationRequested"}"#,
        r#"[{"Status":"Pending"}]"#,
        "\"AuthenticationRequested\"",
        "\"\"",
    ] {
        assert_eq!(
            read_check(waiting.as_bytes()),
            Ok(Checked::Waiting),
            "{waiting}"
        );
    }
    for done in [
        r#"{"Status":"AuthenticationSuccessful"}"#,
        r#"[{"status":"authenticationsuccessful","Data":null}]"#,
        "\"AuthenticationSuccessful\"",
    ] {
        assert_eq!(
            read_check(done.as_bytes()),
            Ok(Checked::Successful),
            "{done}"
        );
    }
    for over in [
        "AuthenticationFailed",
        "AccessDenied",
        "Expired",
        "ServerError",
        "UserCancelled",
    ] {
        let body = json!({"Status": over}).to_string();
        assert_eq!(
            read_check(body.as_bytes()),
            Err(TachyonError::Ended(over.to_owned()))
        );
    }
    for wrong in [
        "AuthenticationSuccessful",
        "<html>",
        "{",
        "1",
        "[]",
        r#"{"Status":1}"#,
    ] {
        assert!(read_check(wrong.as_bytes()).is_err(), "{wrong}");
    }
    for shape in [Shape::Object, Shape::ArrayOfOne] {
        for said in [Checked::Waiting, Checked::Successful] {
            assert_eq!(read_check(&said.write(shape)), Ok(said));
        }
    }
}

#[test]
fn the_last_poll_gives_the_token_or_says_why_not() {
    assert_eq!(read_poll_token(br#"{"Data":"t"}"#).unwrap().expose(), "t");
    assert_eq!(
        read_poll_token(&successful("t", Shape::ArrayOfOne))
            .unwrap()
            .expose(),
        "t"
    );
    for (body, why) in [
        ("{}", TachyonError::Token),
        (r#"{"Data":{}}"#, TachyonError::Token),
        (
            r#"{"Status":"NonceMismatch","Data":"t"}"#,
            TachyonError::Status("NonceMismatch".to_owned()),
        ),
        ("\"t\"", TachyonError::Json(JsonError::NotAnObject)),
    ] {
        assert_eq!(read_poll_token(body.as_bytes()).unwrap_err(), why, "{body}");
    }
}

fn minted(lifetime: Duration) -> (Identity, ClientAssertion) {
    let identity = Identity::named("rsa");
    let mut assertion = TachyonAssertion::new(APP, ENDPOINT);
    assertion.lifetime = lifetime;
    let input = assertion.signing_input(identity.chain.leaf(), NOW, JTI);
    let signature = identity
        .key
        .sign(TachyonAssertion::ALGORITHM, input.as_bytes())
        .unwrap();
    let assertion = ClientAssertion::from_signature(input, &signature);
    (identity, assertion)
}

// The thumbprint is openssl's; the signature is read by a library that nobody here wrote.
#[test]
fn the_assertion_has_exactly_the_members_of_the_dialect_and_another_library_believes_it() {
    let (identity, assertion) = minted(Duration::from_secs(60));
    let parts: Vec<&str> = assertion.expose().split('.').collect();
    let part = |at: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap()
    };
    let x5t = identity.text("x5t");
    assert_eq!(
        part(0),
        json!({"alg": "RS256", "typ": "JWT", "kid": x5t, "x5t": x5t})
    );
    assert_eq!(
        part(1),
        json!({"iss": APP, "sub": APP, "aud": ENDPOINT, "jti": JTI,
            "iat": 1_699_999_995_u64, "exp": 1_700_000_055_u64})
    );
    let jwk = crate::jwk::required_members(identity.public_key());
    let number = |name: &str| jwk[name].as_str().unwrap();
    let key = jsonwebtoken::DecodingKey::from_rsa_components(number("n"), number("e")).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[ENDPOINT]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(assertion.expose(), &key, &validation).unwrap();
}

#[test]
fn an_assertion_is_believed_of_its_certificate_application_and_provider_only() {
    let (identity, assertion) = minted(Duration::from_secs(60));
    let text = assertion.expose();
    let leaf = identity.chain.leaf();
    let claimed = TachyonAssertion::new(APP, ENDPOINT);
    assert_eq!(verify(text, leaf, &claimed, NOW).unwrap().expose(), text);
    let other = Identity::named("p256");
    assert_eq!(
        verify(text, other.chain.leaf(), &claimed, NOW).unwrap_err(),
        AssertionRefusal::Thumbprint
    );
    for claimed in [
        TachyonAssertion::new("other", ENDPOINT),
        TachyonAssertion::new(APP, SERVER),
    ] {
        assert!(matches!(
            verify(text, leaf, &claimed, NOW),
            Err(AssertionRefusal::Assertion(_))
        ));
    }
    let later = NOW.plus(Duration::from_secs(120));
    assert!(matches!(
        verify(text, leaf, &claimed, later),
        Err(AssertionRefusal::Assertion(_))
    ));

    let x5t = identity.text("x5t");
    let claims = json!({"iss": APP, "sub": APP, "aud": ENDPOINT, "jti": JTI,
        "iat": NOW.as_secs(), "exp": NOW.as_secs() + 60});
    let sign = |header: Value| identity.sign(&header, &claims);
    let hex = identity.text("sha1");
    for (header, why) in [
        (
            json!({"alg": "PS256", "kid": x5t, "x5t": x5t}),
            AssertionRefusal::Algorithm,
        ),
        (
            json!({"alg": "RS256", "kid": hex, "x5t": x5t}),
            AssertionRefusal::Thumbprint,
        ),
        (
            json!({"alg": "RS256", "kid": x5t}),
            AssertionRefusal::Thumbprint,
        ),
        (
            json!({"alg": "RS256", "x5t": x5t}),
            AssertionRefusal::Thumbprint,
        ),
    ] {
        assert_eq!(verify(&sign(header), leaf, &claimed, NOW).unwrap_err(), why);
    }
    assert!(
        verify(
            &sign(json!({"alg": "RS256", "kid": x5t, "x5t": x5t})),
            leaf,
            &claimed,
            NOW
        )
        .is_ok()
    );
}

#[test]
fn an_assertion_lives_for_10_s_to_300_s() {
    for (asked, given) in [(0, 10), (60, 60), (3600, 300)] {
        let (_, assertion) = minted(Duration::from_secs(asked));
        let claims = crate::token::inspect(assertion.expose()).unwrap().claims;
        let seconds = |name: &str| claims[name].as_u64().unwrap();
        assert_eq!(seconds("exp") - seconds("iat"), given);
    }
    assert_eq!(TachyonAssertion::ALGORITHM, Algorithm::RS256);
}

#[test]
fn a_certificate_asks_for_the_provider_and_then_shows_its_assertion_as_a_json_text() {
    let root = root(Generation::WebSocket);
    let asked = certificate::metadata_endpoint(&root, &consumer());
    assert_eq!(
        asked.uri(),
        "https://tachyon.example/tachyon/api/Authentication/metadataendpoint"
    );
    let address = "https://login.example/.well-known/openid-configuration";
    for body in [
        address.to_owned(),
        format!(" {address}\r\n"),
        format!("\"{address}\""),
    ] {
        let url = certificate::read_metadata_endpoint(body.as_bytes(), &at()).unwrap();
        assert_eq!(url.as_str(), address);
        let request = certificate::configuration(&url);
        assert_eq!(request.uri(), address);
        assert!(
            request.headers().is_empty(),
            "nothing is told to the provider"
        );
    }
    for bad in [
        "",
        "{}",
        "http://login.example/",
        "http://127.0.0.1/x",
        "\"",
        "\"a\"b",
        "[]",
    ] {
        assert!(
            certificate::read_metadata_endpoint(bad.as_bytes(), &at()).is_err(),
            "{bad}"
        );
    }
    let configuration = json!({"issuer": "https://login.example", "token_endpoint": ENDPOINT});
    let read = |body: &Value| certificate::read_token_endpoint(body.to_string().as_bytes(), &at());
    assert_eq!(read(&configuration).as_deref(), Ok(ENDPOINT));
    assert_eq!(
        read(&json!({})),
        Err(TachyonError::Member("token_endpoint"))
    );
    assert!(read(&json!({"token_endpoint": "http://login.example/token"})).is_err());
    assert!(read(&json!({"token_endpoint": ["https://login.example/"]})).is_err());

    let (_, assertion) = minted(Duration::from_secs(60));
    let request = certificate::exchange(&root, &assertion, &consumer());
    assert_eq!(
        request.uri(),
        "https://tachyon.example/tachyon/api/Authentication/RequestJwtAuthentication"
    );
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(request.headers()[CONSUMER], "Explorer");
    assert_eq!(
        *request.body(),
        format!("\"{}\"", assertion.expose()).as_bytes()
    );
    let read = certificate::read_exchange(request.body()).unwrap();
    assert_eq!(read.as_str(), assertion.expose());
    assert!(certificate::read_exchange(assertion.expose().as_bytes()).is_err());

    assert_eq!(
        certificate::read_token(b"token\n").unwrap().expose(),
        "token"
    );
    assert_eq!(
        certificate::read_token(b"\"token\"").unwrap().expose(),
        "token"
    );
    for bad in ["", "<html>no</html> ", "{\"Data\":\"t\"}", "a\nb", "\u{e9}"] {
        assert!(certificate::read_token(bad.as_bytes()).is_err(), "{bad}");
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
