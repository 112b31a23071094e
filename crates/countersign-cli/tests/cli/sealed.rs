//! Is what waits between two commands sealed where there is a keyring, and is nothing lost where it
//! cannot be opened?

mod person;

use std::{
    fs::File,
    os::unix::{
        fs::{MetadataExt, OpenOptionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use crate::{
    keyring::{Bus, Keyring},
    world::{APP_ID, Platform, Ran},
};

const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";
const SEAL: &str = "COUNTERSIGN_CACHE_SEAL";
const MARK: &[u8] = b"countersign sealed 1\n";

fn is_sealed(file: &Path) -> bool {
    std::fs::read(file).unwrap().starts_with(MARK)
}

#[track_caller]
fn holds_nothing_of(content: &[u8], secret: &str) {
    for part in secret.as_bytes().chunks_exact(12) {
        let found = content.windows(part.len()).any(|window| window == part);
        assert!(!found, "{:?} is in the file", std::str::from_utf8(part));
    }
}

/// A platform whose service has a sealed token, and the file with it.
fn sealed(keyring: &Keyring) -> (Platform, PathBuf) {
    let mut platform = Platform::start();
    let file = platform.cache_file();
    platform.home.set(BUS, &keyring.address);
    platform.run("refresh").ok();
    assert!(is_sealed(&file));
    (platform, file)
}

/// What the doctor says of the token cache.
fn diagnosis(platform: &Platform) -> String {
    let ran = platform.run("doctor --output json");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    let checks = report["items"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == "token cache");
    check.unwrap().to_string()
}

#[track_caller]
fn warned(ran: Ran, of: &str) -> String {
    assert!(
        ran.stderr.starts_with("warning: ") && ran.stderr.contains(of),
        "{of}: {ran:?}"
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    ran.ok()
}

#[track_caller]
fn silent(ran: Ran) -> String {
    assert_eq!(ran.stderr, "");
    ran.ok()
}

// security.md 111
#[test]
fn a_token_is_sealed_by_gnome_keyring_and_opens_in_another_process() {
    let keyring = Keyring::start();
    let (platform, file) = sealed(&keyring);
    let issued = platform.issued();
    let token = silent(platform.run("token"));
    for _ in 0..3 {
        assert_eq!(silent(platform.run("token")), token);
    }
    assert_eq!(platform.issued(), issued, "all came from the cache");

    let content = std::fs::read(&file).unwrap();
    holds_nothing_of(&content, token.trim());
    holds_nothing_of(&content, APP_ID);
    holds_nothing_of(&content, "inventory-service");
    let keys = keyring.keys();
    assert_eq!(keys.len(), 1);
    holds_nothing_of(&content, &keys[0]);
    let said = diagnosis(&platform);
    assert!(
        said.contains(r#"sealed by the keyring \"login\" of gnome-keyring-daemon"#),
        "{said}"
    );
    assert!(said.contains(r#""finding":"ok""#), "{said}");
}

#[test]
fn what_was_kept_unsealed_is_read_without_gnome_keyring_and_sealed_when_it_is_written_next() {
    let keyring = Keyring::start();
    let mut platform = Platform::start();
    let file = platform.cache_file();
    let before = silent(platform.run("token"));
    platform.home.set(BUS, &keyring.address);
    assert_eq!(silent(platform.run("token")), before);
    assert!(!is_sealed(&file));
    assert!(keyring.keys().is_empty(), "it was asked for nothing yet");
    let said = diagnosis(&platform);
    assert!(said.contains("from the next token on"), "{said}");

    silent(platform.run("refresh"));
    assert!(is_sealed(&file));
    let after = silent(platform.run("token"));
    assert_ne!(after, before);
    for entry in std::fs::read_dir(platform.home.state()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        holds_nothing_of(&content, before.trim());
    }
}

#[test]
fn while_gnome_keyring_is_locked_a_new_token_is_fetched_and_what_is_sealed_stays() {
    let mut keyring = Keyring::start();
    let (platform, file) = sealed(&keyring);
    let kept = silent(platform.run("token"));
    let content = std::fs::read(&file).unwrap();
    keyring.lock();
    let other = warned(
        platform.run("token"),
        "is sealed, and the keyring is locked",
    );
    assert_ne!(other, kept);
    assert_eq!(std::fs::read(&file).unwrap(), content);
    let ran = platform.run("refresh");
    assert!(
        ran.stderr.contains("the token is not kept: ") && ran.stderr.contains("is locked"),
        "{ran:?}"
    );
    ran.ok();
    assert_eq!(std::fs::read(&file).unwrap(), content);
    let said = diagnosis(&platform);
    assert!(said.contains("not sealed: the keyring is locked"), "{said}");
    assert!(said.contains(r#""finding":"warning""#), "{said}");
    assert!(said.contains("unlock it"), "{said}");

    keyring.unlock();
    assert_eq!(silent(platform.run("token")), kept);
}

#[test]
fn under_a_locked_gnome_keyring_a_first_token_is_kept_in_a_file_and_that_is_said() {
    let keyring = Keyring::start();
    keyring.lock();
    let mut platform = Platform::start();
    let file = platform.cache_file();
    platform.home.set(BUS, &keyring.address);
    std::fs::remove_file(&file).unwrap();
    let token = warned(platform.run("token"), "not sealed");
    assert!(!is_sealed(&file));
    assert_eq!(silent(platform.run("token")), token);
}

#[test]
fn when_gnome_keyring_lost_the_key_a_new_token_is_sealed_by_a_new_one() {
    let keyring = Keyring::start();
    let (platform, file) = sealed(&keyring);
    let lost = keyring.keys();
    keyring.forget();
    warned(
        platform.run("token"),
        "is sealed by a key that the keyring does not have; a new one is fetched",
    );
    assert!(is_sealed(&file));
    silent(platform.run("token"));
    let made = keyring.keys();
    assert_eq!(made.len(), 1);
    assert_ne!(made, lost);
}

#[test]
fn without_the_bus_of_gnome_keyring_what_is_sealed_stays_and_what_is_new_is_not_kept() {
    let keyring = Keyring::start();
    let (mut platform, file) = sealed(&keyring);
    let kept = silent(platform.run("token"));
    let content = std::fs::read(&file).unwrap();
    platform.home.set(BUS, "");
    let other = warned(
        platform.run("token"),
        "is sealed, and there is no session bus",
    );
    assert_ne!(other, kept);
    assert_eq!(std::fs::read(&file).unwrap(), content);
    let said = diagnosis(&platform);
    assert!(
        said.contains("not sealed: there is no session bus"),
        "{said}"
    );

    platform.home.set(BUS, &keyring.address);
    assert_eq!(silent(platform.run("token")), kept);
}

#[test]
fn a_machine_without_a_keyring_keeps_files_and_says_nothing_of_it() {
    let platform = Platform::start();
    silent(platform.run("refresh"));
    silent(platform.run("token"));
    assert!(!is_sealed(&platform.cache_file()));
    let said = diagnosis(&platform);
    assert!(said.contains(r#""finding":"ok""#), "{said}");
    assert!(said.contains("there is no session bus"), "{said}");
}

#[test]
fn a_bus_that_takes_connections_and_never_answers_holds_nobody_up_for_long() {
    let mut platform = Platform::start();
    let file = platform.cache_file();
    let socket = platform.home.path().join("bus");
    let _listener = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    platform.home.set(BUS, &address);
    // What is not sealed needs no bus.
    silent(platform.run("token"));
    let ran = platform.run("refresh");
    warned(ran, "the keyring does not answer within 5 s");
    assert!(!is_sealed(&file));
    let said = diagnosis(&platform);
    assert!(said.contains("does not answer within 5 s"), "{said}");
}

#[test]
fn a_bus_on_which_nobody_keeps_secrets_is_as_good_as_none() {
    let bus = Bus::alone();
    let mut platform = Platform::start();
    platform.home.set(BUS, &bus.address);
    silent(platform.run("refresh"));
    assert!(!is_sealed(&platform.cache_file()));
    let said = diagnosis(&platform);
    assert!(
        said.contains("nobody on the session bus keeps secrets"),
        "{said}"
    );
    assert!(said.contains(r#""finding":"ok""#), "{said}");
}

#[test]
fn of_two_keys_in_gnome_keyring_the_one_that_a_file_names_opens_it_and_the_first_by_name_seals() {
    let keyring = Keyring::start();
    let (platform, file) = sealed(&keyring);
    let key_of = |file: &Path| std::fs::read(file).unwrap()[MARK.len()..][..8].to_vec();
    let first = key_of(&file);
    let token = silent(platform.run("token"));
    // The bytes 0 to 31, whose name was computed by another program.
    let second = [0x04, 0xb8, 0x32, 0x0e, 0x41, 0x9f, 0xbd, 0x72].to_vec();
    keyring.add(
        "04b8320e419fbd72",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    );
    assert_eq!(keyring.keys().len(), 2);
    assert_eq!(silent(platform.run("token")), token);
    silent(platform.run("refresh"));
    assert_eq!(key_of(&file), first.min(second));
    silent(platform.run("token"));
    assert_eq!(keyring.keys().len(), 2);
}

#[test]
fn what_is_no_session_bus_of_this_machine_is_not_spoken_to() {
    let mut platform = Platform::start();
    for (address, reason) in [
        ("tcp:host=127.0.0.1,port=1", "that of no local socket"),
        ("nonsense", "that of no local socket"),
        ("unix:path=/nowhere/bus", "is not reached"),
    ] {
        platform.home.set(BUS, address);
        let said = diagnosis(&platform);
        assert!(said.contains(reason), "{address}: {said}");
        platform.run("refresh").ok();
    }
}

// security.md 111
#[test]
fn a_sealed_file_that_gnome_keyring_has_the_key_of_opens_in_its_place_alone() {
    let keyring = Keyring::start();
    let (mut platform, file) = sealed(&keyring);
    let kept = silent(platform.run("token"));
    let good = std::fs::read(&file).unwrap();

    // As the token of the administrator, which is another identity.
    platform.run("refresh --profile dev-admin").ok();
    let files = std::fs::read_dir(platform.home.state()).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let other = files
        .find(|path| path.extension().is_some_and(|end| end == "json") && *path != file)
        .unwrap();
    std::fs::write(&other, &good).unwrap();
    let admin = warned(platform.run("token --profile dev-admin"), "a broken seal");
    assert_ne!(admin, kept);

    // In another folder, by the same name.
    let elsewhere = platform.home.path().join("elsewhere");
    platform
        .home
        .set("XDG_STATE_HOME", elsewhere.to_str().unwrap());
    platform.run("token").ok();
    let moved = elsewhere
        .join("countersign")
        .join(file.file_name().unwrap());
    std::fs::write(&moved, &good).unwrap();
    warned(platform.run("token"), "a broken seal");
    platform.home.set("XDG_STATE_HOME", "");

    // With a bit changed in each of its parts: mark, form, key, nonce, content, tag.
    for position in [3, 19, 24, 33, 60, good.len() - 1] {
        let mut bad = good.clone();
        bad[position] ^= 4;
        std::fs::write(&file, &bad).unwrap();
        let token = platform.run("token");
        assert!(
            token.stderr.starts_with("warning: "),
            "{position}: {token:?}"
        );
        assert_ne!(token.ok(), kept);
    }
    std::fs::write(&file, &good).unwrap();
    assert_eq!(silent(platform.run("token")), kept);
}

#[test]
fn of_many_processes_that_need_a_key_at_once_one_makes_it_in_gnome_keyring() {
    let keyring = Keyring::start();
    let mut platform = Platform::start();
    let certificate = platform.home.certificates().join("inventory-service.pem");
    platform.home.set(BUS, &keyring.address);
    // All of them have found no key before the first may make one.
    let mut options = File::options();
    let lock = platform.home.state().join("keyring.lock");
    let lock = options.create(true).append(true).mode(0o600).open(lock);
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let login = format!(
        "login {} --app-id {APP_ID} --cert {} --profile third",
        platform.issuer,
        certificate.display()
    );
    let lines = [
        "refresh --profile dev",
        "refresh --profile dev-admin",
        &login,
    ];
    let mut running = lines.map(|line| {
        let mut command = platform.home.command(line);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    let has_ended = |process: &mut Child| process.try_wait().unwrap().is_some();
    while waiting_for(&lock) < running.len() && !running.iter_mut().any(has_ended) {
        std::thread::yield_now();
    }
    drop(lock);
    for process in running {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
    assert_eq!(keyring.keys().len(), 1);
    for profile in ["dev", "dev-admin", "third"] {
        silent(platform.run(&format!("token --profile {profile}")));
    }
}

/// How many wait for the lock of a file, as the kernel tells.
fn waiting_for(lock: &File) -> usize {
    let inode = format!(":{} ", lock.metadata().unwrap().ino());
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let waiting = |line: &&str| line.contains("->") && line.contains(&inode);
    locks.lines().filter(waiting).count()
}

#[test]
fn where_the_keyring_is_demanded_nothing_is_asked_of_the_server_without_it() {
    let mut platform = Platform::start();
    let token = silent(platform.run("token"));
    let issued = platform.issued();
    platform.home.set(SEAL, "keyring");
    assert_eq!(
        silent(platform.run("token")),
        token,
        "what was kept before is good until it is written next"
    );
    std::fs::remove_file(platform.cache_file()).unwrap();
    let certificate = platform.home.certificates().join("inventory-service.pem");
    let login = format!(
        "login {} --app-id {APP_ID} --cert {} --profile other",
        platform.issuer,
        certificate.display()
    );
    for line in ["token", "refresh", login.as_str()] {
        let ran = platform.run(line);
        assert_eq!(ran.code, 1, "{line}: {ran:?}");
        assert!(
            ran.stderr
                .contains("is not written without a seal, and there is no session bus")
                && ran.stderr.contains("\nhint: "),
            "{line}: {ran:?}"
        );
        assert_eq!(ran.stdout, "");
    }
    let said = diagnosis(&platform);
    assert!(said.contains(r#""finding":"bad""#), "{said}");
    assert!(said.contains("the keyring is demanded, and"), "{said}");
    platform.home.set(SEAL, "");
    assert_eq!(platform.issued(), issued);
}

#[test]
fn switched_off_by_the_settings_gnome_keyring_is_not_asked() {
    let keyring = Keyring::start();
    let (mut platform, file) = sealed(&keyring);
    let config = platform.home.path().join(".config/countersign/config.toml");
    let before = std::fs::read_to_string(&config).unwrap();
    let (first, rest) = before.split_once('\n').unwrap();
    let changed = format!("{first}\n\n[cache]\nseal = \"file\"\n{rest}");
    std::fs::write(&config, changed).unwrap();
    warned(
        platform.run("token"),
        "is sealed, and the keyring is switched off; a new one is fetched",
    );
    assert!(!is_sealed(&file));
    silent(platform.run("token"));
    let said = diagnosis(&platform);
    assert!(
        said.contains("not sealed: the keyring is switched off"),
        "{said}"
    );
    platform.run("use dev-admin").ok();
    let kept = std::fs::read_to_string(&config).unwrap();
    assert!(kept.contains("[cache]\nseal = \"file\"\n"), "{kept}");
    platform.run("use dev").ok();

    // The variable wins.
    platform.home.set(SEAL, "auto");
    silent(platform.run("refresh"));
    assert!(is_sealed(&file));
    platform.home.set(SEAL, "always");
    let ran = platform.run("token");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("hint: auto, keyring or file"),
        "{ran:?}"
    );
    platform.home.set(SEAL, "");
    std::fs::write(
        &config,
        before.replacen('\n', "\n[cache]\nseal = \"box\"\n", 1),
    )
    .unwrap();
    let ran = platform.run("token");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("config.toml:3: unknown variant `box`"),
        "{ran:?}"
    );
}
