//! Which blocks does a PEM text consist of?

use countersign_proto::showable::showable;

/// One block with its two boundary lines, not decoded: what decodes a key wipes what it decodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) text: &'a str,
}

impl Block<'_> {
    /// Encrypted in the old way of OpenSSL, by headers inside the block (RFC 1421 §4.6.1.1).
    pub(super) fn is_traditionally_encrypted(&self) -> bool {
        self.text
            .lines()
            .any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
    }
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Every block (RFC 7468 §2), in order. Text between blocks is passed over.
///
/// A block without its end means that the file is cut off, and then nothing of it is believed.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, String> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let from_begin = &rest[start..];
        let after_begin = &from_begin[BEGIN.len()..];
        let Some(label) = after_begin
            .split_once(DASHES)
            .map(|(label, _)| label)
            .filter(|label| !label.contains('\n'))
        else {
            return Err("is cut off in the first line of a PEM block".to_owned());
        };
        let end = format!("-----END {label}-----");
        let Some(length) = from_begin.find(&end).map(|at| at + end.len()) else {
            return Err(cut_off(label));
        };
        let block = &from_begin[..length];
        if block[BEGIN.len()..].contains(BEGIN) {
            return Err(cut_off(label));
        }
        blocks.push(Block { label, text: block });
        rest = &from_begin[length..];
    }
    Ok(blocks)
}

/// The label is what somebody wrote into a file.
fn cut_off(label: &str) -> String {
    let label = showable(label, 64);
    format!("is cut off in the middle of a {label} block")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "Bag Attributes\n-----BEGIN A-----\nAAAA\n-----END A-----\nnoise\r\n-----BEGIN B C-----\r\nBBBB\r\n-----END B C-----";

    #[test]
    fn blocks_are_found_between_other_text_and_at_the_end_without_a_newline() {
        let found = blocks(TWO).unwrap();
        let labels: Vec<&str> = found.iter().map(|block| block.label).collect();
        assert_eq!(labels, ["A", "B C"]);
        assert_eq!(found[0].text, "-----BEGIN A-----\nAAAA\n-----END A-----");
    }

    #[test]
    fn a_text_cut_anywhere_inside_a_block_is_refused_whole() {
        let first = TWO.find("-----BEGIN B").unwrap();
        for cut in first + "-----BEGIN ".len()..TWO.len() {
            assert!(blocks(&TWO[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_block_that_runs_into_the_next_is_refused() {
        let text = "-----BEGIN A-----\nAAAA\n-----BEGIN A-----\nAAAA\n-----END A-----\n";
        assert!(blocks(text).is_err());
    }

    #[test]
    fn only_the_headers_of_the_old_encryption_are_taken_for_it() {
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert!(blocks(old).unwrap()[0].is_traditionally_encrypted());
        assert!(!blocks(TWO).unwrap()[0].is_traditionally_encrypted());
    }

    // attack A23: found by the fuzzer
    #[test]
    fn a_label_is_shown_without_what_plays_with_its_reader() {
        let label = format!("\u{1b}[2J\u{202e}{}", "X".repeat(100));
        let cut = format!("-----BEGIN {label}-----\nAAAA\n");
        let run_in = format!("{cut}-----BEGIN {label}-----\n-----END {label}-----\n");
        let shown = format!("is cut off in the middle of a [2J{} block", "X".repeat(61));
        for text in [cut, run_in] {
            assert_eq!(blocks(&text).err(), Some(shown.clone()));
        }
    }
}
