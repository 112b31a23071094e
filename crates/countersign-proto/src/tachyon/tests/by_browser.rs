//! What do both ends say while a person signs in, and what does the client refuse?

use super::*;

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
