//! Is any damaged or dressed-up message read?

use super::{
    messages::{every_client_message, every_server_message},
    *,
};

/// Each member in turn left out, and replaced by values of other types.
fn damaged(good: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for name in good.as_object().unwrap().keys() {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        all.push((format!("without {name}"), without));
        for wrong in [
            json!(null),
            json!([]),
            json!({}),
            json!(-1),
            json!(1.5),
            json!("\u{7}"),
        ] {
            let mut changed = good.clone();
            changed[name] = wrong.clone();
            all.push((format!("{name} = {wrong}"), changed));
        }
    }
    all
}

#[test]
fn no_damaged_message_of_a_terminal_is_read() {
    for (_, good) in every_client_message() {
        for (what, bad) in damaged(&good) {
            // The JWS is read by whoever verifies it.
            if what != "jws = \"\\u0007\"" {
                let refused = ClientMessage::decode(&bad.to_string()).is_err();
                assert!(refused, "{good}: {what}");
            }
        }
    }
}

#[test]
fn a_damaged_message_of_the_platform_is_refused_or_says_less() {
    // What may be left out, and text for people, which loses its controls.
    let harmless = [
        "without fallback",
        "without browser",
        "without tries_left",
        "without bind",
        "without scope",
        "without support_id",
        "without expires_in",
        "without kind",
        "without principal",
        "without refresh_token",
        "without refreshes_remaining",
        "label = \"\\u0007\"",
        "name = \"\\u0007\"",
        "idp = \"\\u0007\"",
        "message = \"\\u0007\"",
        "support_id = \"\\u0007\"",
        "code = \"\\u0007\"",
    ];
    // The token response is read as that of any server: null is absence, and so is a kind that is
    // not known.
    let of_a_token = ["kind", "principal", "refreshes_remaining", " = null"];
    for (_, good) in every_server_message() {
        let is_token = good["type"] == "token";
        let is_error = good["type"] == "error";
        for (what, bad) in damaged(&good) {
            let read = ServerMessage::decode(&bad.to_string());
            if read.is_ok() {
                let tolerated = harmless.contains(&what.as_str())
                    || is_token && of_a_token.iter().any(|part| what.contains(part))
                    || is_error && what == "without seq";
                assert!(tolerated, "{good}: {what}");
            }
        }
    }
    // These two are tolerated in one message and required in another.
    for text in [
        r#"{"type":"session","seq":1,"sid":"a","url":"https://a.example/","label":"","expires_in_s":1}"#,
        r#"{"type":"confirm_result","seq":1,"ok":true}"#,
        r#"{"type":"identity","seq":1,"name":"","idp":""}"#,
        r#"{"type":"token","seq":1,"token_type":"Bearer"}"#,
    ] {
        assert!(ServerMessage::decode(text).is_err(), "{text}");
    }
}

#[test]
fn a_client_that_adds_a_member_is_refused_and_a_platform_that_does_is_understood() {
    for (_, mut message) in every_client_message() {
        message["later"] = json!(1);
        assert_eq!(
            ClientMessage::decode(&message.to_string()).unwrap_err(),
            LoginMessageError::UnknownMember
        );
    }
    for (_, mut message) in every_server_message() {
        message["later"] = json!({"a": [1]});
        assert!(
            ServerMessage::decode(&message.to_string()).is_ok(),
            "{message}"
        );
    }
}

#[test]
fn a_member_that_is_there_twice_is_refused() {
    let twice = |name: &str| LoginMessageError::Json(JsonError::DuplicateMember(name.to_owned()));
    for (text, name) in [
        (r#"{"type":"accept","type":"reject"}"#, "type"),
        (r#"{"type":"hello","jws":"a","jws":"a"}"#, "jws"),
        (r#"{"type":"accept","\u0074ype":"accept"}"#, "type"),
    ] {
        assert_eq!(ClientMessage::decode(text).unwrap_err(), twice(name));
    }
    let text = r#"{"type":"bye","seq":1,"seq":2}"#;
    assert_eq!(ServerMessage::decode(text).unwrap_err(), twice("seq"));
    let text = r#"{"type":"bye","seq":1,"later":{"a":1,"a":1}}"#;
    assert_eq!(ServerMessage::decode(text).unwrap_err(), twice("a"));
}

#[test]
fn what_is_no_message_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "\"accept\"",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"ACCEPT"}"#,
        r#"{"type":"accept"}x"#,
        r#"{"type":"accept"}{"type":"accept"}"#,
        "\u{feff}{\"type\":\"accept\"}",
        r#"{"type":"\ud800"}"#,
        r#"{"Type":"accept"}"#,
    ] {
        assert!(ClientMessage::decode(text).is_err(), "{text}");
        assert!(ServerMessage::decode(text).is_err(), "{text}");
    }
    // What one end says is nothing that the other one may say.
    for (message, _) in every_client_message() {
        let text = message.encode();
        assert_eq!(
            ServerMessage::decode(&text).unwrap_err(),
            LoginMessageError::Type
        );
    }
    for (message, _) in every_server_message() {
        let text = message.encode();
        assert_eq!(
            ClientMessage::decode(&text).unwrap_err(),
            LoginMessageError::Type
        );
    }
}

