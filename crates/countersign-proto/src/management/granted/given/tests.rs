//! Does the string of a granted token cross the wire whole, and stand nowhere else?

use super::*;
use crate::management::{GrantedForm, GrantedKind, GrantedState};

const TOKEN: &str =
    "csn_pat_02wq5mOzTzPWGCpJqKQcwjj7HwfYr75nnrVBQZywhozc3nYt2bmKMFumbyICHGPU03Qki4o";

/// Strings that other platforms have given, and that JSON has to escape.
const FOREIGN: [&str; 4] = ["abc", "a \"b\" \\ c", "\u{1}\u{7f}\u{2028}é😀", ""];

fn granted() -> Value {
    serde_json::json!({
        "id": "02wq5mOzTzPWGCpJqKQcwj", "kind": "personal", "form": "opaque", "name": "build",
        "description": "", "owner": "anna", "roles": ["Developer"], "scopes": [],
        "audience": "https://id.example", "created_at": 1_795_336_200, "created_by": "anna",
        "expires_at": 1_795_339_800, "state": "active",
    })
}

fn given(token: &str) -> GivenToken {
    GivenToken::new(token, serde_json::from_value(granted()).unwrap())
}

fn terms() -> NewToken {
    NewToken {
        kind: GrantedKind::App,
        form: GrantedForm::Imported,
        name: "from elsewhere".to_owned(),
        description: "x".repeat(1_000),
        owner: Some("anna".to_owned()),
        roles: vec!["Reader".to_owned()],
        scopes: Vec::new(),
        audience: None,
        expires_at: None,
        lifetime_s: Some(3_600),
        never_expires: false,
    }
}

fn imported(token: &str) -> ImportedToken {
    ImportedToken::new(token, terms())
}

fn refusal(body: &str) -> JsonError {
    ImportedToken::from_json(body.as_bytes()).expect_err(body)
}

#[test]
fn a_given_token_is_written_and_read_back() {
    for token in FOREIGN.into_iter().chain([TOKEN]) {
        let body = given(token).to_json();
        let members: Value = serde_json::from_slice(&body).unwrap();
        let expected = serde_json::json!({ "token": token, "granted": granted() });
        assert_eq!(members, expected);
        // It is printed in lines for a shell, and as a header: one that is no token there is not taken.
        if AccessToken::new(token).is_err() {
            let refused = GivenToken::from_json(&body).expect_err(token);
            assert_eq!(refused, JsonError::Member("token"));
            continue;
        }
        let read = GivenToken::from_json(&body).unwrap();
        assert_eq!(read.expose(), token);
        assert_eq!(read.granted.state, GrantedState::Active);
        assert_eq!(read.granted.owner.as_deref(), Some("anna"));
    }
}

#[test]
fn a_platform_cannot_hand_out_a_command_of_a_shell_or_a_second_header() {
    for token in ["x; rm -rf ~", "$(id)", "a\nX-Admin: 1", "", "`id`", "x y"] {
        let body = given(token).to_json();
        let refused = GivenToken::from_json(&body).expect_err(token);
        assert_eq!(refused, JsonError::Member("token"), "{token:?}");
    }
}

#[test]
fn an_imported_token_is_written_and_read_back() {
    for token in FOREIGN.into_iter().chain([TOKEN]) {
        for revoked in [false, true] {
            let mut imported = imported(token);
            imported.revoked = revoked;
            let read = ImportedToken::from_json(&imported.to_json()).unwrap();
            assert_eq!(read.expose(), token);
            assert_eq!(read.terms, terms());
            assert_eq!(read.revoked, revoked);
        }
    }
}

#[test]
fn the_terms_of_an_imported_token_stand_beside_its_string() {
    let body =
        br#"{"name":"n","token":"t","kind":"system","roles":["Reader"],"never_expires":true}"#;
    let read = ImportedToken::from_json(body).unwrap();
    assert_eq!(read.expose(), "t");
    assert_eq!(read.terms.kind, GrantedKind::System);
    assert_eq!(read.terms.roles, ["Reader"]);
    assert!(read.terms.never_expires && !read.revoked);
}

