//! How is a person at the terminal asked while other things go on?

use std::{io::IsTerminal, sync::mpsc};

use rustix::{io::Errno, termios::QueueSelector};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeroize::Zeroizing;

/// The terminal of this process. Reads a line only after somebody was asked for one.
pub(crate) struct Terminal {
    wanted: mpsc::Sender<()>,
    lines: UnboundedReceiver<Typed>,
    waits: bool,
}

/// What came from the terminal.
pub(crate) enum Typed {
    /// A line, without its end.
    Line(Zeroizing<String>),
    /// Nothing more comes: Ctrl-D, or the terminal is gone.
    End,
}

/// Longest line that a terminal hands over at once.
const LINE_MAX: usize = 4096;

impl Terminal {
    /// None when nobody can be asked: a question goes to stderr and its answer comes from stdin, so
    /// both must be terminals.
    pub(crate) fn of_this_process() -> Option<Terminal> {
        if !is_there() {
            return None;
        }
        let (wanted, requests) = mpsc::channel();
        let (sender, lines) = unbounded_channel();
        // Reading cannot be given up, so it has a thread of its own. One that still waits for a
        // line when the command ends goes with it.
        std::thread::spawn(move || read_lines(&requests, &sender));
        Some(Terminal {
            wanted,
            lines,
            waits: false,
        })
    }

    /// Expects an answer from now on. What was typed before the question was seen is none.
    pub(crate) fn expect_answer(&mut self) {
        let _ = rustix::termios::tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
        while self.lines.try_recv().is_ok() {
            self.waits = false;
        }
        if !self.waits {
            self.waits = self.wanted.send(()).is_ok();
        }
    }

    /// The answer. Waits for ever when none is expected; losing the future loses nothing.
    pub(crate) async fn answer(&mut self) -> Typed {
        if !self.waits {
            return std::future::pending().await;
        }
        let typed = self.lines.recv().await.unwrap_or(Typed::End);
        self.waits = false;
        typed
    }
}

/// Whether somebody can be asked.
pub(crate) fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn read_lines(requests: &mpsc::Receiver<()>, lines: &UnboundedSender<Typed>) {
    while requests.recv().is_ok() {
        if lines.send(read_line()).is_err() {
            return;
        }
    }
}

/// A terminal hands over one line a call.
fn read_line() -> Typed {
    let mut buffer = Zeroizing::new([0; LINE_MAX]);
    let length = loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
            Err(Errno::INTR) => {}
            Err(_) | Ok(0) => return Typed::End,
            Ok(length) => break length,
        }
    };
    let line = String::from_utf8_lossy(&buffer[..length]);
    Typed::Line(Zeroizing::new(line.trim().to_owned()))
}
