//! Are token strings those that another tool writes, and is a damaged one recognised?

use proptest::prelude::*;
use regex_automata::nfa::thompson::pikevm::PikeVM;

use super::*;
use crate::fixtures::vectors;

const ID_BYTES: [u8; 16] = [7; 16];
const SECRET_BYTES: [u8; 32] = [9; 32];

fn token() -> OpaqueToken {
    let id = TokenId::from_bytes(ID_BYTES);
    OpaqueToken::compose("csn", OpaqueKind::Refresh, &id, &SECRET_BYTES)
}

fn refusal(text: &str) -> OpaqueError {
    OpaqueToken::parse(text, "csn").unwrap_err()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn tokens_are_those_that_python_writes() {
    let all = vectors(include_str!(
        "../../../../testdata/vectors/opaque-python.json"
    ));
    assert!(all.len() >= 4);
    for vector in all {
        let member = |name: &str| vector[name].as_str().unwrap();
        let kind = OpaqueKind::from_name(member("kind")).unwrap();
        let id = TokenId::from_bytes(bytes(member("id")).try_into().unwrap());
        let secret: [u8; 32] = bytes(member("secret")).try_into().unwrap();
        let written = OpaqueToken::compose(member("prefix"), kind, &id, &secret);
        assert_eq!(written.expose(), member("token"), "{}", member("comment"));
        let read = OpaqueToken::parse(member("token"), member("prefix")).unwrap();
        assert_eq!(read.kind(), kind);
        assert_eq!(read.id(), &id);
        assert_eq!(read.secret(), &secret);
    }
}

#[test]
fn a_token_shows_its_kind_and_its_id_only() {
    let token = token();
    let shown = format!("{token:?}");
    assert!(shown.contains("Refresh"), "{shown}");
    assert!(shown.contains(&token.id().to_string()), "{shown}");
    let secret = &token.expose()["csn_rt_".len() + ID..];
    assert!(!shown.contains(&secret[..8]), "{shown}");
}

#[test]
fn everything_up_to_a_last_double_dash_is_a_label() {
    let token = token();
    for label in [
        "anders-2026-11-22-2027-11-22--",
        "--",
        "a--b--",
        "csn_pat_x--",
        "é \n--",
    ] {
        let read = OpaqueToken::parse(&format!("{label}{}", token.expose()), "csn").unwrap();
        assert_eq!(read.expose(), token.expose(), "{label}");
    }
    assert_eq!(
        refusal(&format!("label-{}", token.expose())),
        OpaqueError::Prefix
    );
    assert_eq!(
        refusal(&format!("{}--", token.expose())),
        OpaqueError::Prefix
    );
}

// security.md 72: a bad one fails without a question to the store
#[test]
fn a_token_with_any_one_character_changed_or_lost_is_refused() {
    let good = token().expose().to_owned();
    for at in 0..good.len() {
        for other in ["0", "A", "z", "-", " ", "é", ""] {
            let bad = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            if bad != good {
                assert!(OpaqueToken::parse(&bad, "csn").is_err(), "{bad}");
            }
        }
        let doubled = format!("{}{}", &good[..=at], &good[at..]);
        assert!(OpaqueToken::parse(&doubled, "csn").is_err(), "{doubled}");
    }
    // CRC-32 finds every two characters that were exchanged.
    for at in "csn_rt_".len()..good.len() - 1 {
        let mut bytes = good.clone().into_bytes();
        bytes.swap(at, at + 1);
        let bad = String::from_utf8(bytes).unwrap();
        if bad != good {
            assert!(OpaqueToken::parse(&bad, "csn").is_err(), "{bad}");
        }
    }
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let good = token().expose().to_owned();
    for (text, error) in [
        (String::new(), OpaqueError::Prefix),
        ("eyJ.eyJ.AA".to_owned(), OpaqueError::Prefix),
        ("csn".to_owned(), OpaqueError::Prefix),
        ("csn_".to_owned(), OpaqueError::Kind),
        ("csn_rt".to_owned(), OpaqueError::Kind),
        (good.replace("_rt_", "_xx_"), OpaqueError::Kind),
        (good.replace("_rt_", "_RT_"), OpaqueError::Kind),
        (good.replace("csn_", "CSN_"), OpaqueError::Prefix),
        ("csn_rt_".to_owned(), OpaqueError::Length),
        (format!("{good}0"), OpaqueError::Length),
        (
            format!("csn_rt_{}", "_".repeat(BODY)),
            OpaqueError::Character,
        ),
        (format!("csn_rt_{}", "z".repeat(BODY)), OpaqueError::Range),
        (good.replace("_rt_", "_app_"), OpaqueError::Checksum),
        (
            format!("csn_rt_{}", "0".repeat(BODY)),
            OpaqueError::Checksum,
        ),
        (
            format!("csn_rt_{}é", "0".repeat(BODY - 2)),
            OpaqueError::Character,
        ),
    ] {
        assert_eq!(refusal(&text), error, "{text}");
    }
    let foreign = OpaqueToken::parse(&good, "acme").unwrap_err();
    assert_eq!(foreign, OpaqueError::Prefix);
}

// A number has one text: what is larger than the largest id or secret is none.
#[test]
fn the_largest_numbers_are_read_and_the_next_ones_are_not() {
    assert_eq!(
        TokenId::parse("7n42DGM5Tflk9n8mt7Fhc7"),
        Ok(TokenId::from_bytes([0xff; 16]))
    );
    assert_eq!(
        TokenId::parse("7n42DGM5Tflk9n8mt7Fhc8"),
        Err(OpaqueError::Range)
    );
    assert_eq!(TokenId::parse("0"), Err(OpaqueError::Length));
    assert_eq!(
        TokenId::parse("000000000000000000000!"),
        Err(OpaqueError::Character)
    );
}

fn kinds() -> impl Strategy<Value = OpaqueKind> {
    prop::sample::select(&OpaqueKind::ALL[..])
}

/// What the scanner's expression finds in a text, as an implementation that is not ours reads it.
fn found<'t>(prefix: &str, text: &'t str) -> Vec<&'t str> {
    let pattern = OpaqueToken::scanner_pattern(prefix);
    let ascii = regex_automata::util::syntax::Config::new()
        .unicode(false)
        .utf8(false);
    let scanner = PikeVM::builder().syntax(ascii).build(&pattern).unwrap();
    let mut cache = scanner.create_cache();
    scanner
        .find_iter(&mut cache, text)
        .map(|found| &text[found.range()])
        .collect()
}

