//! Which text may name something, or describe it?

use super::RegistryError;

/// Longest identifier, in characters.
const IDENTIFIER_MAX: usize = 255;
/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 1000;

/// A client id: 1 to 255 characters of `A-Z a-z 0-9 . _ ~ -`, and not a reserved one.
pub(crate) fn client_id(value: &str) -> Result<(), RegistryError> {
    const WHAT: &str = "client id";
    if is_reserved(value) {
        return Err(invalid(
            WHAT,
            format!(
                "`{}` is reserved for the platform; choose another",
                value.escape_debug()
            ),
        ));
    }
    identifier(WHAT, value)?;
    let permitted = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '-');
    match value.chars().find(|c| !permitted(*c)) {
        Some(c) => Err(invalid(
            WHAT,
            format!(
                "`{}` is not permitted; use A-Z a-z 0-9 . _ ~ -",
                c.escape_debug()
            ),
        )),
        None => Ok(()),
    }
}

/// A name that is compared exactly: 1 to 255 characters, none of them invisible.
pub(super) fn identifier(what: &'static str, value: &str) -> Result<(), RegistryError> {
    if value.is_empty() {
        return Err(invalid(what, "must not be empty".to_owned()));
    }
    if value.chars().count() > IDENTIFIER_MAX {
        return Err(invalid(
            what,
            format!("is longer than {IDENTIFIER_MAX} characters"),
        ));
    }
    if matches!(value, "." | "..") {
        return Err(invalid(
            what,
            "must not be `.` or `..`, which no path can name".to_owned(),
        ));
    }
    if value.trim() != value {
        return Err(invalid(
            what,
            "must not begin or end with a space".to_owned(),
        ));
    }
    visible(what, value)
}

/// The name of somebody who is not the platform.
pub(crate) fn principal_name(value: &str) -> Result<(), RegistryError> {
    identifier("principal", value)?;
    if is_reserved(value) {
        return Err(invalid(
            "principal",
            format!("`{}` is reserved for the platform", value.escape_debug()),
        ));
    }
    Ok(())
}

/// The name of a granted token.
pub(crate) fn token_name(value: &str) -> Result<(), RegistryError> {
    identifier("name", value)
}

/// A text for people: at most 1000 characters, none of them invisible.
pub(crate) fn description(what: &'static str, value: &str) -> Result<(), RegistryError> {
    if value.chars().count() > DESCRIPTION_MAX {
        return Err(invalid(
            what,
            format!("is longer than {DESCRIPTION_MAX} characters"),
        ));
    }
    visible(what, value)
}

/// Whether a name belongs to the platform, in any case of its letters.
pub(super) fn is_reserved(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    lower == "platform" || lower.starts_with("countersign:")
}

pub(super) fn invalid(what: &'static str, problem: String) -> RegistryError {
    RegistryError::Invalid { what, problem }
}

fn visible(what: &'static str, value: &str) -> Result<(), RegistryError> {
    match value.chars().find(|c| deceives(*c)) {
        Some(c) => Err(invalid(
            what,
            format!(
                "holds U+{:04X}, a control or invisible character; remove it",
                u32::from(c)
            ),
        )),
        None => Ok(()),
    }
}

/// Controls, and characters that are not seen or that turn the writing around: two names that
/// look the same must be the same.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md A23
    #[test]
    fn controls_and_characters_that_deceive_are_refused_in_identifiers() {
        for bad in [
            "ad\u{0}min",
            "ad\nmin",
            "ad\u{7f}min",
            "ad\u{85}min",
            "ad\u{202E}nim",
            "ad\u{2066}min",
            "ad\u{200B}min",
            "ad\u{FEFF}min",
            "ad\u{E0061}min",
            " admin",
            "admin ",
            "\u{A0}admin",
            "",
        ] {
            assert!(identifier("principal", bad).is_err(), "{bad:?}");
        }
        for good in [
            "admin",
            "Darth Vader",
            "jörg@example.com",
            "管理者",
            r"DOM\user",
        ] {
            assert_eq!(identifier("principal", good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn an_identifier_has_at_most_255_characters() {
        assert_eq!(identifier("principal", &"ö".repeat(255)), Ok(()));
        assert!(identifier("principal", &"ö".repeat(256)).is_err());
    }

    #[test]
    fn a_client_id_holds_only_unreserved_characters() {
        for good in ["0c83091d-fc2f-40b5-8aca-940e4cf5f9b5", "billing.eu_1~x"] {
            assert_eq!(client_id(good), Ok(()), "{good}");
        }
        for bad in ["a b", "a/b", "a%b", "ä", "a:b", "", "cоmpany\u{43e}"] {
            assert!(client_id(bad).is_err(), "{bad:?}");
        }
    }

    // security.md 43
    #[test]
    fn names_of_the_platform_are_reserved_in_any_case() {
        for reserved in [
            "countersign:platform",
            "COUNTERSIGN:x",
            "platform",
            "Platform",
        ] {
            assert!(is_reserved(reserved), "{reserved}");
            assert!(client_id(reserved).is_err(), "{reserved}");
        }
        assert!(!is_reserved("platforms"));
    }
}
