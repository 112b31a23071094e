//! Is what a person signed in with sealed as well, and not lost while it cannot be opened?

use std::path::PathBuf;

use super::{BUS, holds_nothing_of, is_sealed, silent};
use crate::{browser::place::Place, keyring::Keyring};

/// The files of a person, apart from those of the profiles that are there from the start, and from the address
/// of a sign-in under way, which is no secret.
fn of_person(place: &Place, end: &str, before: &[PathBuf]) -> PathBuf {
    let files = std::fs::read_dir(place.home.state()).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let is_new = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        !before.contains(file) && !name.starts_with("login-")
    };
    files
        .find(|file| file.extension().is_some_and(|it| it == end) && is_new(file))
        .unwrap()
}

// security.md 111
#[test]
fn what_a_person_signed_in_with_is_sealed_by_gnome_keyring_and_not_lost_while_that_is_locked() {
    let mut keyring = Keyring::start();
    let mut place = Place::new();
    let files = std::fs::read_dir(place.home.state()).unwrap();
    let before: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    place.home.set(BUS, &keyring.address);
    place.is_signed_in("");
    let session = of_person(&place, "json", &before);
    let key = of_person(&place, "pem", &before);
    assert!(is_sealed(&session) && is_sealed(&key));
    holds_nothing_of(&std::fs::read(&key).unwrap(), "-----BEGIN PRIVATE KEY-----");
    holds_nothing_of(&std::fs::read(&session).unwrap(), "\"refresh_token\":\"");
    let token = silent(place.run("token"));
    holds_nothing_of(&std::fs::read(&session).unwrap(), token.trim());
    let shown = silent(place.run("refresh"));
    assert!(shown.contains("RefreshesRemaining   9\n"), "{shown}");
    assert!(is_sealed(&session));

    let contents = [&session, &key].map(|file| std::fs::read(file).unwrap());
    keyring.lock();
    for line in ["token", "refresh", "whoami"] {
        let ran = place.run(line);
        assert_eq!(ran.code, 1, "{line}: {ran:?}");
        assert!(
            ran.stderr
                .contains("is sealed, and the keyring is locked\nhint: unlock it"),
            "{line}: {ran:?}"
        );
    }
    let ran = place.run(&format!("login {} --as dev", place.issuer));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("the keyring is locked\nhint: "),
        "{ran:?}"
    );
    assert_eq!(
        contents,
        [&session, &key].map(|file| std::fs::read(file).unwrap())
    );

    keyring.unlock();
    let shown = silent(place.run("refresh"));
    assert!(shown.contains("RefreshesRemaining   8\n"), "{shown}");

    keyring.forget();
    let ran = place.run("token");
    assert_eq!(ran.code, 15, "{ran:?}");
    assert!(
        ran.stderr
            .contains("is sealed by a key that the keyring does not have\nhint: sign in again"),
        "{ran:?}"
    );
    place.is_signed_in("");
    silent(place.run("token"));
    assert!(is_sealed(&session) && is_sealed(&key));
}

#[test]
fn a_person_who_logs_out_while_gnome_keyring_is_locked_hears_that_the_session_goes_on() {
    let keyring = Keyring::start();
    let mut place = Place::new();
    place.home.set(BUS, &keyring.address);
    place.is_signed_in("");
    keyring.lock();
    let ran = place.run("logout");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stdout
            .contains("could not be read, so nothing was revoked at the server"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("the keyring is locked"), "{ran:?}");
    let profiles = place.run("profiles").ok();
    assert!(!profiles.contains("default"), "{profiles}");
}
