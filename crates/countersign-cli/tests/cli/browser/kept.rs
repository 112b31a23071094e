//! Does a sign-in last as long as its refreshes, through crashes and many processes at once?

use std::{os::unix::fs::MetadataExt, path::PathBuf, process::Stdio};

use super::place::Place;

/// Makes the cached token one that is about to end.
pub(crate) fn age(place: &Place) {
    let file = vault(place);
    let text = std::fs::read_to_string(&file).unwrap();
    let mut cached: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ends = cached["expires"].as_u64().unwrap();
    cached["issued_at"] = (ends - 1_000_000).into();
    std::fs::write(&file, cached.to_string()).unwrap();
}

/// The file with the token and the refresh token.
fn vault(place: &Place) -> PathBuf {
    let files = std::fs::read_dir(place.home.state()).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let holds = |file: &PathBuf| {
        std::fs::read_to_string(file)
            .unwrap()
            .contains("refresh_token")
    };
    files
        .find(|file| file.extension().is_some_and(|end| end == "json") && holds(file))
        .unwrap()
}

fn remaining(place: &Place) -> u64 {
    let decoded = place.run("token --decode --output json").json();
    decoded["refreshes_remaining"].as_u64().unwrap()
}

fn jti(place: &Place) -> String {
    let decoded = place.run("token --decode --output json").json();
    decoded["claims"]["jti"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_is_renewed_by_itself_until_no_refresh_is_left() {
    let place = Place::with("[session]\nrefresh_limit = 2\n");
    place.is_signed_in("");
    let mut tokens = vec![place.run("token").ok()];
    for left in [1, 0] {
        age(&place);
        tokens.push(place.run("token").ok());
        assert_eq!(remaining(&place), left);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3, "each refresh gave another");
    age(&place);
    assert_eq!(
        place.run("token").ok(),
        tokens[2],
        "the last one serves while it lives"
    );

    let ran = place.run("refresh");
    assert_eq!(ran.code, 15, "{ran:?}");
    let hint = format!(
        "hint: sign in again: countersign login {} --profile default\n",
        place.issuer
    );
    assert!(ran.stderr.ends_with(&hint), "{ran:?}");
    let file = vault(&place);
    let text = std::fs::read_to_string(&file).unwrap();
    let mut cached: serde_json::Value = serde_json::from_str(&text).unwrap();
    cached["expires"] = 1.into();
    cached["issued_at"] = 0.into();
    std::fs::write(&file, cached.to_string()).unwrap();
    for verb in ["token", "whoami", "admin role list"] {
        let ran = place.run(verb);
        assert_eq!(ran.code, 15, "{verb}: {ran:?}");
        assert!(ran.stderr.ends_with(&hint), "{verb}: {ran:?}");
    }
}

#[test]
fn a_refresh_is_counted_and_says_what_remains() {
    let place = Place::new();
    place.is_signed_in("");
    let shown = place.run("refresh").ok();
    assert!(shown.contains("RefreshesRemaining   9\n"), "{shown}");
    assert_eq!(
        place.run("refresh --output json").json()["refreshes_remaining"],
        8
    );
    assert_eq!(
        place.run("token --decode --output json").json()["refreshes_remaining"],
        8
    );
}

// security.md C3
#[test]
fn of_many_processes_at_once_one_refreshes() {
    let place = Place::new();
    place.is_signed_in("");
    age(&place);
    let runs: Vec<_> = (0..12)
        .map(|_| {
            let mut command = place.home.command("token");
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut printed: Vec<_> = runs
        .into_iter()
        .map(|run| String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    printed.dedup();
    assert_eq!(printed.len(), 1, "all print the same token");
    assert_eq!(remaining(&place), 9);
}

// security.md 71
#[test]
fn a_crash_between_the_answer_and_the_disk_loses_nothing_and_counts_nothing() {
    let place = Place::new();
    place.is_signed_in("");
    let before = std::fs::read(vault(&place)).unwrap();
    place.run("refresh").ok();
    let (first, left) = (jti(&place), remaining(&place));
    // As if it had been killed before it wrote.
    std::fs::write(vault(&place), &before).unwrap();
    place.run("refresh").ok();
    assert_eq!((jti(&place), remaining(&place)), (first, left));
    assert_eq!(
        place.run("refresh --output json").json()["refreshes_remaining"],
        left - 1
    );
}

// security.md C3
#[test]
fn a_process_killed_while_it_refreshes_leaves_a_session_that_goes_on() {
    let place = Place::with("[session]\nrefresh_limit = 1000\n");
    place.is_signed_in("");
    let new = vault(&place).with_extension("new");
    for round in 0..10 {
        let mut command = place.home.command("refresh");
        let mut process = command.stdout(Stdio::null()).spawn().unwrap();
        while !new.exists() && process.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        let _ = process.kill();
        process.wait().unwrap();
        let ran = place.run("refresh");
        assert_eq!(ran.stderr, "", "round {round}");
        ran.ok();
    }
    assert!(remaining(&place) >= 980, "none was counted twice");
}

#[test]
fn a_disk_that_is_full_gives_the_token_and_counts_it_once() {
    let place = Place::new();
    place.is_signed_in("");
    let before = std::fs::read(vault(&place)).unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec '{}' refresh",
        env!("CARGO_BIN_EXE_countersign")
    );
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", &script]).env_clear();
    command
        .env("HOME", place.home.path())
        .env("PATH", "/usr/bin:/bin");
    let ran = crate::world::ran(&mut command);
    assert!(
        ran.stderr
            .contains("warning: the token is not kept: cannot write"),
        "{ran:?}"
    );
    ran.ok();
    assert_eq!(std::fs::read(vault(&place)).unwrap(), before);
    assert_eq!(
        place.run("refresh --output json").json()["refreshes_remaining"],
        9
    );
}

#[test]
fn a_platform_that_is_gone_leaves_the_living_token_in_use() {
    let mut place = Place::new();
    place.is_signed_in("");
    let token = place.run("token").ok();
    place.stops();
    age(&place);
    let ran = place.run("token");
    assert!(
        ran.stderr
            .starts_with("warning: not renewed: no connection"),
        "{ran:?}"
    );
    assert_eq!(ran.ok(), token);
    assert_eq!(place.run("refresh").code, 13);
}

#[test]
fn an_administrator_ends_a_session_and_the_next_renewal_says_to_sign_in() {
    let place = Place::new();
    place.is_signed_in("");
    let list = "admin session list --principal dev --output json --profile dev-admin";
    let sessions = place.run(list).json();
    let id = sessions["items"][0]["id"].as_str().unwrap();
    assert_eq!(sessions["items"][0]["state"], "active");
    let shown = place
        .run(&format!("admin session show {id} --profile dev-admin"))
        .ok();
    assert!(
        shown.contains("Binding") && shown.contains("loopback"),
        "{shown}"
    );
    let ended = place.run(&format!(
        "admin session end {id} --output json --profile dev-admin"
    ));
    assert_eq!(ended.json()["state"], "ended");
    age(&place);
    let ran = place.run("token");
    assert_eq!(ran.code, 15, "{ran:?}");
    assert!(
        ran.stderr
            .contains("hint: sign in again: countersign login"),
        "{ran:?}"
    );
}

#[test]
fn logging_out_ends_the_session_and_leaves_no_key() {
    let place = Place::new();
    place.is_signed_in("");
    let (file, kept) = (vault(&place), std::fs::read(vault(&place)).unwrap());
    let key = file.with_extension("pem");
    let key_text = std::fs::read(&key).unwrap();
    assert_eq!(key.metadata().unwrap().mode() & 0o7777, 0o600);
    let settings = place.home.path().join(".config/countersign/config.toml");
    let settings_text = std::fs::read(&settings).unwrap();
    let said = place.run("logout").ok();
    assert!(
        said.contains("the token was revoked at the server"),
        "{said}"
    );
    assert!(!file.exists() && !key.exists());
    assert_eq!(place.run("token --profile default").code, 2);

    // Whoever made a copy before has nothing by it.
    for (file, content) in [
        (&file, &kept),
        (&key, &key_text),
        (&settings, &settings_text),
    ] {
        std::fs::write(file, content).unwrap();
    }
    for file in [&file, &key] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(file, mode).unwrap();
    }
    assert_eq!(place.run("refresh --profile default").code, 15);
}

#[test]
fn signing_in_again_ends_the_session_from_before() {
    let place = Place::new();
    place.is_signed_in("");
    place.is_signed_in("");
    let list = "admin session list --principal dev --output json --profile dev-admin";
    let decoded = place.run("token --decode --output json").json();
    let sessions = place.run(list).json();
    let sessions = sessions["items"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 2);
    for session in sessions {
        let is_current = session["id"] == decoded["claims"]["sid"];
        let state = if is_current { "active" } else { "ended" };
        assert_eq!(session["state"], state, "{session}");
    }
    // A certificate takes the place of the person.
    let certificates = place.home.certificates();
    let certificate = certificates.join("inventory-service.pem");
    place
        .run(&format!(
            "login {} --app-id {} --cert {}",
            place.issuer,
            crate::world::APP_ID,
            certificate.display()
        ))
        .ok();
    let sessions = place.run(list).json();
    let mut sessions = sessions["items"].as_array().unwrap().iter();
    assert!(sessions.all(|session| session["state"] == "ended"));
    assert_eq!(place.run("token --decode --output json").json()["type"], 1);
}

#[test]
fn a_sign_in_that_cannot_be_kept_is_none() {
    let place = Place::new();
    let mut typist = place.logs_in("--as dev");
    let url = super::place::address(&mut typist);
    // The key is made before the token; nothing can take the place of a folder.
    let files = std::fs::read_dir(place.home.state()).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let key = files.find(|file| file.extension().is_some_and(|end| end == "pem"));
    std::fs::create_dir(key.unwrap().with_extension("json")).unwrap();
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    let ran = typist.end();
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains(" is not what it must be: "), "{ran:?}");
    let sessions = place
        .run("admin session list --output json --profile dev-admin")
        .json();
    assert_eq!(sessions["items"][0]["state"], "ended");
    assert_eq!(place.run("token --profile default").code, 2);
}

#[test]
fn a_key_that_is_lost_or_foreign_is_said_and_never_replaced_by_a_renewal() {
    let place = Place::new();
    place.is_signed_in("");
    let key = vault(&place).with_extension("pem");
    let kept = std::fs::read(&key).unwrap();
    std::fs::write(&key, "not a key").unwrap();
    let ran = place.run("refresh");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("does not hold a key on P-256"),
        "{ran:?}"
    );
    assert_eq!(std::fs::read(&key).unwrap(), b"not a key");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(place.run("refresh").code, 15);
    std::fs::write(&key, &kept).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, mode).unwrap();
    let ran = place.run("refresh");
    assert!(ran.code == 1 && ran.stderr.contains("mode 0644"), "{ran:?}");
}

