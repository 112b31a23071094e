//! Which files has the tree, and what of them is code?

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ stands in the workspace")
        .to_path_buf()
}

/// The sources of the product: what users compile.
pub(super) fn product_files() -> Vec<PathBuf> {
    let all = rust_files(&root().join("crates"));
    all.into_iter()
        .filter(|file| file.components().any(|part| part.as_os_str() == "src"))
        .collect()
}

pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir()
            && !["target", "node_modules"].contains(&name.as_str())
            && !name.starts_with('.')
        {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

pub(super) fn is_in(file: &Path, module: &str) -> bool {
    let inside = file.strip_prefix(root().join("crates")).unwrap_or(file);
    inside.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == module || name == format!("{module}.rs")
    })
}

/// A module that is compiled for tests alone: its parent says so, not the file.
pub(super) fn is_test_module(file: &Path) -> bool {
    const NAMES: &[&str] = &[
        "fixture",
        "fixtures",
        "hostile",
        "laws",
        "scripted",
        "tests",
        "token_matrix",
    ];
    NAMES.iter().any(|name| is_in(file, name))
}

/// The lines that are not comments.
pub(super) fn code(file: &Path) -> impl Iterator<Item = String> {
    lines_of_code(&text(file))
}

pub(super) fn lines_of_code(text: &str) -> impl Iterator<Item = String> + use<> {
    let lines: Vec<String> = text
        .lines()
        .map(str::trim_start)
        .map(str::to_owned)
        .collect();
    lines.into_iter().filter(|line| !line.starts_with("//"))
}

pub(super) fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("a readable file")
}

pub(super) fn code_before_tests(file: &Path) -> String {
    let content = text(file);
    content
        .split("\n#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn dependencies(manifest: &str) -> BTreeSet<String> {
    let parsed: toml::Table = text(&root().join(manifest)).parse().expect("a manifest");
    parsed["dependencies"]
        .as_table()
        .expect("a table")
        .keys()
        .cloned()
        .collect()
}

pub(super) fn assert_none(wrong: impl Iterator<Item = PathBuf>, rule: &str) {
    let names: Vec<String> = wrong
        .map(|file| {
            file.strip_prefix(root())
                .unwrap_or(&file)
                .display()
                .to_string()
        })
        .collect();
    assert!(names.is_empty(), "{rule}:\n  {}", names.join("\n  "));
}
