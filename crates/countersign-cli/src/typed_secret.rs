//! How does a password get in here, if not by an argument?

use std::{fs::File, io::ErrorKind, path::Path};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::{
    failure::{Exit, Failure},
    session::block_on,
};

/// What a file holds, without the end of its line.
pub(crate) fn from_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let problem = |problem: String| {
        let file = file.display();
        Failure::usage(format!("cannot read password file {file}: {problem}"))
            .hint("it holds the password alone, as UTF-8, with or without a line end")
    };
    let text = std::fs::read(file).map_err(|error| problem(error.to_string()))?;
    let text = Zeroizing::new(text);
    let text = std::str::from_utf8(&text).map_err(|_| problem("it is not UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a person types at the terminal, where it is not seen.
pub(crate) fn ask(question: &str) -> Result<Zeroizing<String>, Failure> {
    let _unseen = Unseen::begin();
    block_on(async { rpassword::prompt_password(question).map_err(not_typed) }).map(Zeroizing::new)
}

/// A terminal that does not show what is typed, until it is dropped. From before the question is
/// seen: the first letters would show otherwise.
struct Unseen {
    terminal: File,
    before: Termios,
}

impl Unseen {
    fn begin() -> Option<Unseen> {
        let terminal = File::open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut unseen = before.clone();
        // As the prompt does it once it reads: Ctrl-C is a letter there, which it knows.
        let modes = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        unseen.local_modes.remove(modes);
        tcsetattr(&terminal, OptionalActions::Now, &unseen).ok()?;
        Some(Unseen { terminal, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Ctrl-C comes as an error here, after the terminal was made to show again what is typed.
#[allow(clippy::needless_pass_by_value)] // for map_err
fn not_typed(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::Interrupted => Failure::new(Exit::Interrupted, "interrupted"),
        _ => Failure::other(format!("cannot ask for a password: {error}"))
            .hint("without a terminal, use --password-file"),
    }
}

/// The same for a new one, which nobody would notice to be mistyped.
pub(crate) fn ask_twice(question: &str) -> Result<Zeroizing<String>, Failure> {
    let first = ask(question)?;
    let second = ask("once more: ")?;
    if first == second {
        return Ok(first);
    }
    Err(Failure::usage("the two are not the same").hint("do it again; nothing was changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_loses_one_line_end_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("password");
        for (content, password) in [
            ("sekrit", "sekrit"),
            ("sekrit\n", "sekrit"),
            ("sekrit\r\n", "sekrit"),
            (" sekrit \n\n", " sekrit \n"),
            ("", ""),
        ] {
            std::fs::write(&file, content).unwrap();
            assert_eq!(*from_file(&file).unwrap(), password);
        }
    }

    #[test]
    fn a_password_file_that_cannot_be_read_is_named_and_its_content_is_not() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("password");
        let missing = from_file(&file).unwrap_err();
        assert!(
            missing.message().starts_with("cannot read password file"),
            "{missing:?}"
        );
        std::fs::write(&file, b"sekrit\xff").unwrap();
        let binary = from_file(&file).unwrap_err();
        assert!(binary.message().ends_with("it is not UTF-8"), "{binary:?}");
        assert!(!format!("{binary:?}").contains("sekrit"));
    }
}
