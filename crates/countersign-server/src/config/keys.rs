//! Which settings are there, with which default, and what do they permit?

mod table;
pub use table::KEYS;

/// One setting.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Key {
    /// The key with its table, as in `listen.address`.
    pub name: &'static str,
    /// What it permits.
    pub permitted: Permitted,
    /// What holds when it is not given.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// What a setting permits.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Permitted {
    /// A string, which must be as this says.
    Text(&'static str),
    /// `true` or `false`.
    Flag,
    /// A whole number in this range, both ends included, of this unit.
    Number {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
        /// Of what.
        unit: &'static str,
    },
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A list of strings, each of which must be as this says.
    List(&'static str),
}

/// The table that may stand in a file several times.
pub(super) const REPEATED: &str = "trusted_issuer";

impl Permitted {
    /// In words, for messages and documents.
    pub fn words(&self) -> String {
        match self {
            Permitted::Text(what) => (*what).to_owned(),
            Permitted::List(what) => format!("a list of {what}"),
            Permitted::Flag => "`true` or `false`".to_owned(),
            Permitted::Number { min, max, unit } => format!("{min} to {max} {unit}"),
            Permitted::OneOf(names) => names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key that was probably meant by `wrong`: the nearest by edits, if it is near.
pub(super) fn nearest(wrong: &str) -> Option<&'static str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    KEYS.iter()
        .map(|key| {
            let whole = edits(wrong, key.name);
            // A right key in a wrong table, or without its table.
            let moved = if last(wrong) == last(key.name) {
                1
            } else {
                usize::MAX
            };
            (whole.min(moved), key.name)
        })
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .map(|(_, name)| name)
}

/// Levenshtein's distance.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (((b, diagonal), above), j) in
            to.iter().zip(&row).zip(row.iter().skip(1)).zip(0_usize..)
        {
            let left = next.get(j).copied().unwrap_or(usize::MAX - 1);
            next.push(
                (diagonal + usize::from(a != *b))
                    .min(above + 1)
                    .min(left + 1),
            );
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_every_setting_as_the_code_has_it() {
        let document = include_str!("../../../../docs/settings.md");
        let rows: Vec<&str> = document
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let expected: Vec<String> = KEYS
            .iter()
            .map(|key| {
                format!(
                    "| `{}` | {} | {} | {} |",
                    key.name,
                    key.permitted.words(),
                    key.default,
                    key.meaning
                )
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn edits_are_counted_as_levenshtein_did() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", "abc"), 0);
    }

    #[test]
    fn the_nearest_key_is_found_and_a_strange_one_is_not() {
        assert_eq!(nearest("isuer"), Some("issuer"));
        assert_eq!(nearest("listen.adress"), Some("listen.address"));
        assert_eq!(
            nearest("shared_certificate"),
            Some("lab.shared_certificate")
        );
        assert_eq!(nearest("favourite_colour"), None);
    }
}
