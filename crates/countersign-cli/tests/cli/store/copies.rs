//! Is a store good at every moment, whatever becomes of its copying and of its bringing back?

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    interrupted::Serving,
    world::{Home, Ran, ran},
};

const COPY: &str = "store backup --config countersign.toml --to copy";

/// A platform that was served once and stopped: its settings, its store, its secrets.
fn stopped(home: &Home) {
    let (serving, _) = Serving::start(home, "http", "");
    end(serving);
}

fn end(serving: Serving) {
    kill_process(Pid::from_child(&serving.process), Signal::TERM).unwrap();
    let (code, said) = serving.end();
    assert_eq!(code, Some(0), "{said:?}");
}

/// The answer of Python's own SQLite to this script, for which `db` is a connection to `file`.
fn sqlite_of_python(home: &Home, file: &str, script: &str) -> String {
    let script = format!(
        "import sqlite3\ndb = sqlite3.connect('{file}')\n{script}\ndb.commit()\ndb.close()\n"
    );
    let mut python = Command::new("python3");
    python.args(["-c", &script]).current_dir(home.path());
    ran(&mut python).ok()
}

/// Many rows of the audit: copying them takes a while.
fn enlarge(home: &Home) {
    let fill = "db.execute(\"INSERT INTO audit (at, actor, subject, action, outcome) \
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
        SELECT 1700000000 + i, 'actor', 'subject ' || i, 'token.issue', 'ok' FROM n\")";
    sqlite_of_python(home, "platform.sqlite", fill);
}

