//! What is said of a token string without asking anybody?

use crate::world::{Home, Ran};

/// Made by Python's zlib: testdata/vectors/opaque-python.json.
fn token() -> String {
    let vectors = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/vectors/opaque-python.json"
    );
    let text = std::fs::read_to_string(vectors).unwrap();
    let at = text.find("csn_pat_").unwrap();
    text[at..at + "csn_pat_".len() + 71].to_owned()
}

fn check(home: &Home, text: &str, more: &str) -> Ran {
    std::fs::write(home.path().join("token"), text).unwrap();
    home.run(&format!("token-string check token {more}"))
}

#[test]
fn a_token_string_says_its_kind_its_id_and_its_label() {
    let home = Home::new();
    let token = token();
    let said = check(&home, &format!("a--b--{token}\n"), "--output json").json();
    assert_eq!(said["kind"], "personal access token");
    assert_eq!(said["id"], token["csn_pat_".len()..][..22]);
    assert_eq!(
        (&said["label"], &said["checksum"]),
        (&"a--b".into(), &"good".into())
    );
    let bare = check(&home, &token, "").ok();
    assert!(bare.contains("Checksum  good"), "{bare}");
    assert!(!bare.contains(&token[30..]), "{bare}");
}

#[test]
fn a_damaged_token_string_is_told_from_a_foreign_one_and_not_repeated() {
    let home = Home::new();
    let token = token();
    let last = if token.ends_with('0') { "1" } else { "0" };
    let typo = format!("{}{last}", &token[..token.len() - 1]);
    let secret = &token[30..70];
    for (text, more, said) in [
        (typo.as_str(), "", "the token's checksum does not fit"),
        (&token[..70], "", "the token is too short or too long"),
        (
            &token,
            "--prefix acme",
            "the token does not begin with the prefix",
        ),
        (
            "eyJhbGciOiJub25lIn0.e30.x",
            "",
            "the token does not begin with the prefix",
        ),
    ] {
        let ran = check(&home, text, more);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.starts_with(&format!("error: {said}")), "{ran:?}");
        assert!(ran.stderr.contains("\nhint: "), "{ran:?}");
        assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
    }
    let bad = check(&home, &typo, "");
    assert!(bad.stdout.contains("Checksum  bad"), "{bad:?}");
    let empty = check(&home, "\n", "");
    assert_eq!((empty.code, empty.stdout.as_str()), (2, ""));
    assert_eq!(check(&home, &token, "--prefix A_b").code, 2);
}

// security.md 112
#[test]
fn a_token_string_on_the_command_line_is_refused_and_not_repeated() {
    let token = token();
    let ran = Home::new().run(&format!("token-string check {token}"));
    assert_eq!(ran.code, 2);
    assert!(!format!("{ran:?}").contains(&token[20..]), "{ran:?}");
}
