//! Which secrets sign app tokens in the form of a JWT?
//!
//! They stand in a file of their own, one a line. Who operates the platform chose them, so each is
//! judged before the platform starts.

use std::path::Path;

use countersign_proto::jwt::{LocalSigningKeys, SymmetricKey};

use super::{SecretsError, error, file, strength};

const WHAT_TO_DO: &str =
    "write a new one there, from `countersign jwt keygen --type hs256 --form base64url --out -`";

/// Reads the file of `signing.secret_file`: the first line signs, every line verifies.
///
/// # Errors
/// [`SecretsError`] when there is no file, when others may read it, or when a line is no good
/// secret; it names the line and never what stands in it.
pub(crate) fn local_signing_keys(path: &Path) -> Result<LocalSigningKeys, SecretsError> {
    let text = file::read(path)?.ok_or_else(|| {
        error(
            path,
            "is missing; make it with mode 0600, or take signing.secret_file out of the settings",
        )
    })?;
    parse(&text).map_err(|problem| error(path, &problem))
}

fn parse(text: &str) -> Result<LocalSigningKeys, String> {
    let mut keys = Vec::new();
    for (line, number) in text.lines().zip(1_usize..) {
        let key = read(line).map_err(|problem| format!("line {number} {problem}"))?;
        if let Some(before) = text.lines().take(number - 1).position(|it| it == line) {
            return Err(format!(
                "line {number} is the same as line {}; take one of them out",
                before + 1
            ));
        }
        keys.push(key);
    }
    let mut keys = keys.into_iter();
    let signing = keys
        .next()
        .ok_or_else(|| format!("is empty; {WHAT_TO_DO}"))?;
    Ok(LocalSigningKeys::new(signing, keys.collect()))
}

fn read(line: &str) -> Result<SymmetricKey, String> {
    if line.is_empty() {
        return Err(format!(
            "is empty; take the line out, or {WHAT_TO_DO}; nothing else may stand in the file"
        ));
    }
    if line.trim() != line {
        return Err("begins or ends with a space; take it out".to_owned());
    }
    let key = SymmetricKey::from_bytes(line.as_bytes())
        .map_err(|error| format!("is no good secret: {error}; {WHAT_TO_DO}"))?;
    match strength::weakness(line) {
        Some(weakness) => Err(format!("is no good secret: {weakness}; {WHAT_TO_DO}")),
        None => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use super::*;

    const FIRST: &str = "k7Qw2ZpX9vRt4YbN6mLs8HdJ3fGc5Ae1";
    const SECOND: &str = "T0uP8xWq3nVz6KyBr1MfJc9LhDs4GaE7";

    // tokens.md: one is refused at start, by its line and without its value.
    #[test]
    fn a_line_that_is_no_good_secret_is_refused_by_its_number_and_without_its_value() {
        for (line, expected) in [
            ("", "is empty"),
            ("k7Qw2ZpX9vRt4YbN6mLs8HdJ3fGc5Ae", "31 bytes"),
            (
                "-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYI",
                "key or certificate",
            ),
            (
                r#"{"kty":"EC","crv":"P-256","x":"k7Qw2ZpX9vRt4Yb"}"#,
                "key or certificate",
            ),
            (" k7Qw2ZpX9vRt4YbN6mLs8HdJ3fGc5Ae2", "a space"),
            (
                "abcabcaabbccabccbaabcbcacbabcaacbbcabc",
                "different characters",
            ),
            ("PleaseUseYourOwnSigningKeyHere00", "known to everybody"),
            (FIRST, "same as line 1"),
        ] {
            let refused = parse(&format!("{FIRST}\n{line}\n{SECOND}\n")).unwrap_err();
            assert!(refused.contains("line 2 "), "{refused}");
            assert!(refused.contains(expected), "{refused}");
            let told = line.len() > 20 && refused.contains(&line[4..16]);
            assert!(!told, "{refused}");
        }
        assert!(parse("").unwrap_err().starts_with("is empty"));
    }

    #[test]
    fn the_first_line_signs_whatever_stands_below_it() {
        let alone = parse(FIRST).unwrap();
        let both = parse(&format!("{FIRST}\r\n{SECOND}")).unwrap();
        assert_eq!(alone.kid(), both.kid());
        assert_ne!(parse(SECOND).unwrap().kid(), alone.kid());
        for secret in [FIRST, SECOND] {
            assert!(!format!("{both:?}").contains(secret));
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_that_is_not_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing.secret");
        let refused = || local_signing_keys(&path).unwrap_err().to_string();
        assert!(refused().contains("is missing"));
        std::fs::write(&path, FIRST).unwrap();
        for mode in [0o640, 0o604] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(refused().contains("chmod 600"));
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(local_signing_keys(&path).is_ok());
    }
}
