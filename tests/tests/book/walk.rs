//! How is a page walked: in one shell, on a machine that has nothing else?

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;

use super::page::Step;
use crate::{
    examples::example,
    parts::{self, shell::Home},
};

/// How long a page may take: far more than it does.
const PATIENCE_SECS: &str = "300";

/// One shell, in a home and a folder that are empty when it starts.
pub(super) struct Walk {
    home: Home,
    folder: TempDir,
}

/// Which loopback the shell has.
#[derive(Clone, Copy)]
pub(super) enum Loopback {
    /// Its own, so that no port is taken and nothing leaves.
    Own,
    /// That of the test, which has a server there.
    Shared,
}

impl Walk {
    pub(super) fn new() -> Walk {
        Walk {
            home: Home::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Where the commands are typed.
    pub(super) fn place(&self) -> PathBuf {
        self.folder.path().join("walk")
    }

    /// Runs all steps until one fails; what each printed that did not. What the shell starts ends with it.
    pub(super) fn take(&self, steps: &[Step], loopback: Loopback) -> Vec<Option<String>> {
        let file = |number: usize, what: &str| self.folder.path().join(format!("{number}.{what}"));
        let mut script = format!(
            "export PATH=\"{}:$PATH\" REPOSITORY=\"{}\"; umask 077; mkdir walk; cd walk\n",
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
        if let Loopback::Own = loopback {
            script.insert_str(0, "ip link set lo up || exit\n");
        }
        fs::write(self.folder.path().join("walk.sh"), script).unwrap();
        let ended = self
            .home
            .command(Path::new("timeout"))
            .args([PATIENCE_SECS, "unshare"])
            .args(ITS_OWN_PROCESSES)
            .args(match loopback {
                Loopback::Own => &["--net"][..],
                Loopback::Shared => &[],
            })
            .args(["bash", "walk.sh"])
            .current_dir(self.folder.path())
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
}

/// A tree of processes that ends with its first.
const ITS_OWN_PROCESSES: [&str; 5] = [
    "--map-root-user",
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
