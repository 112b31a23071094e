//! Where is the password of the database?

use std::{os::unix::fs::MetadataExt as _, path::Path};

use zeroize::Zeroizing;

use crate::config::PostgresUrl;

/// Longest file, in bytes.
const LONGEST: u64 = 4096;

/// From the file, else from the URL; `None`: from the environment, or none is needed.
pub(super) fn of(url: &PostgresUrl) -> Result<Option<Zeroizing<String>>, String> {
    match &url.password_file {
        Some(file) => read(file)
            .map(Some)
            .map_err(|problem| format!("store.password_file {}: {problem}", file.display())),
        None => Ok(url.password.clone()),
    }
}

/// The one line of a file that not everybody may read.
fn read(file: &Path) -> Result<Zeroizing<String>, String> {
    let about = std::fs::metadata(file).map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("is not a plain file".to_owned());
    }
    if about.mode() & 0o007 != 0 {
        return Err(format!(
            "has mode {:04o}, so that everybody on this machine may use it; run chmod 600",
            about.mode() & 0o7777
        ));
    }
    if about.len() > LONGEST {
        return Err("is longer than a password".to_owned());
    }
    let text = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.chars().any(char::is_control) {
        return Err("does not hold a password in one line".to_owned());
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn written(text: &str, mode: u32) -> Result<Zeroizing<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        read(&file)
    }

    #[test]
    fn the_password_is_one_line_with_or_without_its_end() {
        for text in [" hunter2 ", " hunter2 \n", " hunter2 \r\n"] {
            assert_eq!(written(text, 0o640).unwrap().as_str(), " hunter2 ");
        }
    }

    #[test]
    fn a_file_that_everybody_reads_or_that_is_no_password_is_refused_without_its_text() {
        for (text, mode, problem) in [
            ("hunter2", 0o644, "chmod 600"),
            ("hunter2", 0o602, "chmod 600"),
            ("hunter2\nhunter3\n", 0o600, "one line"),
            ("\n", 0o600, "one line"),
            ("", 0o600, "one line"),
            (&"hunter2".repeat(1000), 0o600, "longer"),
        ] {
            let refusal = written(text, mode).unwrap_err();
            assert!(
                refusal.contains(problem) && !refusal.contains("hunter"),
                "{refusal}"
            );
        }
        let refusal = read(Path::new("/nowhere/password")).unwrap_err();
        assert!(refusal.contains("cannot be read"), "{refusal}");
        assert!(read(Path::new("/")).unwrap_err().contains("plain file"));
    }
}