// security.md 112
#[test]
fn the_string_of_a_token_is_never_shown() {
    let shown = format!("{:?} {:?}", given(TOKEN), imported(TOKEN));
    assert!(shown.contains("02wq5mOzTzPWGCpJqKQcwj"), "{shown}");
    assert!(shown.contains("from elsewhere"), "{shown}");
    for part in [TOKEN, &TOKEN[30..50], "csn_pat"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

// A body that grew would have left a copy of the string behind, which nobody wipes.
#[test]
fn the_body_of_a_token_has_its_whole_length_from_the_beginning() {
    let worst = "\u{1}".repeat(16 * 1024);
    for token in [TOKEN, &worst] {
        for body in [given(token).to_json(), imported(token).to_json()] {
            assert_eq!(body.capacity(), body.len());
        }
    }
}

#[test]
fn an_imported_token_with_anything_that_is_not_known_is_refused() {
    for body in [
        r#"{"token":"t","kind":"app","name":"n","id":"x"}"#,
        r#"{"token":"t","kind":"app","name":"n","created_by":"anna"}"#,
        r#"{"token":"t","kind":"robot","name":"n"}"#,
        r#"{"token":"t","kind":"app"}"#,
        r#"{"token":"t","name":"n"}"#,
        r#"{"token":"t","kind":"app","name":"n","roles":"Reader"}"#,
        r#"{"token":"t","kind":"app","name":"n","lifetime_s":-1}"#,
        r#"{"token":"t","kind":"app","name":"n","never_expires":1}"#,
    ] {
        assert_eq!(refusal(body), JsonError::Member("terms"), "{body}");
    }
    for body in [
        "{}",
        r#"{"kind":"app","name":"n"}"#,
        r#"{"token":null,"kind":"app","name":"n"}"#,
        r#"{"token":["t"],"kind":"app","name":"n"}"#,
    ] {
        assert_eq!(refusal(body), JsonError::Member("token"), "{body}");
    }
    for revoked in ["null", "1", r#""true""#] {
        let body = format!(r#"{{"token":"t","kind":"app","name":"n","revoked":{revoked}}}"#);
        assert_eq!(refusal(&body), JsonError::Member("revoked"), "{body}");
    }
}

// security.md 5, 6, 7, 22
#[test]
fn a_hostile_body_is_refused_before_it_is_filled_in() {
    let twice = |name: &str| JsonError::DuplicateMember(name.to_owned());
    let good = r#""kind":"app","name":"n""#;
    for (body, error) in [
        (String::new(), JsonError::Syntax),
        ("[]".to_owned(), JsonError::NotAnObject),
        (
            format!(r#"{{"token":"t",{good}}}x"#),
            JsonError::TrailingBytes,
        ),
        (
            format!(r#"{{"token":"t","token":"u",{good}}}"#),
            twice("token"),
        ),
        (
            format!(r#"{{"token":"t",{good},"\u006bind":"system"}}"#),
            twice("kind"),
        ),
        (
            format!(r#"{{"token":"t",{good},"roles":[[[["a"]]]]}}"#),
            JsonError::TooDeep,
        ),
        (
            format!(r#"{{"token":"{}",{good}}}"#, "t".repeat(16 * 1024 + 1)),
            JsonError::StringTooLong,
        ),
        (
            format!(r#"{{"token":"t",{good}{}}}"#, " ".repeat(64 * 1024)),
            JsonError::TooLarge,
        ),
    ] {
        assert_eq!(refusal(&body), error);
    }
}

// A platform that is newer may say more of a token.
#[test]
fn an_answer_is_read_although_it_says_more_and_not_when_it_says_less() {
    let mut more = granted();
    more["colour"] = "red".into();
    let body = serde_json::json!({ "token": "t", "granted": more, "note": 1 }).to_string();
    assert_eq!(
        GivenToken::from_json(body.as_bytes()).unwrap().expose(),
        "t"
    );
    let refusal = |body: Value| GivenToken::from_json(body.to_string().as_bytes()).unwrap_err();
    for member in ["id", "kind", "name", "audience", "state"] {
        let mut less = granted();
        less.as_object_mut().unwrap().remove(member);
        let body = serde_json::json!({ "token": "t", "granted": less });
        assert_eq!(refusal(body), JsonError::Member("granted"), "{member}");
    }
    let body = serde_json::json!({ "token": "t" });
    assert_eq!(refusal(body), JsonError::Member("granted"));
    let body = serde_json::json!({ "granted": granted() });
    assert_eq!(refusal(body), JsonError::Member("token"));
}
