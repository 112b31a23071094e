//! Does a store move by the command line, and does its password stay off it?

mod copies;

use crate::{
    postgres::{Cluster, PASSWORD_IN_URL},
    world::{Home, ran},
};

/// Makes the store of a platform in the home: its file.
fn made(home: &Home) -> &'static str {
    home.run("dev --once --listen 127.0.0.1:0").ok();
    ".local/share/countersign/dev/platform.sqlite"
}

// security.md 112
#[test]
fn a_password_among_the_words_is_refused_with_what_to_do_and_not_repeated() {
    let home = Home::new();
    for words in [
        "--to postgres://c:hunter2@127.0.0.1/d",
        "--to postgres://c:hunter2@db/d?sslmode=disable",
        "--to mysql://c:hunter2@db/d",
        "--to hunter2",
    ] {
        let ran = home.run(&format!("store migrate --from a.db {words}"));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.starts_with("error: --to "), "{ran:?}");
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    }
    let ran = home.run("store migrate --from a.db --to postgres://c:hunter2@127.0.0.1/d");
    assert_eq!(
        ran.stderr,
        "error: --to holds a password, which others on this machine can see\n\
         hint: write it without one, and the password into a file for --password-file, or the \
         whole URL into COUNTERSIGN_STORE_URL\n"
    );
}

#[test]
fn what_is_missing_or_given_twice_is_said() {
    let home = Home::new();
    let ran = home.run("store migrate --from a.db");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--to is missing"), "{ran:?}");
    let with = |url: &str, line: &str| {
        let mut command = home.command(line);
        ran_without(&mut command, url)
    };
    let both = "store migrate --from a.db --password-file p";
    let ran = with("postgres://c:hunter2@127.0.0.1/d", both);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("take one of them"), "{ran:?}");
    let ran = with("hunter2", "store migrate --from a.db");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("COUNTERSIGN_STORE_URL "), "{ran:?}");
    // Other verbs do not care.
    assert_eq!(with("hunter2", "profiles").code, 0);
}

/// With the URL in the environment, and nothing of its password in what is said.
fn ran_without(command: &mut std::process::Command, url: &str) -> crate::world::Ran {
    let ran = ran(command.env("COUNTERSIGN_STORE_URL", url));
    assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    ran
}

#[test]
fn a_store_moves_to_postgresql_by_a_url_of_the_environment_once() {
    let home = Home::new();
    let file = made(&home);
    let cluster = Cluster::shared();
    let url = cluster.url(&cluster.database());
    let line = format!("store migrate --from sqlite:{file}");
    let moved = ran(home.command(&line).env("COUNTERSIGN_STORE_URL", &url));
    assert!(
        moved
            .stdout
            .lines()
            .any(|line| line.starts_with("principal ")),
        "{moved:?}"
    );
    let shown = cluster.url_without_password(url.rsplit('/').next().unwrap());
    assert!(
        moved
            .stderr
            .contains(&format!("set store.url to {shown}, "))
            && moved.stderr.contains("do not serve"),
        "{moved:?}"
    );
    assert_eq!(moved.code, 0);

    let again = ran(home.command(&line).env("COUNTERSIGN_STORE_URL", &url));
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
    assert!(!format!("{again:?}").contains(PASSWORD_IN_URL), "{again:?}");
}
