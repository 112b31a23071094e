//! Which damage to a good token must be noticed?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::proto::jws::MAX_BYTES;

use super::{Hostile, Issuer};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn add(issuer: &Issuer, all: &mut Vec<Hostile>) {
    let good = issuer.good();
    let mut add = |token: String, why| all.push(Hostile { token, why });
    signatures(&good, &mut add);
    texts(&good, &mut add);
    claims(&good, &mut add);
}

fn signatures(good: &str, add: &mut impl FnMut(String, &'static str)) {
    let (input, signature) = good.rsplit_once('.').expect("segments");
    for at in (0..signature.len()).step_by(3) {
        let found = signature.as_bytes()[at];
        let place = ALPHABET.iter().position(|letter| *letter == found);
        let mut other = signature.as_bytes().to_vec();
        other[at] = ALPHABET[(place.expect("base64url") + 32) % 64];
        let other = String::from_utf8(other).expect("ASCII");
        let why = match URL_SAFE_NO_PAD.decode(&other) {
            Ok(_) => "Signature",
            Err(_) => "Base64",
        };
        add(format!("{input}.{other}"), why);
    }
    let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let length = bytes.len();
    let mut reversed = bytes.clone();
    reversed.reverse();
    for other in [
        Vec::new(),
        vec![0; length],
        vec![1; length],
        vec![0xff; length],
        bytes[1..].to_vec(),
        bytes[..length - 1].to_vec(),
        [&bytes[..], &[0]].concat(),
        [&[0], &bytes[..]].concat(),
        [&bytes[..], &bytes[..]].concat(),
        reversed,
    ] {
        let other = URL_SAFE_NO_PAD.encode(other);
        add(format!("{input}.{other}"), "Signature");
    }
}

fn texts(good: &str, add: &mut impl FnMut(String, &'static str)) {
    for (more, why) in [
        (" ", "Character"),
        ("\n", "Character"),
        ("=", "Character"),
        ("\0", "Character"),
        ("+", "Character"),
        ("/", "Character"),
        ("é", "Character"),
        (".", "Segments"),
    ] {
        add(format!("{good}{more}"), why);
        add(format!("{more}{good}"), why);
    }
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("three segments")
    };
    let lengthened = match URL_SAFE_NO_PAD.decode(format!("{header}A")) {
        Ok(_) => "Header TrailingBytes",
        Err(_) => "Base64",
    };
    for (other, why) in [
        (String::new(), "Segments"),
        (header.to_owned(), "Segments"),
        (format!("{header}.{claims}"), "Segments"),
        (format!("{good}.{signature}"), "Segments"),
        (format!("{header}..{claims}.."), "Segments"),
        (format!("{header}.{claims}{signature}"), "Segments"),
        (format!("Bearer {good}"), "Character"),
        (format!(".{claims}.{signature}"), "Header Syntax"),
        (format!("{header}..{signature}"), "Claims Syntax"),
        (format!("{claims}.{header}.{signature}"), "Algorithm"),
        (format!("{header}A.{claims}.{signature}"), lengthened),
        ("A".repeat(MAX_BYTES + 1), "TooLarge"),
        (format!("{good}{}", "A".repeat(8_000_000)), "TooLarge"),
        (".".repeat(1_000_000), "TooLarge"),
        (".".repeat(MAX_BYTES), "Segments"),
        (
            format!(r#"{{"payload":"{claims}","protected":"{header}","signature":"{signature}"}}"#),
            "Character",
        ),
    ] {
        add(other, why);
    }
}

/// Under the signature of what was there before.
fn claims(good: &str, add: &mut impl FnMut(String, &'static str)) {
    let (input, signature) = good.rsplit_once('.').expect("segments");
    let (header, claims) = input.split_once('.').expect("segments");
    let json = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let json = String::from_utf8(json).expect("UTF-8");
    for (from, to) in [
        ("alice", "admin"),
        ("1700000600", "9700000600"),
        ("https://api.example", "https://web.example"),
        ("{", "{\"admin\":true,"),
        ("{", "{ "),
    ] {
        let changed = json.replace(from, to);
        assert_ne!(changed, json, "{from}");
        let changed = URL_SAFE_NO_PAD.encode(changed);
        add(format!("{header}.{changed}.{signature}"), "Signature");
    }
}
