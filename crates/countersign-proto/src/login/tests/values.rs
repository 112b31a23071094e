//! Which values and which places are accepted, and which are not?

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_code_is_eight_letters_and_forgives_how_it_is_typed() {
    for typed in [
        "BCDF-GHJK",
        "bcdf-ghjk",
        "bcdfghjk",
        " b c d f g h j k ",
        "BCDF—GHJK",
        "BCDF\u{2011}GHJK\r\n",
        "bcdf\tGHJK",
    ] {
        let value = ConfirmValue::from_typed(typed).unwrap();
        assert_eq!(value.expose(), "BCDFGHJK", "{typed:?}");
        assert_eq!(value.to_shown().as_str(), "BCDF-GHJK");
        assert_eq!(value.binding(), Binding::Code);
    }
    for typed in [
        "",
        "BCDF-GHJ",
        "BCDF-GHJKL",
        "ACDF-GHJK",
        "BCDF-GHJ1",
        "BCDF_GHJK",
        "ＢCDF-GHJK",
        "BCDF-GHJ\u{212a}",
        &"B".repeat(10_000),
    ] {
        assert_eq!(
            ConfirmValue::from_typed(typed).unwrap_err(),
            ConfirmValueError,
            "{typed:.20}"
        );
    }
}

#[test]
fn a_value_on_the_wire_has_one_form() {
    for (binding, text) in [
        (Binding::Code, "BCDFGHJK".to_owned()),
        (Binding::Loopback, format!("{}w", "_".repeat(42))),
    ] {
        assert_eq!(ConfirmValue::parse(binding, &text).unwrap().expose(), text);
    }
    for (binding, text) in [
        (Binding::Code, "bcdfghjk".to_owned()),
        (Binding::Code, "BCDF-GHJK".to_owned()),
        (Binding::Code, String::new()),
        (Binding::Code, "A".repeat(43)),
        (Binding::Loopback, "BCDFGHJK".to_owned()),
        (Binding::Loopback, "A".repeat(42)),
        (Binding::Loopback, "A".repeat(44)),
        (Binding::Loopback, format!("{}=", "A".repeat(43))),
        (Binding::Loopback, format!("{}+", "A".repeat(42))),
        // Bits beyond the last byte.
        (Binding::Loopback, format!("{}B", "A".repeat(42))),
        (Binding::Loopback, "é".repeat(21) + "A"),
    ] {
        assert!(ConfirmValue::parse(binding, &text).is_err(), "{text}");
    }
}

// The letters by long division of the number, done with Python.
#[test]
fn a_code_is_its_number_in_base_20() {
    let code = |bytes| ConfirmValue::code(&bytes).expose().to_owned();
    assert_eq!(code([0; 16]), "BBBBBBBB");
    assert_eq!(code([0xff; 16]), "TQLJPKCV");
    assert_eq!(code(*b"0123456789abcdef"), "DCHDFPFV");
}

#[test]
fn a_value_is_never_shown_by_debug() {
    let value = ConfirmValue::from_typed("BCDF-GHJK").unwrap();
    assert_eq!(format!("{value:?}"), "ConfirmValue(code, ..)");
}

// WHATWG Fetch, "port blocking", and Redis
#[test]
fn no_browser_is_sent_to_a_port_of_another_service() {
    let path = "AAECAwQFBgcICQoLDA0ODw";
    for port in [
        0, 1, 22, 25, 80, 443, 1023, 1719, 2049, 4045, 4190, 5060, 6000, 6379, 6666, 6697, 10080,
        11211,
    ] {
        assert_eq!(
            LoopbackTarget::new(port, path),
            Err(LoopbackError::Port(port)),
            "{port}"
        );
    }
    for port in [1024, 5062, 6001, 8085, 49_152, 65_535] {
        assert!(LoopbackTarget::new(port, path).is_ok(), "{port}");
    }
}

#[test]
fn a_loopback_path_is_128_bits_and_cannot_leave_its_place() {
    for path in [
        "",
        "AAECAwQFBgcICQoLDA0OD",
        "AAECAwQFBgcICQoLDA0ODwA",
        "AAECAwQFBgcICQoLDA0ODx",
        "../../../../../../etc/",
        "AAECAwQFBgcICQoL/A0ODw",
        "AAECAwQFBgcICQoL?A0ODw",
        "AAECAwQFBgcICQoL%2FODw",
        "AAECAwQFBgcICQoLDA0O==",
        "éééééééééééé",
    ] {
        assert_eq!(
            LoopbackTarget::new(49_152, path),
            Err(LoopbackError::Path),
            "{path}"
        );
    }
}

#[test]
fn the_browser_is_sent_to_the_port_and_path_with_the_value() {
    let target = LoopbackTarget::new(49_152, "AAECAwQFBgcICQoLDA0ODw").unwrap();
    let url = target.url(&ConfirmValue::loopback(&[0xff; 32]));
    assert_eq!(
        url.as_str(),
        format!(
            "http://127.0.0.1:49152/AAECAwQFBgcICQoLDA0ODw?value={}8",
            "_".repeat(42)
        )
    );
    assert_eq!(target.origin(), "http://127.0.0.1:49152");
    assert!(!format!("{target:?}").contains("AAEC"));
}

proptest! {
    #[test]
    fn every_value_is_read_back(carried: [u8; 32], typed: [u8; 16]) {
        for value in [ConfirmValue::loopback(&carried), ConfirmValue::code(&typed)] {
            let read = ConfirmValue::parse(value.binding(), value.expose()).unwrap();
            prop_assert_eq!(read.expose(), value.expose());
        }
        let code = ConfirmValue::code(&typed);
        let read = ConfirmValue::from_typed(&code.to_shown().to_lowercase()).unwrap();
        prop_assert_eq!(read.expose(), code.expose());
    }

    #[test]
    fn no_typed_text_makes_the_reader_fail(typed in ".{0,40}") {
        let _ = ConfirmValue::from_typed(&typed);
        let _ = ConfirmValue::parse(Binding::Code, &typed);
        let _ = ConfirmValue::parse(Binding::Loopback, &typed);
    }
}

// No place of a code is left with fewer letters than there are.
#[test]
fn every_letter_can_stand_at_every_place() {
    let mut seen = vec![BTreeSet::new(); 8];
    for number in 0..400_u128 {
        for factor in (0..8).map(|place| 20_u128.pow(place)) {
            let code = ConfirmValue::code(&(number * factor).to_be_bytes());
            for (place, letter) in code.expose().chars().enumerate() {
                seen[place].insert(letter);
            }
        }
    }
    assert!(seen.iter().all(|letters| letters.len() == 20));
}
