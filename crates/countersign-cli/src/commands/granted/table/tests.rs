//! Is every line of a table understood or named, and is nothing of it shown?

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_795_336_200);

fn table(content: &str) -> Result<Vec<(usize, ImportedToken)>, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.csv");
    std::fs::write(&file, content).unwrap();
    read(GrantedKind::App, &file, NOW)
}

fn tokens(content: &str) -> Vec<(usize, String, String)> {
    let tokens = table(content).expect(content).into_iter();
    tokens
        .map(|(line, token)| (line, token.terms.name.clone(), token.expose().to_owned()))
        .collect()
}

/// What is said of a table, without its place.
#[track_caller]
fn refusal(content: &str) -> String {
    let failure = table(content).expect_err(content);
    assert_eq!(failure.code(), 2);
    assert!(failure.hint_text().is_some());
    let message = failure.message().to_owned();
    assert!(
        !message.contains("sekrit") && !message.contains('\n'),
        "{message}"
    );
    let said = message.split_once("tokens.csv:").map(|(_, said)| said);
    said.unwrap_or(&message).to_owned()
}

#[test]
fn a_table_is_csv_with_headings_in_any_order_and_any_line_ends() {
    let one = |line, name: &str, token: &str| (line, name.to_owned(), token.to_owned());
    for (content, expected) in [
        (
            "name,token\na,s1\nb,s2\n",
            vec![one(2, "a", "s1"), one(3, "b", "s2")],
        ),
        (
            "token,name\r\ns1,a\r\n\r\ns2,b",
            vec![one(2, "a", "s1"), one(4, "b", "s2")],
        ),
        (
            "\u{feff}name,token\n\"a \"\"x\"\", y\",\"s,1\"\n\"two\nlines\",s2\nc,s3\n",
            vec![
                one(2, "a \"x\", y", "s,1"),
                one(3, "two\nlines", "s2"),
                one(5, "c", "s3"),
            ],
        ),
        ("name,token\n", vec![]),
    ] {
        assert_eq!(tokens(content), expected, "{content:?}");
    }
}

#[test]
fn a_table_is_json_lines_too() {
    let content = r#"{"name": "a", "token": "s1", "roles": ["X Y", "Z"], "expires_at": 1895336200}

        {"token": "s2", "name": "b", "owner": null, "scopes": "p;q", "expires_at": "2030-01-01"}"#;
    let read = table(content).unwrap();
    assert_eq!((read[0].0, read[1].0), (1, 3));
    let (first, second) = (&read[0].1, &read[1].1);
    assert_eq!((first.expose(), second.expose()), ("s1", "s2"));
    assert_eq!(first.terms.roles, ["X Y", "Z"]);
    assert_eq!(
        first.terms.expires_at,
        Some(UnixTime::from_secs(1_895_336_200))
    );
    assert_eq!(second.terms.scopes, ["p", "q"]);
    assert_eq!(second.terms.owner, None);
    assert_eq!(
        second.terms.expires_at,
        UnixTime::parse("2030-01-01T00:00:00Z")
    );
}

#[test]
fn every_column_is_taken_and_an_empty_cell_is_absent() {
    let content = "name,token,description,owner,roles,scopes,audience,expires_at\n\
        a,s,d,anna,X Y; Z,p:read,https://api,2030-01-01\n\
        b,t,,,,,,\n";
    let read = table(content).unwrap();
    let (full, bare) = (&read[0].1.terms, &read[1].1.terms);
    assert_eq!(full.kind, GrantedKind::App);
    assert_eq!(
        (full.description.as_str(), full.owner.as_deref()),
        ("d", Some("anna"))
    );
    assert_eq!(full.roles, ["X Y", "Z"]);
    assert_eq!(full.scopes, ["p:read"]);
    assert_eq!(full.audience.as_deref(), Some("https://api"));
    assert_eq!(full.expires_at, UnixTime::parse("2030-01-01T00:00:00Z"));
    assert_eq!((bare.owner.as_ref(), bare.audience.as_ref()), (None, None));
    assert!(bare.roles.is_empty() && bare.scopes.is_empty() && bare.expires_at.is_none());
}

// security.md 112
#[test]
fn a_line_that_is_wrong_is_named_and_nothing_of_it_is_shown() {
    for (content, said) in [
        (
            "sekrit-1,sekrit-2\n",
            "1: heading 1 is not the name of a column",
        ),
        (
            "name,token,sekrit\n",
            "1: heading 3 is not the name of a column",
        ),
        ("name,owner\na,anna\n", "1: the column token is missing"),
        ("name,token,name\n", "1: the column name comes twice"),
        (
            "name,token\na,sekrit\n\nb\n",
            "4: there are 1 cells under 2 headings",
        ),
        (
            "name,token\na,sekrit,x\n",
            "2: there are 3 cells under 2 headings",
        ),
        ("name,token\na,\n", "2: there is no token"),
        ("name,token\n,sekrit\n", "2: the token has no name"),
        (
            "name,token,expires_at\na,s,sekrit\n",
            "2: expires_at is no moment",
        ),
        (
            "name,token,expires_at\na,sekrit,2026-01-01\n",
            "2: its end, 2026-01-01T00:00:00Z, is over",
        ),
        (
            "{\"name\":\"a\",\"token\":\"s\"}\n{\"sekrit",
            "2: the text is not JSON",
        ),
        ("{\"name\":\"a\",\"token\":7}", "1: token is no text"),
        (
            "{\"name\":\"a\",\"sekrit\":1}",
            "1: a column is none of those that are known",
        ),
        ("{\"sekrit\":1,\"sekrit\":1}", "1: a member comes twice"),
        (
            "{\"name\":\"a\",\"token\":\"s\",\"roles\":[1]}",
            "1: roles is no list of texts",
        ),
    ] {
        let message = refusal(content);
        assert_eq!(
            message,
            format!("{said}; nothing was imported"),
            "{content:?}"
        );
    }
    assert_eq!(table("\0").err().map(|failure| failure.code()), Some(2));
}