#[test]
fn the_doctor_knows_about_browsers_and_asks_for_no_refresh() {
    let place = Place::new();
    place.is_signed_in("");
    let checks = place.run("doctor --profile default --output json").json();
    let check = |name: &str| {
        let items = checks["items"].as_array().unwrap();
        items
            .iter()
            .find(|check| check["check"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(check("browser sign-in")["finding"], "ok");
    assert!(
        check("browser sign-in")["detail"]
            .as_str()
            .unwrap()
            .contains("ws://127.0.0.1")
    );
    assert_ne!(
        check("browser")["finding"],
        "ok",
        "there is no display in this environment"
    );
    let sign_in = check("sign-in")["detail"].as_str().unwrap().to_owned();
    assert!(
        sign_in.contains("dev") && sign_in.contains("10 refreshes remain"),
        "{sign_in}"
    );
    assert_eq!(remaining(&place), 10);
    let mut command = place.home.command("doctor --profile default --output json");
    let here = crate::world::ran(command.env("BROWSER", "/bin/true")).json();
    let browser = here["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "browser");
    assert_eq!(browser.unwrap()["finding"], "ok");
}

#[test]
fn a_password_is_set_by_file_and_typed_twice() {
    let place = Place::new();
    let home = &place.home;
    std::fs::write(home.path().join("new"), "a long new password\n").unwrap();
    place
        .run("admin principal create anna --role Reader --password-file new --profile dev-admin")
        .ok();
    let url_of = |typist: &mut crate::typist::Typist| super::place::address(typist);
    let signs_in = |password: &str| {
        let mut typist = place.logs_in("--as anna --profile anna");
        let url = url_of(&mut typist);
        let mut person = crate::person::Person::new();
        let review = person.signs_in(&url, "anna", password);
        person.allows_here(&review);
        typist.end().ok();
    };
    signs_in("a long new password");
    let line = "admin principal set-password anna --ask-password --profile dev-admin";
    for (second, code) in [("another password", 2), ("a typed password", 0)] {
        let mut typist = crate::typist::Typist::start(home, line);
        typist.wait_for("new password: ");
        typist.types("a typed password\n");
        typist.wait_for("once more: ");
        typist.types(&format!("{second}\n"));
        let ran = typist.end();
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(!ran.stderr.contains("typed password"), "{ran:?}");
    }
    signs_in("a typed password");
    let mut typist = crate::typist::Typist::start(home, line);
    typist.wait_for("new password: ");
    typist.presses_ctrl_c();
    assert_eq!(typist.end().code, 130);
    place
        .run("admin principal delete-password anna --profile dev-admin")
        .ok();
    assert_eq!(
        place
            .run("admin principal set-password anna --profile dev-admin")
            .code,
        2
    );
}
