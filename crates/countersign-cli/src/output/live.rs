//! How is shown what is going on right now, without a flood?
//!
//! On a terminal one line changes in place, and what is worth keeping is printed above it. Where
//! nobody watches, each change is a line of its own, and the passing of time is none.

use std::{
    io::{IsTerminal, Stderr, Write},
    time::Duration,
};

use super::{Output, Volume, printable};

/// The line that changes.
pub(crate) struct Live<W: Write = Stderr> {
    out: W,
    place: Place,
    /// What is going on.
    state: String,
    /// How long it may still go on.
    left: Option<Duration>,
    /// What is asked for, in place of the line.
    question: Option<String>,
    /// The line as it is on the screen, and how many characters of it.
    drawn: String,
    shown: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Somebody watches a screen with so many columns.
    Screen { columns: usize },
    /// A file, a pipe.
    Lines,
    /// Only the answer is wanted.
    Nowhere,
}

impl Output {
    /// A line on stderr that changes.
    pub(crate) fn live(&self) -> Live {
        let out = std::io::stderr();
        let place = match (self.volume, out.is_terminal()) {
            (Volume::Quiet, _) => Place::Nowhere,
            (_, true) => Place::Screen {
                columns: usize::from(super::columns().unwrap_or(80)),
            },
            (_, false) => Place::Lines,
        };
        Live::new(out, place)
    }
}

impl<W: Write> Live<W> {
    fn new(out: W, place: Place) -> Live<W> {
        Live {
            out,
            place,
            state: String::new(),
            left: None,
            question: None,
            drawn: String::new(),
            shown: 0,
        }
    }

    /// Says what is going on from now on.
    pub(crate) fn now(&mut self, state: &str) {
        if self.state == state {
            return;
        }
        self.state = printable(state);
        match self.place {
            Place::Screen { .. } => self.draw(),
            Place::Lines => self.print(&self.state.clone()),
            Place::Nowhere => {}
        }
    }

    /// Says for how long it may go on: on a screen, where a line can change.
    pub(crate) fn left(&mut self, left: Duration) {
        self.left = Some(left);
        if matches!(self.place, Place::Screen { .. }) {
            self.draw();
        }
    }

    /// Prints something that stays, above the line.
    pub(crate) fn note(&mut self, text: &str) {
        if self.place == Place::Nowhere {
            return;
        }
        let text = printable(text);
        match (self.question.clone(), self.place) {
            (None, _) => {
                self.wipe();
                self.print(&text);
                self.draw();
            }
            // What was typed of an answer still counts, though it is no longer seen.
            (Some(question), Place::Screen { columns }) => {
                let blank = " ".repeat(columns.saturating_sub(1));
                self.put(&format!("\r{blank}\r{text}\n{question}"));
            }
            (Some(question), _) => self.put(&format!("\n{text}\n{question}")),
        }
    }

    /// Puts a question in the place of the line. It is shown whatever was asked for: somebody waits
    /// for its answer.
    pub(crate) fn ask(&mut self, question: &str) {
        self.wipe();
        let question = format!("{} ", printable(question));
        self.put(&question);
        self.question = Some(question);
    }

    /// The question was answered, and the terminal is on a new line.
    pub(crate) fn answered(&mut self) {
        self.question = None;
        self.draw();
    }

    /// The question needs no answer any more.
    pub(crate) fn withdraw(&mut self) {
        if self.question.take().is_some() {
            self.put("\n");
        }
        self.draw();
    }

    /// Takes the line away; what was printed above it stays.
    pub(crate) fn end(&mut self) {
        self.withdraw();
        self.wipe();
        self.state.clear();
    }

    fn draw(&mut self) {
        let Place::Screen { columns } = self.place else {
            return;
        };
        if self.question.is_some() || self.state.is_empty() {
            return;
        }
        let mut line = self.state.clone();
        if let Some(left) = self.left {
            let (minutes, seconds) = (left.as_secs() / 60, left.as_secs() % 60);
            line.push_str(&format!(" ({minutes}:{seconds:02} left)"));
        }
        // One column stays free: a full line would wrap, and could not be taken back.
        let line: String = line.chars().take(columns.saturating_sub(1)).collect();
        let length = line.chars().count();
        match self.shown.checked_sub(length) {
            Some(0) if self.drawn == line => {}
            None | Some(0) => self.put(&format!("\r{line}")),
            Some(rest) => self.put(&format!("\r{line}{}\r{line}", " ".repeat(rest))),
        }
        self.shown = length;
        self.drawn = line;
    }

