//! Which files belong to a store, and which may hold the key of which?

use std::path::{Path, PathBuf};

use super::StoreError;

/// A folder may hold at most so many certificate files.
pub(super) const MAX_FILES: usize = 1000;

/// The endings of the files of a folder that are looked at.
const ENDINGS: [&str; 10] = [
    "pem", "crt", "cer", "der", "cert", "key", "p8", "pk8", "p12", "pfx",
];

/// A file, and what for.
pub(super) struct FileToRead {
    pub(super) path: PathBuf,
    pub(super) role: Role,
}

/// What is taken from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Certificates and keys.
    Member,
    /// Keys only: it lies beside a file that was named.
    Beside,
    /// Keys only, and keys from nowhere else.
    KeyFile,
}

/// The files of a folder, sorted by name; or a file and what lies beside it.
pub(super) fn files_to_read(
    path: &Path,
    key_file: Option<&Path>,
) -> Result<Vec<FileToRead>, StoreError> {
    let metadata = std::fs::metadata(path).map_err(|error| StoreError::unreadable(path, error))?;
    let mut files = if metadata.is_dir() {
        members(path)?
    } else {
        vec![FileToRead {
            path: path.to_owned(),
            role: Role::Member,
        }]
    };
    if let Some(key_file) = key_file {
        files.push(FileToRead {
            path: key_file.to_owned(),
            role: Role::KeyFile,
        });
    } else if !metadata.is_dir() {
        let beside = key_paths_beside(path)
            .into_iter()
            .filter(|path| path.is_file());
        files.extend(beside.map(|path| FileToRead {
            path,
            role: Role::Beside,
        }));
    }
    Ok(files)
}

/// Where the key of a certificate file is looked for, by name: for `client.pem` these are
/// `client.key`, `client.pem.key`, `client-key.pem` and so on; for `client-cert.pem` also
/// `client-key.pem`; for `fullchain.pem` and `cert.pem` also `privkey.pem` and `key.pem`.
pub(super) fn key_paths_beside(certificate: &Path) -> Vec<PathBuf> {
    let (Some(name), Some(stem)) = (
        certificate.file_name().and_then(|name| name.to_str()),
        certificate.file_stem().and_then(|stem| stem.to_str()),
    ) else {
        return Vec::new();
    };
    let mut names = vec![
        format!("{stem}.key"),
        format!("{name}.key"),
        format!("{stem}-key.pem"),
        format!("{stem}_key.pem"),
        format!("{stem}.key.pem"),
        format!("{stem}.p8"),
        format!("{stem}.pk8"),
        format!("{stem}.pem"),
    ];
    for ending in ["-cert", "_cert", ".cert", "-crt", ".crt"] {
        if let Some(base) = stem.strip_suffix(ending) {
            names.push(format!("{base}-key.pem"));
            names.push(format!("{base}_key.pem"));
            names.push(format!("{base}.key.pem"));
            names.push(format!("{base}.key"));
        }
    }
    if matches!(stem, "cert" | "certificate" | "fullchain" | "chain") {
        names.push("privkey.pem".to_owned());
        names.push("key.pem".to_owned());
    }
    names.retain(|beside| beside != name);
    names
        .into_iter()
        .map(|name| certificate.with_file_name(name))
        .collect()
}

fn members(folder: &Path) -> Result<Vec<FileToRead>, StoreError> {
    let unreadable = |error| StoreError::unreadable(folder, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !is_certificate_file(&path) || path.is_dir() {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(StoreError::TooManyFiles(folder.to_owned(), MAX_FILES));
        }
        files.push(FileToRead {
            path,
            role: Role::Member,
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_certificate_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|ending| ending.to_str());
    !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}
