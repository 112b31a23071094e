//! Where does a token come from that is not to stand on a command line?

use std::{
    io::{IsTerminal as _, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{args::TokenSource, failure::Failure, typed_secret};

/// As much as an inspection takes, and a line end.
const MAX_BYTES: u64 = 1024 * 1024 + 2;

/// The token, without spaces and line ends around it.
pub(crate) fn read(source: &TokenSource) -> Result<Zeroizing<String>, Failure> {
    let text = match (&source.token_env, &source.file) {
        (Some(name), _) => from_environment(name)?,
        (None, Some(file)) if !is_stdin(file) => from_file(file)?,
        (None, _) => from_stdin("token")?,
    };
    let text = text_of(&text, "the token")?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::usage("there is no token")
            .hint("give it on stdin, in a file, or with --token-env NAME"));
    }
    let scheme = token.split_whitespace().next().unwrap_or_default();
    if ["bearer", "dpop", "authorization:"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(Failure::usage(format!("the token begins with {scheme:?}"))
            .hint("give the token alone, without what stands before it in a header"));
    }
    Ok(Zeroizing::new(token.to_owned()))
}

/// Stdin is one stream: it cannot hold both a token and a key.
pub(crate) fn one_stdin(token: &TokenSource, key: Option<&Path>) -> Result<(), Failure> {
    let token_there = token.token_env.is_none() && token.file.as_deref().is_none_or(is_stdin);
    if token_there && key.is_some_and(is_stdin) {
        return Err(Failure::usage("token and key cannot both come from stdin")
            .hint("name a file for one of them, or --token-env NAME or --key-env NAME"));
    }
    Ok(())
}

/// `-`
pub(crate) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// Everything on stdin; a terminal is asked without showing what is typed.
pub(crate) fn from_stdin(what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if std::io::stdin().is_terminal() {
        let typed = typed_secret::ask(&format!("{what}: "))?;
        return Ok(Zeroizing::new(typed.as_bytes().to_vec()));
    }
    limited(std::io::stdin().lock(), "stdin")
}

/// The bytes of a file or a pipe, at most 1 MiB.
pub(crate) fn bytes_of(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = file.display().to_string();
    let opened = std::fs::File::open(file)
        .map_err(|error| Failure::other(format!("cannot read {name}: {error}")))?;
    limited(opened, &name)
}

/// A variable of the environment.
pub(crate) fn from_environment(name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    use std::os::unix::ffi::OsStringExt as _;
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| {
        Failure::usage(format!("the environment has no variable {name}"))
            .hint("give the name of the variable, not its value")
    })?;
    Ok(Zeroizing::new(value.into_vec()))
}

/// UTF-8.
pub(crate) fn text_of<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| Failure::other(format!("{what} is not text")))
}

fn from_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let word = file.to_string_lossy();
    if looks_like_a_token(&word) && !file.exists() {
        // It is not repeated: whoever reads this output has not seen it yet.
        return Err(Failure::usage(
            "a token was given on the command line, where every process sees it",
        )
        .hint("give it on stdin, in a file, or with --token-env NAME"));
    }
    bytes_of(file)
}

/// `eyJ` is what every JSON object begins with in base64url; an opaque token has 71 characters
/// after its kind.
fn looks_like_a_token(word: &str) -> bool {
    let opaque = |end: &str| end.len() == 71 && end.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_opaque = word.rsplit_once('_').is_some_and(|(_, end)| opaque(end));
    is_opaque || word.starts_with("eyJ") && word.contains('.')
}

fn limited(from: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it at once: a buffer that grew would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    from.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::other(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::other(format!("{name} holds more than 1 MiB")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(file: &str) -> TokenSource {
        TokenSource {
            file: Some(file.into()),
            token_env: None,
        }
    }

    // security.md 112
    #[test]
    fn a_token_on_the_command_line_is_refused_and_not_repeated() {
        let opaque = format!("label--acme_pat_{}", "x".repeat(71));
        for token in ["eyJhbGciOiJub25lIn0.e30.x", &opaque] {
            let failure = read(&of_file(token)).unwrap_err();
            assert_eq!(failure.code(), 2);
            assert!(!failure.message().contains(&token[..12]), "{failure:?}");
        }
    }

    #[test]
    fn a_token_in_a_file_loses_its_line_end_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for (content, expected) in [
            ("a.b.c\n", Ok("a.b.c")),
            (" a.b.c \r\n", Ok("a.b.c")),
            ("a. b.c", Ok("a. b.c")),
            ("\n", Err("there is no token")),
            ("Bearer a.b.c", Err("the token begins with \"Bearer\"")),
            (
                "authorization: Bearer a.b.c",
                Err("the token begins with \"authorization:\""),
            ),
        ] {
            std::fs::write(&file, content).unwrap();
            let found = read(&of_file(file.to_str().unwrap()));
            match (found, expected) {
                (Ok(token), Ok(expected)) => assert_eq!(*token, expected),
                (Err(failure), Err(expected)) => assert_eq!(failure.message(), expected),
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
        std::fs::write(&file, [0xff]).unwrap();
        let failure = read(&of_file(file.to_str().unwrap())).unwrap_err();
        assert_eq!(failure.message(), "the token is not text");
    }
}
