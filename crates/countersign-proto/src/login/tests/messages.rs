//! Is every message read as it was written?

use super::*;

fn members(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(super) fn every_client_message() -> Vec<(ClientMessage, Value)> {
    let code = ConfirmValue::from_typed("bcdf ghjk").unwrap();
    let carried = ConfirmValue::loopback(&[0; 32]);
    let jws = || "e30.e30.AA".to_owned();
    vec![
        (
            ClientMessage::Hello { jws: jws() },
            json!({"type": "hello", "jws": "e30.e30.AA"}),
        ),
        (
            ClientMessage::Resume { jws: jws() },
            json!({"type": "resume", "jws": "e30.e30.AA"}),
        ),
        (
            ClientMessage::Confirm {
                bind: Binding::Code,
                value: code,
            },
            json!({"type": "confirm", "bind": "code", "value": "BCDFGHJK"}),
        ),
        (
            ClientMessage::Confirm {
                bind: Binding::Loopback,
                value: carried,
            },
            json!({"type": "confirm", "bind": "loopback", "value": "A".repeat(43)}),
        ),
        (ClientMessage::Accept, json!({"type": "accept"})),
        (ClientMessage::Reject, json!({"type": "reject"})),
        (ClientMessage::Received, json!({"type": "received"})),
        (ClientMessage::Cancel, json!({"type": "cancel"})),
    ]
}

pub(super) fn every_server_message() -> Vec<(ServerMessage, Value)> {
    let plain = ServerMessage::plain;
    let numbered = ServerMessage::numbered;
    vec![
        (
            plain(ServerBody::Welcome {
                nonce: "n-1".to_owned(),
                keepalive_s: 25,
                time: NOW,
            }),
            json!({"type": "welcome", "nonce": "n-1", "keepalive_s": 25, "time": 1_700_000_000}),
        ),
        (
            numbered(
                1,
                ServerBody::Session {
                    sid: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
                    url: Url::parse("https://id.example/login/BBBB").unwrap(),
                    label: label("AAAAAAAAAAAAAAAAAAAAAA"),
                    bind: Binding::Loopback,
                    fallback: Some(Binding::Code),
                    expires_in_s: 600,
                },
            ),
            json!({"type": "session", "seq": 1, "sid": "AAAAAAAAAAAAAAAAAAAAAA",
                "url": "https://id.example/login/BBBB", "label": "grape desk orbit",
                "bind": "loopback", "fallback": "code", "expires_in_s": 600}),
        ),
        (
            numbered(
                2,
                ServerBody::Status {
                    state: LoginStatus::Opened,
                    browser: Some(SeenBrowser {
                        address: "192.0.2.7".to_owned(),
                        user_agent: "Mozilla/5.0".to_owned(),
                        same_network: true,
                    }),
                    tries_left: None,
                    bind: None,
                },
            ),
            json!({"type": "status", "seq": 2, "state": "opened", "browser": {
                "address": "192.0.2.7", "user_agent": "Mozilla/5.0", "same_network": true}}),
        ),
        (
            numbered(
                3,
                ServerBody::Status {
                    state: LoginStatus::SignedIn,
                    browser: None,
                    tries_left: None,
                    bind: None,
                },
            ),
            json!({"type": "status", "seq": 3, "state": "signed_in"}),
        ),
        (
            numbered(
                4,
                ServerBody::Status {
                    state: LoginStatus::NeedConfirm,
                    browser: None,
                    tries_left: Some(3),
                    bind: Some(Binding::Code),
                },
            ),
            json!({"type": "status", "seq": 4, "state": "need_confirm", "tries_left": 3,
                "bind": "code"}),
        ),
        (
            numbered(
                5,
                ServerBody::ConfirmResult {
                    ok: false,
                    tries_left: 2,
                },
            ),
            json!({"type": "confirm_result", "seq": 5, "ok": false, "tries_left": 2}),
        ),
        (
            numbered(
                6,
                ServerBody::Identity {
                    principal: "anna".to_owned(),
                    name: "Anna Ärlig".to_owned(),
                    idp: "built-in".to_owned(),
                    scope: Some("audit:read roles:read".to_owned()),
                },
            ),
            json!({"type": "identity", "seq": 6, "principal": "anna", "name": "Anna Ärlig",
                "idp": "built-in", "scope": "audit:read roles:read"}),
        ),
        (
            numbered(7, ServerBody::Token(Box::new(token_response()))),
            json!({"type": "token", "seq": 7, "access_token": "eyJ.eyJ.AA",
                "token_type": "Bearer", "expires_in": 3600, "scope": "roles:read", "kind": 0,
                "principal": "anna", "refresh_token": "csn_rt_x", "refreshes_remaining": 10}),
        ),
        (
            numbered(8, ServerBody::Bye),
            json!({"type": "bye", "seq": 8}),
        ),
        (
            plain(ServerBody::Resumed { last_seq: 3 }),
            json!({"type": "resumed", "last_seq": 3}),
        ),
        (
            plain(ServerBody::Error {
                code: LoginErrorCode::TooMany,
                fatal: true,
                message: "too many logins from this address".to_owned(),
                support_id: Some("7f3a".to_owned()),
            }),
            json!({"type": "error", "code": "too_many", "fatal": true,
                "message": "too many logins from this address", "support_id": "7f3a"}),
        ),
        (
            numbered(
                9,
                ServerBody::Error {
                    code: LoginErrorCode::Expired,
                    fatal: true,
                    message: String::new(),
                    support_id: None,
                },
            ),
            json!({"type": "error", "seq": 9, "code": "expired", "fatal": true, "message": ""}),
        ),
    ]
}

#[test]
fn every_message_of_a_terminal_is_written_and_read_back() {
    for (message, expected) in every_client_message() {
        let text = message.encode();
        assert_eq!(members(&text), expected);
        let read = ClientMessage::decode(&text).unwrap();
        assert_eq!(read.name(), message.name());
        assert_eq!(members(&read.encode()), expected);
    }
}

#[test]
fn every_message_of_the_platform_is_written_and_read_back() {
    for (message, expected) in every_server_message() {
        let text = message.encode();
        assert_eq!(members(&text), expected);
        let read = ServerMessage::decode(&text).unwrap();
        assert_eq!(read.seq, message.seq);
        assert_eq!(members(&read.encode()), expected);
    }
}

// security.md 112
#[test]
fn no_message_shows_a_value_or_a_token() {
    for (message, _) in every_client_message() {
        let shown = format!("{message:?}");
        assert!(
            !shown.contains("BCDF") && !shown.contains("AAAA"),
            "{shown}"
        );
        assert!(!shown.contains("e30"), "{shown}");
    }
    for (message, _) in every_server_message() {
        let shown = format!("{message:?}");
        assert!(
            !shown.contains("eyJ") && !shown.contains("csn_rt"),
            "{shown}"
        );
    }
}

// RFC 6455 §7.4.2: 4000 to 4999 are for private use
#[test]
fn every_end_has_a_name_and_a_close_code_of_its_own_as_the_page_says() {
    let page = include_str!("../../../../../docs/login.md");
    let table = [
        ("bad_message", 4000),
        ("bad_proof", 4001),
        ("not_expected", 4002),
        ("superseded", 4003),
        ("expired", 4008),
        ("denied", 4010),
        ("reported", 4011),
        ("cancelled", 4012),
        ("policy", 4020),
        ("identity_rejected", 4021),
        ("too_many", 4029),
        ("server_error", 1011),
    ];
    for (name, close) in table {
        let code = LoginErrorCode::from_name(name);
        assert!(!matches!(code, LoginErrorCode::Other(_)), "{name}");
        assert_eq!((code.as_str(), code.close_code()), (name, close));
        let row = format!("\n| `{name}` | {close} | ");
        assert!(page.contains(&row), "docs/login.md has no row {row}");
        let of_a_login = (close >= 4000).then_some(code);
        assert_eq!(LoginErrorCode::from_close_code(close), of_a_login);
    }
    for close in [1000, 1001, 1006, 1008, 3000, 4004, 4999] {
        assert_eq!(LoginErrorCode::from_close_code(close), None, "{close}");
    }
    let later = LoginErrorCode::from_name("moon_phase");
    assert_eq!((later.as_str(), later.close_code()), ("moon_phase", 1008));
}

proptest! {
    #[test]
    fn what_an_identity_says_arrives_as_it_was_said(
        principal in "[a-zA-Z0-9@._ é日-]{1,60}",
        name in "[a-zA-Z\"\\\\/ é日]{0,60}",
        seq in 1_u64..(1 << 53),
    ) {
        let message = ServerMessage::numbered(seq, ServerBody::Identity {
            principal: principal.clone(), name: name.clone(), idp: "x".to_owned(), scope: None,
        });
        let read = ServerMessage::decode(&message.encode()).unwrap();
        prop_assert_eq!(read.seq, Some(seq));
        match read.body {
            ServerBody::Identity { principal: p, name: n, scope, .. } => {
                prop_assert_eq!((p, n, scope), (principal, name, None));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