#[test]
fn a_message_has_at_most_8_kib() {
    let hello = |length: usize| {
        let empty = r#"{"type":"hello","jws":""}"#.len();
        format!(
            r#"{{"type":"hello","jws":"{}"}}"#,
            "a".repeat(length - empty)
        )
    };
    assert_eq!(hello(8192).len(), 8192);
    assert!(ClientMessage::decode(&hello(8192)).is_ok());
    assert_eq!(
        ClientMessage::decode(&hello(8193)).unwrap_err(),
        LoginMessageError::TooLarge
    );
    let bye = |length: usize| {
        let empty = r#"{"type":"bye","seq":1,"x":""}"#.len();
        format!(
            r#"{{"type":"bye","seq":1,"x":"{}"}}"#,
            "a".repeat(length - empty)
        )
    };
    assert!(ServerMessage::decode(&bye(8192)).is_ok());
    assert_eq!(
        ServerMessage::decode(&bye(8193)).unwrap_err(),
        LoginMessageError::TooLarge
    );
    let deep = format!(
        r#"{{"type":"bye","seq":1,"x":{}1{}}}"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    assert_eq!(
        ServerMessage::decode(&deep).unwrap_err(),
        LoginMessageError::Json(JsonError::TooDeep)
    );
}

#[test]
fn an_event_is_numbered_from_one_and_what_is_no_event_is_not() {
    for text in [
        r#"{"type":"bye"}"#,
        r#"{"type":"bye","seq":0}"#,
        r#"{"type":"bye","seq":"1"}"#,
        r#"{"type":"bye","seq":9007199254740993}"#,
        r#"{"type":"welcome","seq":1,"nonce":"n","keepalive_s":25,"time":1}"#,
        r#"{"type":"resumed","seq":1,"last_seq":1}"#,
    ] {
        assert!(ServerMessage::decode(text).is_err(), "{text}");
    }
}

#[test]
fn an_address_for_a_browser_is_a_web_page() {
    for url in [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "/login/x",
        "https://user@id.example/login/x",
        "https://:pw@id.example/login/x",
        "ws://id.example/login/x",
        "",
    ] {
        let text = json!({"type": "session", "seq": 1, "sid": "a", "url": url, "label": "",
            "bind": "code", "expires_in_s": 1});
        assert_eq!(
            ServerMessage::decode(&text.to_string()).unwrap_err(),
            LoginMessageError::Member("url"),
            "{url}"
        );
    }
}

// attacks A23 and C8
#[test]
fn what_the_platform_says_cannot_play_with_the_terminal() {
    let text = json!({"type": "error", "code": "den\u{1b}ied", "fatal": true,
        "message": format!("a\u{1b}[2Jb\u{202e}c\r\n{}", "x".repeat(5000)), "support_id": "\u{7}i"});
    match ServerMessage::decode(&text.to_string()).unwrap().body {
        ServerBody::Error {
            code,
            message,
            support_id,
            ..
        } => {
            assert_eq!(code, LoginErrorCode::Denied);
            assert!(message.starts_with("a[2Jbcxx"), "{message}");
            assert_eq!(message.chars().count(), 512);
            assert_eq!(support_id.as_deref(), Some("i"));
        }
        other => panic!("{other:?}"),
    }
    let text = json!({"type": "status", "seq": 1, "state": "opened", "browser": {
        "address": "192.0.2.7\u{1b}[1A", "user_agent": format!("\u{2066}{}", "M".repeat(5000)),
        "same_network": false}});
    match ServerMessage::decode(&text.to_string()).unwrap().body {
        ServerBody::Status {
            browser: Some(seen),
            ..
        } => {
            assert_eq!(seen.address, "192.0.2.7[1A");
            assert_eq!(seen.user_agent, "M".repeat(256));
        }
        other => panic!("{other:?}"),
    }
}

// A principal is accepted by its name: one that would be shown as another is not shown at all.
#[test]
fn a_principal_that_cannot_be_shown_as_it_is_is_refused() {
    for principal in [
        "",
        "anna\u{202e}",
        "an\u{200b}na",
        "anna\n",
        &"a".repeat(256),
    ] {
        let text = json!({"type": "identity", "seq": 1, "principal": principal, "name": "",
            "idp": ""});
        assert_eq!(
            ServerMessage::decode(&text.to_string()).unwrap_err(),
            LoginMessageError::Member("principal"),
            "{principal:?}"
        );
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_none_of_a_login() {
    let text = json!({"type": "token", "seq": 1, "access_token": "a", "token_type": "DPoP"});
    assert_eq!(
        ServerMessage::decode(&text.to_string()).unwrap_err(),
        LoginMessageError::Member("token_type")
    );
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_fail(text in ".{0,200}", kind in "[a-z_]{0,16}", value in ".{0,50}") {
        let _ = ClientMessage::decode(&text);
        let _ = ServerMessage::decode(&text);
        let message = json!({"type": kind, "seq": 1, "jws": value, "value": value}).to_string();
        let _ = ClientMessage::decode(&message);
        let _ = ServerMessage::decode(&message);
    }
}
