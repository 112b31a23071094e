//! How does anything get to the screen? The only file that prints.
//!
//! Data goes to stdout, everything else to stderr. What a server or a certificate says is shown
//! without control characters, so that it can neither move the cursor nor fake a line of ours.

mod live;

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use serde_json::Value;

pub(crate) use self::live::Live;
use crate::{
    args::{Format, Global},
    failure::Failure,
};

/// How to print.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Output {
    format: Option<Format>,
    volume: Volume,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Volume {
    Quiet,
    #[default]
    Normal,
    Verbose,
}

/// An answer, in both forms, made of the same values.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) json: Value,
    pub(crate) text: Vec<Block>,
}

/// A part of an answer for people.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// Names and values, one pair a line.
    Fields(Vec<(String, String)>),
    /// Rows under headings.
    Table(Vec<&'static str>, Vec<Vec<String>>),
    /// A heading, and lines under it.
    Lines(String, Vec<String>),
}

impl Output {
    pub(crate) fn new(global: &Global) -> Output {
        Output {
            format: global.output,
            volume: match (global.quiet, global.verbose) {
                (true, _) => Volume::Quiet,
                (false, true) => Volume::Verbose,
                (false, false) => Volume::Normal,
            },
        }
    }

    /// The format that was asked for, if any.
    pub(crate) fn format(&self) -> Option<Format> {
        self.format
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.volume == Volume::Verbose
    }

    /// Prints an answer that the exit code tells as well: not where nothing was to be said, unless a
    /// format was asked for.
    pub(crate) fn show_beside_code(&self, shown: &Shown) -> Result<(), Failure> {
        match (self.volume, self.format) {
            (Volume::Quiet, None) => Ok(()),
            _ => self.show(shown),
        }
    }

    /// Prints an answer.
    pub(crate) fn show(&self, shown: &Shown) -> Result<(), Failure> {
        let text = if self.format == Some(Format::Json) {
            let mut json = serde_json::to_string_pretty(&shown.json).unwrap_or_default();
            json.push('\n');
            escape_in_json(&json)
        } else {
            shown.text.iter().map(block).collect::<Vec<_>>().join("\n")
        };
        self.data(text.as_bytes())
    }

    /// Prints one of several JSON objects, on a line of its own.
    pub(crate) fn json_line(&self, json: &Value) -> Result<(), Failure> {
        self.data(escape_in_json(&format!("{json}\n")).as_bytes())
    }

    /// Prints bytes as they are: a token, a script.
    pub(crate) fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // Whoever read has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::other(format!("cannot write to stdout: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Says what must be seen, whatever was asked for.
    pub(crate) fn insist(&self, text: &str) {
        say("", text);
    }

    /// Draws a picture of light dots on a dark ground. Where there are colours, it is that on a
    /// light terminal too.
    pub(crate) fn draw(&self, lines: &[String]) {
        for line in lines {
            let line = printable(line);
            let _ = writeln!(anstream::stderr(), "\u{1b}[97;40m{line}\u{1b}[0m");
        }
    }

    /// Says what a person may want to know.
    pub(crate) fn note(&self, text: &str) {
        if self.volume != Volume::Quiet {
            say("", text);
        }
    }

    /// Says what was not as it should be, although the command went on.
    pub(crate) fn warn(&self, text: &str) {
        if self.volume != Volume::Quiet {
            say("\u{1b}[1;33mwarning:\u{1b}[0m ", text);
        }
    }

    /// Says what is being done, to whoever asked for that.
    pub(crate) fn detail(&self, text: &str) {
        if self.is_verbose() {
            say("", text);
        }
    }

    /// Says what failed, if anything did; the code to end with.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if failure.message().is_empty() {
            return ExitCode::from(failure.code());
        }
        say("\u{1b}[1;31merror:\u{1b}[0m ", failure.message());
        if let Some(hint) = failure.hint_text() {
            say("\u{1b}[1;36mhint:\u{1b}[0m ", hint);
        }
        ExitCode::from(failure.code())
    }

    /// Prints help that was asked for.
    pub(crate) fn help(&self, text: &str) -> ExitCode {
        match self.data(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => self.fail(&failure),
        }
    }
}

/// One line on stderr. Colours are taken out where they are not wanted (`NO_COLOR`, no terminal).
fn say(label: &str, text: &str) {
    // Nowhere to complain to when stderr is gone.
    let _ = writeln!(anstream::stderr(), "{label}{}", printable(text));
}

/// How wide the terminal on stderr is, if there is one.
pub(crate) fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr()).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

/// Text without anything that a terminal obeys: controls (C0, DEL, C1) and changes of direction.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_obeyed(c) { '\u{fffd}' } else { c })
        .collect()
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same in JSON, where such characters stand inside strings only and have another spelling.
fn escape_in_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_obeyed(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

fn block(block: &Block) -> String {
    match block {
        Block::Fields(fields) => {
            let width = fields.iter().map(|(name, _)| name.chars().count()).max();
            let width = width.unwrap_or(0);
            let line = |(name, value): &(String, String)| {
                format!("{:width$}  {}", printable(name), printable(value))
                    .trim_end()
                    .to_owned()
                    + "\n"
            };
            fields.iter().map(line).collect()
        }
        Block::Table(headings, rows) => table(headings, rows),
        Block::Lines(heading, lines) => {
            let lines = lines.iter().map(|line| format!("  {}\n", printable(line)));
            format!("{}\n", printable(heading)) + &lines.collect::<String>()
        }
    }
}

fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    let rows = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("{cell:w$}", w = width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md C8
    #[test]
    fn server_text_cannot_reach_the_terminal_as_a_command() {
        let evil = "no\u{1b}[2J\r\nhint: pay\u{9b}31m\u{202e}\u{7f}";
        assert_eq!(
            printable(evil),
            "no\u{fffd}[2J\u{fffd}\u{fffd}hint: pay\u{fffd}31m\u{fffd}\u{fffd}"
        );
        let fields = block(&Block::Fields(vec![("Name".to_owned(), evil.to_owned())]));
        assert_eq!(fields.matches('\n').count(), 1);
        assert!(!fields.contains('\u{1b}'));
    }

    // security.md C8
    #[test]
    fn json_keeps_the_value_and_spells_controls_out() {
        let json = escape_in_json("{\"a\": \"x\u{9b}31m\u{202e}\"}\n");
        assert_eq!(json, "{\"a\": \"x\\u009b31m\\u202e\"}\n");
        let back: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["a"], "x\u{9b}31m\u{202e}");
    }

    #[test]
    fn fields_are_aligned_and_empty_ones_end_without_spaces() {
        let fields = Block::Fields(vec![
            ("Type".to_owned(), "1".to_owned()),
            ("Principal".to_owned(), String::new()),
        ]);
        assert_eq!(block(&fields), "Type       1\nPrincipal\n");
    }

    #[test]
    fn a_table_has_its_headings_above_its_columns() {
        let rows = vec![vec!["a".to_owned(), "long value".to_owned()]];
        assert_eq!(
            block(&Block::Table(vec!["name", "what"], rows)),
            "name  what\na     long value\n"
        );
    }
}
