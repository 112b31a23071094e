//! Which names are the same, and which only look so?

use super::*;
use crate::der::encode;

fn parse(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

const CN: &[u8] = &[0x55, 4, 3];
const O: &[u8] = &[0x55, 4, 10];
const OU: &[u8] = &[0x55, 4, 11];
const DC: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19];
const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
const OTHER: &[u8] = &[0x2a, 3, 4];

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const IA5: u8 = 0x16;
const BMP: u8 = 0x1e;

/// Identifier, tag and content of the value.
type Part<'a> = (&'a [u8], u8, &'a [u8]);
type Parts<'a> = &'a [&'a [Part<'a>]];

/// The DER of a name, in the order of the certificate.
fn der(names: Parts<'_>) -> Vec<u8> {
    let sets: Vec<Vec<u8>> = names
        .iter()
        .map(|attributes| {
            let set: Vec<Vec<u8>> = attributes
                .iter()
                .map(|(oid, tag, value)| {
                    encode(
                        der::SEQUENCE,
                        &[
                            &encode(der::OBJECT_IDENTIFIER, &[oid]),
                            &encode(*tag, &[value]),
                        ],
                    )
                })
                .collect();
            encode(der::SET, &[&set.concat()])
        })
        .collect();
    encode(der::SEQUENCE, &[&sets.concat()])
}

fn name(names: Parts<'_>) -> DistinguishedName {
    DistinguishedName::from_der(&der(names)).unwrap()
}

fn cn(tag: u8, value: &[u8]) -> DistinguishedName {
    name(&[&[(CN, tag, value)]])
}

