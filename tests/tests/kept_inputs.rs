//! Does everything hold that the fuzzer found worth keeping?

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use countersign_tests::invariants::TARGETS;

/// All that is kept may have so many bytes.
const MAX_BYTES: u64 = 1024 * 1024;

#[test]
fn every_input_that_was_kept_is_held_against_what_must_hold() {
    for target in TARGETS {
        let inputs = files(&folder("corpus").join(target.name));
        assert!(!inputs.is_empty(), "nothing is kept of {}", target.name);
        for input in inputs {
            println!("{}", input.display());
            (target.hold)(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn what_is_kept_is_small_and_of_a_target_that_the_fuzzer_has() {
    let names: BTreeSet<String> = TARGETS.map(|target| target.name.to_owned()).into();
    let kept: BTreeSet<String> = files(&folder("corpus"))
        .iter()
        .map(|folder| name(folder))
        .collect();
    assert_eq!(kept, names);
    let programs = files(&folder("fuzz_targets")).into_iter();
    let programs: BTreeSet<String> = programs
        .map(|file| name(&file.with_extension("")))
        .collect();
    assert_eq!(programs, names);
    let inputs = TARGETS
        .iter()
        .flat_map(|target| files(&folder("corpus").join(target.name)));
    let bytes: u64 = inputs.map(|input| input.metadata().unwrap().len()).sum();
    assert!(bytes < MAX_BYTES, "{bytes}");
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz")
        .join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
