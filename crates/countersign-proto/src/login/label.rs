//! By which words are two logins of one person told apart?

use crate::crypto;

/// Three short words that follow from the session id, computed by both ends: the same words stand in
/// the terminal and on the page.
///
/// They tell windows apart. They are no defence: whoever knows the session id knows them.
pub fn label(sid: &str) -> String {
    let [first, second, third, ..] = crypto::sha256(sid.as_bytes());
    let word = |byte: u8| WORDS[usize::from(byte)];
    [word(first), word(second), word(third)].join(" ")
}

#[rustfmt::skip]
const WORDS: [&str; 256] = [
    "acid", "acorn", "alarm", "amber", "angle", "apple", "april", "arch", "arrow", "atlas", "attic",
    "axle", "bacon", "badge", "bagel", "baker", "bamboo", "banjo", "barn", "basil", "beach", "bean",
    "bell", "bench", "berry", "bike", "birch", "bison", "blade", "blank", "bloom", "board", "bonus",
    "book", "boot", "bottle", "bowl", "brass", "bread", "brick", "brook", "broom", "brush", "bugle",
    "cabin", "cable", "cactus", "camel", "canal", "candle", "canoe", "cape", "cargo", "carpet",
    "castle", "cedar", "cello", "chalk", "chart", "cherry", "chess", "chili", "cider", "cinema",
    "circus", "clay", "cliff", "clock", "cloud", "clover", "coast", "cobalt", "cocoa", "comet",
    "copper", "coral", "cork", "corn", "cotton", "couch", "crane", "crater", "crayon", "cricket",
    "crown", "cube", "cup", "curtain", "daisy", "delta", "denim", "desk", "dial", "diary", "dome",
    "donkey", "door", "dove", "dragon", "drum", "dune", "eagle", "easel", "echo", "elbow", "ember",
    "engine", "fable", "falcon", "fan", "fern", "ferry", "fiddle", "field", "fig", "film", "flag",
    "flint", "flute", "fog", "forest", "fork", "fossil", "fox", "frost", "galaxy", "garden",
    "garlic", "gate", "gecko", "geyser", "ginger", "glacier", "glass", "globe", "glove", "goat",
    "grain", "grape", "gravel", "guitar", "gull", "hammer", "harbor", "harp", "hat", "hazel",
    "hedge", "helmet", "heron", "hill", "honey", "hook", "horn", "iceberg", "igloo", "indigo",
    "iris", "island", "ivory", "ivy", "jacket", "jade", "jasmine", "jelly", "jewel", "jigsaw",
    "jungle", "kayak", "kettle", "kite", "kiwi", "koala", "lace", "ladder", "lagoon", "lake",
    "lamp", "lantern", "lava", "leaf", "ledger", "lemon", "lens", "lilac", "lily", "lime", "linen",
    "lion", "lizard", "llama", "lobster", "lotus", "lunar", "magnet", "mango", "maple", "marble",
    "meadow", "melon", "meteor", "mint", "mirror", "mitten", "moon", "moss", "moth", "mural",
    "nectar", "needle", "nest", "nickel", "oak", "oasis", "oat", "ocean", "olive", "onion", "opal",
    "orbit", "orchid", "otter", "owl", "oyster", "paddle", "palm", "panda", "pansy", "paper",
    "parrot", "pasta", "peach", "pearl", "pebble", "pecan", "pencil", "pepper", "piano", "pigeon",
    "pillow", "pine", "pizza", "planet", "plum", "pocket", "polar", "pond", "poppy", "prism",
    "pumpkin", "puzzle", "quartz", "rabbit", "radar", "radio", "raft",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // The first three bytes of `printf SID | sha256sum`, looked up in the list by hand.
    #[test]
    fn a_label_is_three_words_by_the_digest_of_the_session_id() {
        assert_eq!(label(""), "pansy lake maple"); // e3 b0 c4
        assert_eq!(label("AAAAAAAAAAAAAAAAAAAAAA"), "grape desk orbit"); // 8a 5b db
        assert_eq!(label("b0Zq2k1xW8s3Jf5LhT7v9g"), "jacket ladder fork"); // a1 ae 79
    }

    #[test]
    fn the_words_are_short_and_all_different() {
        let different: BTreeSet<&str> = WORDS.into_iter().collect();
        assert_eq!(different.len(), WORDS.len());
        for word in WORDS {
            assert!((3..=7).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
        }
    }
}
