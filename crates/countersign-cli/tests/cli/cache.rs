//! Is a cached token safe from others, from crashes and from a second process?

use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    process::Stdio,
};

use crate::world::{APP_ID, Home, Platform, ran};

fn chmod(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn is_token(text: &str) -> bool {
    text.ends_with('\n') && text.trim().split('.').count() == 3
}

// security.md C3
#[test]
fn parallel_runs_make_one_request() {
    let platform = Platform::start();
    std::fs::remove_file(platform.cache_file()).unwrap();
    let before = platform.issued();
    let runs: Vec<_> = (0..16)
        .map(|_| {
            let mut command = platform.home.command("token");
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut printed: Vec<_> = runs
        .into_iter()
        .map(|run| String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    assert!(is_token(&printed[0]));
    printed.dedup();
    assert_eq!(printed.len(), 1, "all print the same token");
    assert_eq!(platform.issued(), before + 1);
}

// security.md C1, C2
#[test]
fn of_parallel_sign_ins_each_is_remembered() {
    let platform = Platform::start();
    let file = platform.home.certificates().join("inventory-service.pem");
    let login = |profile: usize| {
        let line = format!(
            "login {} --app-id {APP_ID} --cert {} --profile p{profile}",
            platform.issuer,
            file.display()
        );
        platform
            .home
            .command(&line)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let running: Vec<_> = (0..12).map(login).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let profiles = platform.run("profiles --output json").json();
    // and the two of the development platform
    assert_eq!(
        profiles["items"].as_array().unwrap().len(),
        14,
        "{profiles}"
    );
}

#[test]
fn what_is_not_ours_alone_is_refused_with_the_reason_and_a_token_is_printed_all_the_same() {
    let platform = Platform::start();
    let file = platform.cache_file();
    let whole = std::fs::read(&file).unwrap();
    let cached = platform.run("token").ok();
    let elsewhere = platform.home.path().join("elsewhere");

    let check = |reason: &str| {
        let ran = platform.run("token");
        assert!(ran.stderr.contains(reason), "{reason}: {ran:?}");
        assert!(ran.stderr.starts_with("warning: "), "{ran:?}");
        let token = ran.ok();
        assert!(is_token(&token));
        assert_ne!(token, cached, "a token was taken from what is not ours");
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, &whole).unwrap();
        chmod(&file, 0o600);
        assert_eq!(platform.run("token").ok(), cached);
    };
    chmod(&file, 0o644);
    check("mode 0644");
    std::fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    check("symbolic link");
    assert_eq!(
        std::fs::read(&elsewhere).unwrap(),
        whole,
        "the link was followed"
    );
    std::fs::hard_link(&file, platform.home.path().join("other")).unwrap();
    check("hard links");
    std::fs::remove_file(&file).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    check("a pipe");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    check("does not hold a token of this identity");
}

// security.md C1, C2
#[test]
fn a_folder_that_cannot_be_used_does_not_stop_the_token() {
    let platform = Platform::start();
    let state = platform.home.state();
    chmod(&state, 0o755);
    let ran = platform.run("token");
    assert!(ran.stderr.contains("mode 0755"), "{ran:?}");
    assert!(is_token(&ran.ok()));
    chmod(&state, 0o700);

    let mut command = platform.home.command("token");
    let nowhere = ran_in(command.env("XDG_STATE_HOME", "/dev/null"));
    assert!(
        nowhere.0.contains("cannot create /dev/null/countersign"),
        "{nowhere:?}"
    );
    assert!(is_token(&nowhere.1));

    let open = platform.home.path().join("open");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&open)
        .unwrap();
    chmod(&open, 0o777);
    let mut command = platform.home.command("token");
    let above = ran_in(command.env("XDG_STATE_HOME", &open));
    assert!(above.0.contains("which others may write to"), "{above:?}");
    assert!(is_token(&above.1));
}

fn ran_in(command: &mut std::process::Command) -> (String, String) {
    let ran = ran(command);
    (ran.stderr.clone(), ran.ok())
}

// security.md C2
#[test]
fn a_full_disk_keeps_the_old_token_and_prints_the_new_one() {
    let platform = Platform::start();
    let old = platform.run("token").ok();
    let before = std::fs::read(platform.cache_file()).unwrap();
    // No file may grow: what a full disk says to whoever writes.
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec '{}' refresh",
        env!("CARGO_BIN_EXE_countersign")
    );
    let mut command = std::process::Command::new("/bin/sh");
    let ran = ran(command
        .args(["-c", &script])
        .env_clear()
        .env("HOME", platform.home.path())
        .env("PATH", "/usr/bin:/bin"));
    assert!(
        ran.stderr
            .contains("warning: the token is not kept: cannot write"),
        "{ran:?}"
    );
    ran.ok();
    assert_eq!(std::fs::read(platform.cache_file()).unwrap(), before);
    assert_eq!(platform.run("token").ok(), old);
}

// security.md 111, C2
#[test]
fn whatever_the_umask_the_files_are_their_owners_alone() {
    let home = Home::new();
    for umask in ["000", "777"] {
        let script = format!(
            "umask {umask}; exec '{}' dev --once --listen 127.0.0.1:0 --data '{}'",
            env!("CARGO_BIN_EXE_countersign"),
            home.path().join(umask).display(),
        );
        let mut command = std::process::Command::new("/bin/sh");
        command
            .args(["-c", &script])
            .env_clear()
            .env("HOME", home.path());
        if umask == "000" {
            ran(&mut command).ok();
        } else {
            ran(&mut command); // folders that nobody may enter: it may fail, not open up
        }
    }
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            assert_eq!(meta.mode() & 0o077, 0, "{}", entry.path().display());
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
}

// security.md C3
#[test]
fn a_process_killed_while_it_writes_leaves_a_file_that_parses() {
    let platform = Platform::start();
    let new = platform.cache_file().with_extension("new");
    for round in 0..20 {
        let mut command = platform.home.command("refresh");
        let mut process = command.stdout(Stdio::null()).spawn().unwrap();
        // Between the first byte and the rename, when we are quick enough to see that moment.
        while !new.exists() && process.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        let _ = process.kill();
        process.wait().unwrap();
        let ran = platform.run("token");
        assert_eq!(ran.stderr, "", "round {round}");
        assert!(is_token(&ran.ok()));
    }
}

#[test]
fn a_server_that_is_gone_leaves_the_living_token_in_use() {
    let mut platform = Platform::start();
    let token = platform.run("token").ok();
    platform.stop();
    // As old as a token that is due for renewal and still lives.
    let file = platform.cache_file();
    let mut cached: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let issued = cached["expires"].as_u64().unwrap() - 900;
    cached["issued_at"] = (issued - 900_000).into();
    std::fs::write(&file, cached.to_string()).unwrap();
    let ran = platform.run("token");
    assert!(
        ran.stderr
            .starts_with("warning: not renewed: no connection"),
        "{ran:?}"
    );
    assert_eq!(ran.ok(), token);
}