// RFC 4514 §4.
#[test]
fn the_examples_of_rfc_4514_are_read_and_written() {
    for text in [
        "UID=jsmith,DC=example,DC=net",
        "OU=Sales+CN=J.  Smith,DC=example,DC=net",
        "CN=James \\\"Jim\\\" Smith\\, III,DC=example,DC=net",
        "CN=Before\\0DAfter,DC=example,DC=net",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    let lucic = parse("CN=Lu\\C4\\8Di\\C4\\87");
    assert_eq!(lucic.common_name(), Some("Lučić"));
    assert_eq!(lucic.to_string(), "CN=Lučić");
    let octets = parse("1.3.6.1.4.1.1466.0=#04024869");
    assert_eq!(octets.to_string(), "1.3.6.1.4.1.1466.0=#04024869");
    assert_ne!(octets, parse("1.3.6.1.4.1.1466.0=#0C024869"));
}

// security.md 49: the text has the reverse order of the certificate.
#[test]
fn the_text_begins_with_the_last_name_of_the_certificate() {
    let certificate = name(&[&[(O, UTF8, b"Countersign")], &[(CN, UTF8, b"Corellian")]]);
    assert_eq!(certificate.to_string(), "CN=Corellian,O=Countersign");
    assert_eq!(certificate, parse("CN=Corellian,O=Countersign"));
    assert_ne!(certificate, parse("O=Countersign,CN=Corellian"));
    assert_eq!(certificate.common_name(), Some("Corellian"));
}

// security.md 49, 50, B10
#[test]
fn names_that_only_look_alike_are_different() {
    for (one, other) in [
        // One value with a comma is not two names.
        ("CN=Corellian\\,OU=Admin", "CN=Corellian,OU=Admin"),
        ("CN=a\\+OU=b", "CN=a+OU=b"),
        ("CN=a,OU=b", "CN=a+OU=b"),
        ("CN=a,CN=b", "CN=b,CN=a"),
        ("CN=a,CN=a", "CN=a"),
        ("CN=a+CN=a", "CN=a"),
        ("CN=a", "OU=a"),
        ("CN=a", "CN=a,O=b"),
        ("CN=admin", "CN=ａｄｍｉｎ"),
        ("CN=admin", "CN=аdmin"),
        ("CN=admin", "CN=admin\\00"),
        ("CN=admin", "CN=admin\\00.evil.example"),
        ("CN=admin", "CN=ad\\E2\\80\\8Bmin"),
        ("CN=admin", "CN=\\E2\\80\\AEadmin"),
        ("CN=é", "CN=e\u{301}"),
        ("CN=ab", "CN=a b"),
        // RFC 5280 §7.3: exact but for the case.
        ("DC=a  b", "DC=a b"),
        // An attribute that is not known is compared exactly.
        ("1.2.3.4=Abc", "1.2.3.4=abc"),
    ] {
        assert_ne!(parse(one), parse(other), "{one} and {other}");
        assert_ne!(parse(one).to_string(), parse(other).to_string());
    }
}

// security.md 50: RFC 5280 §7.1.
#[test]
fn case_spaces_and_the_order_inside_a_set_do_not_count() {
    use std::hash::{BuildHasher, RandomState};
    let hasher = RandomState::new();
    for (one, other) in [
        ("CN=Corellian", "cn=CORELLIAN"),
        ("CN=John Smith", "CN=John    Smith"),
        ("CN=John Smith", "CN=\\ John Smith\\ "),
        ("CN=John Smith", "CN=John\\09Smith"),
        ("CN=ÉTÉ", "CN=été"),
        ("CN=a+OU=b", "OU=B+CN=A"),
        ("DC=Example,DC=NET", "DC=example,DC=net"),
        ("E=Ops@Example.COM", "emailAddress=ops@example.com"),
        ("CN=a,O=b", " CN = a , O = b "),
        ("CN=\"Smith, John\"", "CN=Smith\\, John"),
        ("CN=a", "2.5.4.3=a"),
        ("CN=a", "OID.2.5.4.3=a"),
        ("CN=a", "CN=#0C0161"),
        ("CN=a", "CN=#130161"),
        ("ST=Bern", "S=Bern"),
    ] {
        assert_eq!(parse(one), parse(other), "{one} and {other}");
        assert_eq!(hasher.hash_one(parse(one)), hasher.hash_one(parse(other)));
    }
}

// security.md B10: the encoding of a string does not make another name of it.
#[test]
fn strings_of_every_type_are_decoded() {
    let expected = parse("CN=Zoë");
    assert_eq!(cn(UTF8, "Zoë".as_bytes()), expected);
    assert_eq!(cn(TELETEX, b"Zo\xeb"), expected);
    assert_eq!(cn(BMP, &[0, b'Z', 0, b'o', 0, 0xeb]), expected);
    assert_eq!(
        cn(0x1c, &[0, 0, 0, b'Z', 0, 0, 0, b'o', 0, 0, 0, 0xeb]),
        expected
    );
    assert_eq!(cn(PRINTABLE, b"Zoe"), cn(UTF8, b"ZOE"));
    assert_eq!(cn(BMP, &[0xd8, 0x3d, 0xde, 0x00]), parse("CN=😀"));
    let email = name(&[&[(EMAIL, IA5, b"Ops@example.com")]]);
    assert_eq!(email, parse("E=ops@Example.com"));
    assert_eq!(email.to_string(), "E=Ops@example.com");
    assert_eq!(name(&[&[(DC, IA5, b"example")]]), parse("DC=Example"));
}

// security.md B10, B12
#[test]
fn strings_with_bytes_that_their_type_does_not_have_are_refused() {
    for (tag, value) in [
        (UTF8, &b"\xff"[..]),
        (UTF8, b"\xc0\x80"),
        (UTF8, b"\xed\xa0\x80"),
        (PRINTABLE, b"\xe9"),
        (IA5, b"\x80"),
        (BMP, b"\0"),
        (BMP, &[0xd8, 0x3d]),
        (0x1c, &[0, 0x11, 0, 0]),
    ] {
        assert_eq!(
            DistinguishedName::from_der(&der(&[&[(CN, tag, value)]])),
            Err(DistinguishedNameError::Der),
            "{tag:x} {value:x?}"
        );
    }
    for der in [
        &b""[..],
        b"\x30\x02\x31\x00",
        b"\x30\x80\x00\x00",
        b"\x31\x00",
        b"\x30\x00\x00",
        b"\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03",
    ] {
        assert_eq!(
            DistinguishedName::from_der(der),
            Err(DistinguishedNameError::Der),
            "{der:x?}"
        );
    }
}

// security.md B10: NUL, controls and direction marks are shown escaped.
#[test]
fn what_could_move_a_cursor_or_hide_is_escaped() {
    for (value, shown) in [
        ("a\0b", "CN=a\\00b"),
        ("a\u{1b}[2Jb", "CN=a\\1B[2Jb"),
        ("a\r\nb", "CN=a\\0D\\0Ab"),
        ("a\u{7f}", "CN=a\\7F"),
        ("a\u{9b}b", "CN=a\\C2\\9Bb"),
        ("\u{202e}nimda", "CN=\\E2\\80\\AEnimda"),
        ("a\u{200b}b", "CN=a\\E2\\80\\8Bb"),
        ("a\u{2028}b", "CN=a\\E2\\80\\A8b"),
        ("a\u{a0}b", "CN=a\\C2\\A0b"),
        (" a ", "CN=\\ a\\ "),
        ("#a#", "CN=\\#a#"),
        (
            "a,b+c=d;e<f>g\"h\\i",
            "CN=a\\,b\\+c\\=d\\;e\\<f\\>g\\\"h\\\\i",
        ),
        ("", "CN="),
        (" ", "CN=\\ "),
        ("日本", "CN=日本"),
    ] {
        let name = cn(UTF8, value.as_bytes());
        assert_eq!(name.to_string(), shown);
        assert_eq!(parse(shown).common_name(), Some(value));
    }
}

// security.md B10
#[test]
fn the_slash_form_is_refused_and_the_error_says_which_form_is_wanted() {
    for text in ["/CN=a/O=b", "/CN=a/CN=b", " /O=x"] {
        let error = DistinguishedName::parse(text).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the form CN=Corellian,O=Example"),
            "{error}"
        );
    }
    // A slash inside a value is a character like others.
    assert_eq!(parse("CN=a/O=b").common_name(), Some("a/O=b"));
}