    fn wipe(&mut self) {
        if self.shown > 0 {
            let blank = " ".repeat(self.shown);
            self.put(&format!("\r{blank}\r"));
            self.shown = 0;
        }
    }

    fn print(&mut self, text: &str) {
        self.put(&format!("{text}\n"));
    }

    /// Nowhere to complain to when stderr is gone.
    fn put(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl<W: Write> Drop for Live<W> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(place: Place, talk: impl FnOnce(&mut Live<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        let mut live = Live::new(&mut out, place);
        talk(&mut live);
        drop(live);
        String::from_utf8(out).unwrap()
    }

    /// What a screen shows after such bytes: its lines, without what was overwritten.
    fn seen(bytes: &str) -> Vec<String> {
        let mut lines = vec![Vec::new()];
        let mut column = 0;
        for c in bytes.chars() {
            let line = lines.last_mut().unwrap();
            match c {
                '\r' => column = 0,
                '\n' => {
                    lines.push(Vec::new());
                    column = 0;
                }
                c => {
                    if line.len() <= column {
                        line.resize(column + 1, ' ');
                    }
                    line[column] = c;
                    column += 1;
                }
            }
        }
        let lines = lines.into_iter();
        lines
            .map(|line| String::from_iter(line).trim_end().to_owned())
            .collect()
    }

    const SCREEN: Place = Place::Screen { columns: 40 };

    #[test]
    fn on_a_screen_one_line_changes_and_notes_stay_above_it() {
        let bytes = said(SCREEN, |live| {
            live.now("waiting for the browser");
            live.left(Duration::from_secs(599));
            live.note("opened");
            live.now("waiting");
            assert_eq!(
                seen(&String::from_utf8(live.out.clone()).unwrap()),
                ["opened", "waiting (9:59 left)"]
            );
        });
        assert_eq!(seen(&bytes), ["opened", ""], "the line is gone at the end");
    }

    #[test]
    fn where_nobody_watches_a_change_is_a_line_and_time_is_none() {
        let bytes = said(Place::Lines, |live| {
            live.now("waiting");
            for left in 0..600 {
                live.left(Duration::from_secs(left));
                live.now("waiting");
            }
            live.note("opened");
        });
        assert_eq!(bytes, "waiting\nopened\n");
    }

    #[test]
    fn whoever_wants_only_the_answer_is_still_asked() {
        let bytes = said(Place::Nowhere, |live| {
            live.now("waiting");
            live.note("opened");
            live.ask("sign in as vader? [y/N]");
            live.answered();
        });
        assert_eq!(bytes, "sign in as vader? [y/N] ");
    }

    #[test]
    fn a_question_stands_in_place_of_the_line_until_it_is_answered_or_withdrawn() {
        let bytes = said(SCREEN, |live| {
            live.now("waiting");
            live.ask("code:");
            live.left(Duration::from_secs(1));
            live.note("opened again");
            live.withdraw();
            live.now("signing in");
        });
        assert_eq!(seen(&bytes), ["opened again", "code:", ""]);
    }

    #[test]
    fn a_line_never_wraps() {
        let bytes = said(SCREEN, |live| live.now(&"x".repeat(200)));
        let widest = bytes.split('\r').map(|part| part.chars().count()).max();
        assert_eq!(widest, Some(39));
    }

    // security.md C8
    #[test]
    fn what_a_server_says_cannot_leave_its_line() {
        let bytes = said(SCREEN, |live| {
            live.now("a\u{1b}[2J\nb");
            live.note("c\rd");
            live.ask("e\u{202e}?");
        });
        assert!(!bytes.contains('\u{1b}') && !bytes.contains('\u{202e}'));
        assert_eq!(seen(&bytes)[0], "c\u{fffd}d");
    }
}
