//! How is a page walked: in one shell, on a machine that has nothing else?

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::page::Step;
use crate::{
    examples::example,
    parts::{self, shell::Home},
};

/// How long a page may take: far more than it does.
const PATIENCE_SECS: &str = "300";

/// Runs all steps in one shell until one fails; what each printed that did not.
///
/// The shell has a loopback of its own, so that no port is taken and nothing leaves, and what it starts
/// ends with it.
pub(super) fn walk(steps: &[Step]) -> Vec<Option<String>> {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |number: usize, what: &str| folder.path().join(format!("{number}.{what}"));
    let mut script = format!(
        "ip link set lo up || exit\n\
         export PATH=\"{}:$PATH\" REPOSITORY=\"{}\"; umask 077; mkdir walk; cd walk\n",
        programs(),
        parts::root().display()
    );
    for (number, step) in steps.iter().enumerate() {
        fs::write(file(number, "sh"), &step.commands).unwrap();
        script.push_str(&format!(
            ". ../{number}.sh > ../{number}.printed 2>&1 < /dev/null || exit\n\
             touch ../{number}.done\n"
        ));
    }
    fs::write(folder.path().join("walk.sh"), script).unwrap();
    let ended = home
        .command(Path::new("timeout"))
        .args([PATIENCE_SECS, "unshare"])
        .args(OF_ITS_OWN)
        .args(["bash", "walk.sh"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .status();
    ended.expect("coreutils, util-linux and bash");
    let printed = |number| {
        let text = fs::read_to_string(file(number, "printed")).unwrap_or_default();
        if file(number, "done").exists() {
            return Some(text);
        }
        eprint!("{text}");
        None
    };
    (0..steps.len()).map(printed).collect()
}

/// A network, and a tree of processes that ends with its first.
const OF_ITS_OWN: [&str; 6] = [
    "--map-root-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
];

/// Where the programs are that the pages name, as the test command built them.
fn programs() -> String {
    let folder = |program: PathBuf| program.parent().unwrap().display().to_string();
    let of_the_example = folder(example("protected-api"));
    format!("{}:{of_the_example}", folder(parts::countersign()))
}