#[test]
fn a_prefix_is_what_stands_in_a_header_and_ends_at_the_first_underscore() {
    for prefix in ["csn", "a", "0", "0123456789abcdef"] {
        assert!(OpaqueToken::is_prefix(prefix), "{prefix}");
    }
    for text in [
        "",
        "0123456789abcdefg",
        "Csn",
        "c_n",
        "c-n",
        "c n",
        "é",
        "c\n",
    ] {
        assert!(!OpaqueToken::is_prefix(text), "{text:?}");
    }
}

proptest! {
    #[test]
    fn every_token_is_read_back(id: [u8; 16], secret: [u8; 32], label in "[a-z0-9-]{0,20}") {
        for kind in OpaqueKind::ALL {
            let id = TokenId::from_bytes(id);
            let token = OpaqueToken::compose("csn", kind, &id, &secret);
            let read = OpaqueToken::parse(&format!("{label}--{}", token.expose()), "csn").unwrap();
            prop_assert_eq!(read.kind(), kind);
            prop_assert_eq!(read.id(), &id);
            prop_assert_eq!(read.secret(), &secret);
            prop_assert_eq!(TokenId::parse(&id.to_string()), Ok(id));
        }
    }

    #[test]
    fn a_token_parses_to_itself_under_any_prefix_and_label(
        prefix in "[a-z0-9]{1,16}",
        kind in kinds(),
        id: [u8; 16],
        secret: [u8; 32],
        label in "[ -~é]{0,40}",
    ) {
        prop_assert!(OpaqueToken::is_prefix(&prefix));
        let token = OpaqueToken::compose(&prefix, kind, &TokenId::from_bytes(id), &secret);
        let text = token.expose();
        for labelled in [text.to_owned(), format!("{label}--{text}"), format!("a--{label}--{text}")] {
            let read = OpaqueToken::parse(&labelled, &prefix).unwrap();
            prop_assert_eq!(read.expose(), text);
            prop_assert_eq!((read.kind(), read.id(), read.secret()), (kind, token.id(), &secret));
        }
        // Neither a shorter nor a longer prefix takes it for its own.
        for other in [format!("{prefix}x"), prefix[1..].to_owned(), "other".to_owned()] {
            if other != prefix {
                prop_assert!(OpaqueToken::parse(text, &other).is_err());
            }
        }
    }

    // security.md 72: CRC-32 finds every change of up to 32 bits in a row, and a body has one length.
    #[test]
    fn one_character_that_was_changed_lost_swapped_or_inserted_is_found(
        kind in kinds(),
        id: [u8; 16],
        secret: [u8; 32],
        at: prop::sample::Index,
        other in "[0-9A-Za-z_ -]",
    ) {
        let token = OpaqueToken::compose("csn", kind, &TokenId::from_bytes(id), &secret);
        let good = token.expose();
        let at = at.index(good.len());
        let (before, after) = (&good[..at], &good[at + 1..]);
        let mut swapped = good.as_bytes().to_vec();
        swapped.swap(at, (at + 1) % good.len());
        for bad in [
            format!("{before}{other}{after}"),
            format!("{before}{after}"),
            format!("{before}{other}{}", &good[at..]),
            format!("{good}{other}"),
            String::from_utf8(swapped).unwrap(),
        ] {
            prop_assert!(bad == good || OpaqueToken::parse(&bad, "csn").is_err(), "{}", bad);
        }
    }

    #[test]
    fn a_scanner_finds_every_token_and_no_more_than_it(
        prefix in "[a-z0-9]{1,16}",
        kind in kinds(),
        id: [u8; 16],
        secret: [u8; 32],
    ) {
        let token = OpaqueToken::compose(&prefix, kind, &TokenId::from_bytes(id), &secret);
        for (before, after) in [("", ""), ("laptop--", "\n"), ("curl -H \"Authorization: Bearer ", "\""), ("url/", "?x")] {
            let text = format!("{before}{}{after}", token.expose());
            prop_assert_eq!(found(&prefix, &text), [token.expose()]);
        }
        let none: [&str; 0] = [];
        for text in [format!("x{}", token.expose()), format!("{}x", token.expose())] {
            prop_assert_eq!(found(&prefix, &text), none);
        }
    }

    #[test]
    fn ids_sort_as_their_bits_do(left: [u8; 16], right: [u8; 16]) {
        let (left, right) = (TokenId::from_bytes(left), TokenId::from_bytes(right));
        prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
    }

    #[test]
    fn no_text_makes_the_reader_fail(text in ".{0,120}", tail in "[0-9A-Za-z_-]{60,80}") {
        let _ = OpaqueToken::parse(&text, "csn");
        let _ = OpaqueToken::parse(&format!("csn_rt_{tail}"), "csn");
    }
}

