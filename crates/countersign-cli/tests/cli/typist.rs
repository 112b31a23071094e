//! How does a test sit at a terminal?

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::world::{Home, Ran};

/// Somebody at a terminal of so many columns, in which one command runs. Its answer on stdout goes
/// elsewhere, as by `>`.
pub(crate) struct Typist {
    terminal: File,
    child: Child,
    /// Everything that the terminal showed.
    seen: String,
    /// How much of it was waited for.
    read_to: usize,
}

/// Longer than anything that a test waits for takes.
const PATIENCE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

impl Typist {
    pub(crate) fn start(home: &Home, line: &str) -> Typist {
        Typist::sit(&home.command(line), 100)
    }

    /// Runs a command at a terminal of this width.
    pub(crate) fn sit(command: &Command, columns: u16) -> Typist {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = openpt(flags).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let name = name.into_string().unwrap();
        let inside = File::options().read(true).write(true).open(name).unwrap();

        // The first process of a session gets a terminal of its own, which turns the character of
        // Ctrl-C into a signal. Whoever runs the tests in the background has them ignore it, and all that
        // they start. setsid and env become the command, so the process stays the same.
        let mut first = Command::new("/usr/bin/setsid");
        first.args(["--ctty", "/usr/bin/env", "--default-signal=INT,QUIT"]);
        first.arg(command.get_program());
        first.args(command.get_args()).env_clear();
        let variables = command.get_envs();
        first.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            first.current_dir(folder);
        }
        first.stdin(inside.try_clone().unwrap());
        first.stderr(inside).stdout(Stdio::piped());
        Typist {
            terminal: terminal.into(),
            child: first.spawn().unwrap(),
            seen: String::new(),
            read_to: 0,
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Reads on until the terminal shows such words; what it showed before them and after the words
    /// that were waited for last.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        loop {
            let rest = &self.seen[self.read_to..];
            if let Some(at) = rest.find(words) {
                let before = rest[..at].to_owned();
                self.read_to += at + words.len();
                return before;
            }
            assert!(self.read_more(), "it ended before {words:?}: {}", self.seen);
        }
    }

    /// Reads on to the end of the line.
    #[track_caller]
    pub(crate) fn rest_of_line(&mut self) -> String {
        self.wait_for("\n").trim().to_owned()
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn presses_ctrl_c(&mut self) {
        self.types("\u{3}");
    }

    /// How the command ended; what the terminal showed is its stderr.
    pub(crate) fn end(mut self) -> Ran {
        let mut stdout = String::new();
        let pipe = self.child.stdout.take();
        while self.read_more() {}
        pipe.unwrap().read_to_string(&mut stdout).unwrap();
        Ran {
            code: self.child.wait().unwrap().code().unwrap_or(-1),
            stdout,
            stderr: std::mem::take(&mut self.seen),
        }
    }

    /// Whether there was more.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut ready = [PollFd::new(&self.terminal, PollFlags::IN)];
        let count = poll(&mut ready, Some(&PATIENCE)).unwrap();
        assert_ne!(count, 0, "nothing happens; it showed: {}", self.seen);
        let mut buffer = [0; 4096];
        match self.terminal.read(&mut buffer) {
            Ok(length) if length > 0 => {
                // What is cut in the middle of a character has its other half in the next part.
                self.seen += &String::from_utf8_lossy(&buffer[..length]);
                true
            }
            _ => false, // nobody has the inner side open any more
        }
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_typist_has_a_terminal_of_this_width_and_ctrl_c_is_a_signal_there() {
    let mut shell = Command::new("/bin/sh");
    shell.args([
        "-c",
        "echo out; test -t 0 && test -t 2 && stty size >&2; exec cat",
    ]);
    let mut typist = Typist::sit(&shell, 77);
    typist.wait_for("50 77");
    typist.presses_ctrl_c();
    let ran = typist.end();
    assert_eq!((ran.code, ran.stdout.as_str()), (-1, "out\n"), "{ran:?}");
}