fn rows(home: &Home, file: &str) -> String {
    let count = "print(db.execute('PRAGMA integrity_check').fetchone()[0], \
        db.execute('SELECT count(*) FROM audit').fetchone()[0])";
    sqlite_of_python(home, file, count)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What has no name yet, and how large it is.
fn draft(home: &Home) -> Option<(PathBuf, u64)> {
    let name = names(home.path())
        .into_iter()
        .find(|name| name.ends_with(".part"))?;
    let path = home.path().join(name);
    let length = path.metadata().ok()?.len();
    Some((path, length))
}

/// Kills a command as soon as its draft is so large: whether it was killed before its end.
fn killed_at(home: &Home, line: &str, length: u64) -> bool {
    let mut command = home.command(line);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if draft(home).is_some_and(|(_, there)| there >= length) {
            child.kill().unwrap();
            return child.wait().unwrap().signal() == Some(9);
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_served_store_is_copied_and_brought_back_when_it_is_served_no_more() {
    let home = Home::new();
    let (serving, _) = Serving::start(&home, "http", "");
    let copied = home.run(COPY);
    assert!(
        copied.stderr.contains("worth nothing without") && copied.stderr.contains("secrets.toml"),
        "{copied:?}"
    );
    let shown = copied.ok();
    assert!(
        shown.starts_with("Backup") && shown.contains("TakenAt"),
        "{shown}"
    );
    let copy = home.path().join("copy");
    assert_eq!(copy.metadata().unwrap().mode() & 0o7777, 0o600);
    let again = home.run(COPY);
    assert_eq!(again.code, 1);
    assert_eq!(
        again.stderr,
        "error: copy: is already there; name another file, or move that one away\n"
    );
    let restore = "store restore --config countersign.toml --from copy";
    let refused = home.run(restore);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("is in use by a platform; stop that first"),
        "{refused:?}"
    );
    end(serving);
    let restored = home.run(&format!("{restore} --output json"));
    assert!(
        restored.stderr.contains("people sign in again"),
        "{restored:?}"
    );
    let restored = restored.json();
    assert_eq!(restored["signing_keys_retired"], 1, "{restored}");
    let old = restored["old_store"].as_str().unwrap();
    assert!(old.contains("platform.sqlite.before-"), "{old}");
    let settings = fs::read_to_string(home.path().join("countersign.toml")).unwrap();
    let served = "sqlite:platform.sqlite";
    let as_it_is = settings.replace(served, "sqlite:copy");
    fs::write(home.path().join("other.toml"), as_it_is).unwrap();
    let refused = home.run("serve --config other.toml");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("is a backup; bring it back with"),
        "{refused:?}"
    );
    let (serving, _) = Serving::start(&home, "http", "");
    end(serving);
}

// security.md 144
#[test]
fn kill_9_while_a_store_is_copied_leaves_the_store_and_nothing_that_looks_like_a_copy() {
    let home = Home::new();
    stopped(&home);
    enlarge(&home);
    let before = rows(&home, "platform.sqlite");
    let mut killed = 0;
    for length in [0, 1, 1 << 20, 4 << 20] {
        killed += u32::from(killed_at(&home, COPY, length));
        let copy = home.path().join("copy");
        if copy.exists() {
            // It was there as a whole when its draft went.
            assert_eq!(rows(&home, "copy"), before);
            fs::remove_file(copy).unwrap();
        }
        assert_eq!(rows(&home, "platform.sqlite"), before);
    }
    assert!(killed >= 2, "{killed} of 4 were killed before their end");
    home.run(COPY).ok();
    assert_eq!(rows(&home, "copy"), before);
    assert!(draft(&home).is_none(), "{:?}", names(home.path()));
}

// security.md 144
#[test]
fn kill_9_while_a_backup_is_brought_back_leaves_the_store_as_it_was_or_brings_it_back() {
    let home = Home::new();
    stopped(&home);
    enlarge(&home);
    home.run(COPY).ok();
    sqlite_of_python(
        &home,
        "platform.sqlite",
        "db.execute(\"INSERT INTO audit (at, actor, subject, action, outcome) \
         VALUES (1700000000, 'actor', 'later', 'token.issue', 'ok')\")",
    );
    let before = rows(&home, "platform.sqlite");
    let whole = home.path().join("copy").metadata().unwrap().len();
    let restore = "store restore --config countersign.toml --from copy";
    let mut killed = 0;
    for length in [0, 1, whole / 2, whole] {
        if !killed_at(&home, restore, length) {
            break;
        }
        killed += 1;
        assert_eq!(rows(&home, "platform.sqlite"), before);
        let (serving, _) = Serving::start(&home, "http", "");
        end(serving);
    }
    assert!(killed >= 2, "{killed} were killed before their end");
    home.run(restore).ok();
    let restored = rows(&home, "platform.sqlite");
    assert!(restored.starts_with("ok "), "{restored}");
    assert_ne!(restored, before);
    assert!(draft(&home).is_none(), "{:?}", names(home.path()));
    let (serving, _) = Serving::start(&home, "http", "");
    end(serving);
}

/// Runs lines of a shell where the folder `full` is a disk of 2 MiB of its own, by `unshare` of util-linux.
fn with_a_small_disk(home: &Home, lines: &str) -> Ran {
    let binary = env!("CARGO_BIN_EXE_countersign");
    fs::create_dir_all(home.path().join("full")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=2m,mode=700 tmpfs full || exit 99\ncountersign() {{ {binary} \"$@\"; }}\n{lines}"
    );
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .current_dir(home.path())
        .stdin(Stdio::null());
    ran(&mut command)
}

// security.md 144
#[test]
fn a_disk_that_is_full_is_said_and_nothing_is_left_on_it() {
    let home = Home::new();
    stopped(&home);
    fs::copy(
        home.path().join("platform.sqlite"),
        home.path().join("small"),
    )
    .unwrap();
    enlarge(&home);
    let copied = with_a_small_disk(
        &home,
        "countersign store backup --config countersign.toml --to full/copy; echo $?; ls -A full",
    );
    assert_eq!(copied.stdout, "1\n", "{copied:?}");
    assert_eq!(
        copied.stderr,
        "error: full/copy: cannot be written: the disk is full, or a limit of this process is reached; \
         nothing of it is left\n"
    );
    home.run(COPY).ok();
    let settings = fs::read_to_string(home.path().join("countersign.toml")).unwrap();
    let there = settings.replace("sqlite:platform.sqlite", "sqlite:full/store");
    fs::write(home.path().join("there.toml"), there).unwrap();
    let restored = with_a_small_disk(
        &home,
        "cp small full/store\n\
         countersign store restore --config there.toml --from copy; echo $?; ls -A full\n\
         countersign store backup --config there.toml --to still-good --quiet --output json",
    );
    assert!(restored.stdout.starts_with("1\nstore\n{"), "{restored:?}");
    assert!(
        restored
            .stderr
            .contains("full/store: the copy cannot be written beside it: No space left")
            && restored.stderr.contains("; it is as it was"),
        "{restored:?}"
    );
}

// security.md 144
#[test]
fn a_store_whose_platform_was_killed_is_kept_whole_and_lends_nothing_to_the_one_that_takes_its_place()
 {
    let home = Home::new();
    let (mut serving, _) = Serving::start(&home, "http", "");
    home.run(COPY).ok();
    serving.process.kill().unwrap();
    serving.process.wait().unwrap();
    // Committed, and in the log alone.
    let log = home.path().join("platform.sqlite-wal");
    assert!(log.metadata().unwrap().len() > 0);
    let before = {
        let beside = home.path().join("beside");
        for ending in ["", "-wal"] {
            let from = home.path().join(format!("platform.sqlite{ending}"));
            fs::copy(from, format!("{}{ending}", beside.display())).unwrap();
        }
        rows(&home, "beside")
    };
    let restored = home.run("store restore --config countersign.toml --from copy --output json");
    let restored = restored.json();
    let old = restored["old_store"].as_str().unwrap();
    assert!(!log.exists(), "it belongs to the one that was replaced");
    assert_eq!(rows(&home, old), before);
    let (serving, _) = Serving::start(&home, "http", "");
    end(serving);
    assert!(rows(&home, "platform.sqlite").starts_with("ok "));
}

#[test]
fn a_database_is_copied_by_its_own_tools_and_that_is_said() {
    let home = Home::new();
    fs::write(
        home.path().join("database.toml"),
        "issuer = \"http://127.0.0.1:8085\"\n[store]\nurl = \"postgres://c@127.0.0.1/d\"\n",
    )
    .unwrap();
    for (line, hint) in [
        (
            "store backup --config database.toml --to copy",
            "hint: pg_dump ",
        ),
        (
            "store backup --from postgres://c@127.0.0.1/d --to copy",
            "hint: pg_dump ",
        ),
        (
            "store restore --config database.toml --from copy",
            "pg_restore",
        ),
    ] {
        let refused = home.run(line);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(hint), "{refused:?}");
    }
    assert!(!home.path().join("copy").exists());
}