#[test]
fn errors_say_where_and_what() {
    let syntax = |at, text: &str| match DistinguishedName::parse(text) {
        Err(DistinguishedNameError::Syntax { at: found, .. }) => {
            assert_eq!(found, at, "{text}");
        }
        other => panic!("{text}: {other:?}"),
    };
    syntax(9, "CN=Corel;O=a".replace("Corel", "Corell").as_str());
    syntax(9, "Corellian");
    syntax(4, "CN=a\\q");
    syntax(4, "CN=a\\");
    syntax(5, "CN=a,");
    syntax(3, "CN=#0C01");
    syntax(3, "CN=#0C0");
    syntax(3, "CN=#zz");
    syntax(3, "CN=\\FF");
    syntax(5, "CN=\"a");
    syntax(7, "CN=\"a\" b");
    syntax(0, "2.5.04.3=a");
    syntax(0, "=a");
    syntax(2, "CN");
    assert_eq!(
        DistinguishedName::parse("CN=a,XY=b"),
        Err(DistinguishedNameError::UnknownAttribute("XY".into()))
    );
    for empty in ["", "   "] {
        assert_eq!(
            DistinguishedName::parse(empty),
            Err(DistinguishedNameError::Empty)
        );
    }
}

#[test]
fn the_most_specific_common_name_is_told() {
    assert_eq!(parse("CN=leaf,CN=above,O=x").common_name(), Some("leaf"));
    assert_eq!(parse("OU=a+CN=b,CN=c").common_name(), Some("b"));
    assert_eq!(parse("O=x").common_name(), None);
}

#[test]
fn values_that_are_no_strings_are_compared_and_written_as_der() {
    let bits = name(&[&[(OTHER, 0x03, &[0, 1])]]);
    assert_eq!(bits.to_string(), "1.2.3.4=#03020001");
    assert_eq!(parse("1.2.3.4=#03020001"), bits);
    let known = name(&[&[(OU, 0x03, &[0, 1])]]);
    assert_eq!(parse(&known.to_string()), known);
    assert_ne!(known, bits);
}

mod any_name {
    use proptest::prelude::*;

    use super::*;

    /// Characters that have a meaning in the text, that are escaped, and any others.
    fn value() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    ' ', '#', ',', '+', '"', '\\', '<', '>', ';', '=', '/', '\0', '\t', '\u{202e}',
                    'é', 'A',
                ]),
                any::<char>(),
            ],
            0..12,
        )
        .prop_map(String::from_iter)
    }

    fn oid() -> impl Strategy<Value = &'static [u8]> {
        prop::sample::select(vec![CN, O, OU, DC, EMAIL, OTHER])
    }

    proptest! {
        #[test]
        fn what_is_written_parses_back_to_the_same_name(
            names in prop::collection::vec(prop::collection::vec((oid(), value()), 1..4), 1..5)
        ) {
            let parts: Vec<Vec<Part<'_>>> = names
                .iter()
                .map(|set| set.iter().map(|(oid, value)| (*oid, UTF8, value.as_bytes())).collect())
                .collect();
            let parts: Vec<&[Part<'_>]> = parts.iter().map(Vec::as_slice).collect();
            let from_der = name(&parts);
            let text = from_der.to_string();
            let parsed = DistinguishedName::parse(&text).unwrap();
            prop_assert_eq!(&parsed, &from_der);
            prop_assert_eq!(parsed.to_string(), text.clone());
            let visible = text.chars().all(|c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric());
            prop_assert!(visible);
        }

        #[test]
        fn any_text_gives_a_name_or_an_error_within_it(text in any::<String>()) {
            if let Err(DistinguishedNameError::Syntax { at, .. }) = DistinguishedName::parse(&text) {
                prop_assert!(text.is_char_boundary(at));
            }
        }

        #[test]
        fn text_near_the_grammar_never_panics(
            text in "(CN|2\\.5|OID\\.|=|,|\\+|#|0C|\\\\|\"| |é|a){0,12}"
        ) {
            if let Ok(name) = DistinguishedName::parse(&text) {
                prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Ok(name));
            }
        }

        #[test]
        fn any_bytes_give_a_name_or_an_error(der in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(name) = DistinguishedName::from_der(&der) {
                let _ = name.to_string();
            }
        }
    }
}
