//! Where does the PIN of a token come from?

use std::path::PathBuf;

use url::Url;
use zeroize::Zeroizing;

use crate::certificate_store::{Exposure, Password, read_whole};

/// Where the PIN of a token comes from. It is asked anew whenever somebody has to log in, so that a
/// file with another PIN is another try.
#[derive(Clone, Debug)]
pub(super) enum PinSource {
    /// The caller has it.
    Given(Password),
    /// It is in a file.
    File(PathBuf),
    /// There is none.
    Nothing,
    /// Several tokens are meant, and a PIN is one token's: shown to another it would cost that a try.
    OfOneOfSeveral,
}

impl PinSource {
    /// By the `pin-source` of a URI: a `file:` URI or an absolute path. Programs are not run.
    pub(super) fn of_uri(pin_source: &str) -> Result<PinSource, &'static str> {
        let path = match Url::parse(pin_source) {
            Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
            Ok(_) => None,
            Err(_) => Some(PathBuf::from(pin_source)),
        };
        let path = path.filter(|path| path.is_absolute());
        path.map(PinSource::File)
            .ok_or("pin-source must be file:/PATH, or an absolute path")
    }

    /// The PIN as it is now.
    pub(super) fn read(&self) -> Result<Option<Password>, String> {
        match self {
            PinSource::Given(password) => Ok(Some(password.clone())),
            PinSource::Nothing => Ok(None),
            PinSource::OfOneOfSeveral => Err(
                "several tokens are meant, so no PIN is tried; give token=LABEL or serial=NUMBER"
                    .to_owned(),
            ),
            PinSource::File(path) => {
                let problem = |problem: &str| format!("PIN file {}: {problem}", path.display());
                let read = read_whole(path).map_err(|reason| problem(&reason))?;
                let text = std::str::from_utf8(&read.bytes).map_err(|_| problem("is not UTF-8"))?;
                let text = text.strip_suffix('\n').unwrap_or(text);
                let text = Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned());
                Ok(Some(Password::new(String::clone(&text))))
            }
        }
    }

    /// What a person should know about a file that everybody may read.
    pub(super) fn warning(&self) -> Option<String> {
        let PinSource::File(path) = self else {
            return None;
        };
        match read_whole(path).ok()?.exposure {
            Exposure::Guarded => None,
            Exposure::Everybody(mode) => Some(format!(
                "the PIN file may be read by everybody on this machine (mode {mode:04o}): \
                 chmod 600 {}",
                path.display()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_file_by_its_uri_or_its_absolute_path_and_no_program_is_run() {
        for text in ["file:/run/pin", "file:///run/pin", "/run/pin"] {
            let source = PinSource::of_uri(text).expect(text);
            let PinSource::File(path) = source else {
                panic!("{text}: {source:?}");
            };
            assert_eq!(path, PathBuf::from("/run/pin"));
        }
        for text in [
            "|/usr/bin/ask",
            "pin",
            "",
            "https://example/pin",
            "file://other/pin",
        ] {
            assert!(PinSource::of_uri(text).is_err(), "{text}");
        }
    }

    // security.md 112
    #[test]
    fn a_pin_loses_one_line_end_and_what_is_wrong_with_its_file_does_not_show_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        let source = PinSource::File(path.clone());
        assert!(
            source
                .read()
                .unwrap_err()
                .ends_with("no such file or folder")
        );
        for content in ["4711", "4711\n", "4711\r\n"] {
            std::fs::write(&path, content).unwrap();
            assert!(source.read().unwrap() == Some(Password::new("4711".to_owned())));
        }
        std::fs::write(&path, b"4711\xff").unwrap();
        let problem = source.read().unwrap_err();
        assert!(problem.ends_with("is not UTF-8") && !problem.contains("4711"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pin_file_that_everybody_may_read_is_used_with_a_warning() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "4711").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let source = PinSource::File(path.clone());
        mode(0o600);
        assert_eq!(source.warning(), None);
        mode(0o644);
        assert!(source.warning().unwrap().contains("(mode 0644): chmod 600"));
    }
}