#[test]
fn the_kind_that_a_text_claims_is_seen_whatever_its_prefix_and_label() {
    let id = TokenId::from_bytes(ID_BYTES);
    for kind in OpaqueKind::ALL {
        for prefix in ["csn", "acme1"] {
            let token = OpaqueToken::compose(prefix, kind, &id, &SECRET_BYTES);
            let labelled = format!("anders-2026--{}", token.expose());
            for text in [token.expose(), &labelled] {
                assert_eq!(OpaqueToken::claimed_kind(text), Some(Ok(kind)), "{text}");
                let shorter = &text[..text.len() - 1];
                assert_eq!(OpaqueToken::claimed_kind(shorter), None, "{shorter}");
            }
            let mut other = token.expose().to_owned();
            let last = if other.ends_with('0') { "1" } else { "0" };
            other.replace_range(other.len() - 1.., last);
            let seen = OpaqueToken::claimed_kind(&other);
            assert_eq!(seen, Some(Err(OpaqueError::Checksum)), "{other}");
        }
    }
    for text in [
        "",
        "csn",
        "csn_pat",
        "csn_pat_x",
        "ya29.a0A",
        "2YotnFZFEjr1zCsicMWpAA",
    ] {
        assert_eq!(OpaqueToken::claimed_kind(text), None, "{text}");
    }
}
