//! Which JSON must be refused, although the right key signed it?

use super::{Hostile, Issuer, good_claims};

pub(super) fn add(issuer: &Issuer, all: &mut Vec<Hostile>) {
    let header = issuer.header().to_string();
    let claims = good_claims().to_string();
    let mut add = |header: &[u8], claims: &[u8], why| {
        let token = issuer.sign_bytes(header, claims);
        all.push(Hostile { token, why });
    };
    let alg = format!("\"alg\":\"{}\"", issuer.algorithm());
    for (bad, why) in [
        (inside(&header, &alg), "Header DuplicateMember"),
        (
            inside(&header, r#""\u0061lg":"none""#),
            "Header DuplicateMember",
        ),
        (
            inside(&header, r#""x":{"y":1,"y":1}"#),
            "Header DuplicateMember",
        ),
        (format!("{header}x"), "Header TrailingBytes"),
        (format!("{header}{{}}"), "Header TrailingBytes"),
        (format!("[{header}]"), "Header NotAnObject"),
        ("null".to_owned(), "Header NotAnObject"),
        (header.replace('"', "'"), "Header Syntax"),
        (format!("\u{feff}{header}"), "Header Syntax"),
        (inside(&header, r#""x":"\ud800""#), "Header Syntax"),
    ] {
        add(bad.as_bytes(), claims.as_bytes(), why);
    }
    let many: Vec<String> = (0..64).map(|n| format!("\"{n}\":0")).collect();
    let deep = format!("\"x\":{}{}", "[".repeat(100), "]".repeat(100));
    let long = format!("\"x\":\"{}\"", "y".repeat(4097));
    for (bad, why) in [
        (
            inside(&claims, r#""sub":"admin""#),
            "Claims DuplicateMember",
        ),
        (
            inside(&claims, r#""\u0065xp":9700000060"#),
            "Claims DuplicateMember",
        ),
        (
            inside(&claims, r#""x":{"y":[{"z":1,"z":1}]}"#),
            "Claims DuplicateMember",
        ),
        (inside(&claims, r#""x":"\ud800""#), "Claims Syntax"),
        (inside(&claims, r#""x":1e999"#), "Claims Syntax"),
        (inside(&claims, &deep), "Claims TooDeep"),
        (inside(&claims, &long), "Claims StringTooLong"),
        (inside(&claims, &many.join(",")), "Claims TooManyMembers"),
        (format!("{claims}x"), "Claims TrailingBytes"),
        (format!("{claims}\0"), "Claims TrailingBytes"),
        (format!("[{claims}]"), "Claims NotAnObject"),
        ("\"\"".to_owned(), "Claims NotAnObject"),
        (claims.replace("1700000600", "NaN"), "Claims Syntax"),
        (claims.replace("1700000600", "01700000600"), "Claims Syntax"),
    ] {
        assert_ne!(bad, claims);
        add(header.as_bytes(), bad.as_bytes(), why);
    }
    let utf16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_be_bytes).collect();
    add(header.as_bytes(), &utf16, "Claims Syntax");
    let mut latin = claims.into_bytes();
    let at = latin
        .iter()
        .position(|byte| *byte == b':')
        .expect("a colon")
        + 2;
    latin[at] = 0xe9;
    add(header.as_bytes(), &latin, "Claims NotUtf8");
}

/// `{…}` with one member more.
fn inside(object: &str, more: &str) -> String {
    format!("{},{more}}}", &object[..object.len() - 1])
}
