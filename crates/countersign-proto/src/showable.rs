//! What of a text from outside may be shown to a person?

/// The text without what moves a terminal's cursor, reorders its line or hides in it, cut after so
/// many characters.
pub fn showable(text: &str, characters: usize) -> String {
    text.chars()
        .filter(|c| is_showable(*c))
        .take(characters)
        .collect()
}

/// Whether a text is shown as it is: not empty, not longer, and nothing in it plays with its reader.
///
/// For what is both shown and compared, where leaving something out would show another name.
pub fn is_showable_as_it_is(text: &str, characters: usize) -> bool {
    !text.is_empty() && text.chars().count() <= characters && text.chars().all(is_showable)
}

fn is_showable(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // attacks A23 and C8
    #[test]
    fn what_plays_with_its_reader_is_left_out() {
        let hostile = "a\u{1b}[2Jb\u{202e}c\0\u{85}\u{200b}d\r\n\u{7f}e\u{feff}\u{2066}";
        assert_eq!(showable(hostile, 64), "a[2Jbcde");
        assert_eq!(showable("日本語 é", 64), "日本語 é");
    }

    #[test]
    fn the_cut_counts_what_is_left() {
        assert_eq!(showable(&"é".repeat(10_000), 64), "é".repeat(64));
        assert_eq!(showable(&format!("{}ab", "\u{200b}".repeat(100)), 2), "ab");
    }

    #[test]
    fn a_name_is_shown_whole_or_not_at_all() {
        assert!(is_showable_as_it_is("Zoë", 3));
        for name in ["", "Zoëy", "a\u{202e}b", "a\n", "\u{200d}"] {
            assert!(!is_showable_as_it_is(name, 3), "{name:?}");
        }
    }
}
