//! Do two runs for one profile make one sign-in?

use super::place::{Place, address, address_of, ended, events};

#[test]
fn the_second_shows_the_link_of_the_first_and_its_outcome() {
    let place = Place::new();
    let mut first = place.logs_in("");
    let url = address(&mut first);
    let mut second = place.logs_in("");
    assert_eq!(address(&mut second), url);
    second.wait_for("another run of countersign waits there already");
    let mut third = place.logs_in_unseen("--as dev --output json");
    assert_eq!(address_of(&mut third), url);

    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    first.wait_for("[y/N] ");
    first.types("y\n");
    let (first, second, third) = (first.end(), second.end(), ended(third));
    assert!(!second.stderr.contains("[y/N]"), "{second:?}");
    assert_eq!(first.stdout, second.stdout);
    let events = events(&third);
    assert_eq!(events[0]["event"], "joined");
    assert_eq!(events.last().unwrap()["principal"], "dev");
    first.ok();
    second.ok();
    let sessions = place
        .run("admin session list --output json --profile dev-admin")
        .json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1, "{sessions}");
}

#[test]
fn the_second_learns_that_the_first_was_refused() {
    let place = Place::new();
    let mut first = place.logs_in("");
    let url = address(&mut first);
    let mut second = place.logs_in("");
    address(&mut second);
    let (mut person, review) = place.person_at(&url);
    person.reports(&review);
    assert_eq!(first.end().code, 10);
    let second = second.end();
    assert_eq!(second.code, 10, "{second:?}");
    assert!(
        second.stderr.contains("error: the other sign-in: "),
        "{second:?}"
    );
}

#[test]
fn one_who_waits_ends_by_ctrl_c_and_the_first_goes_on() {
    let place = Place::new();
    let mut first = place.logs_in("--as dev");
    let url = address(&mut first);
    let mut second = place.logs_in("");
    address(&mut second);
    second.wait_for("waiting for the other run");
    second.presses_ctrl_c();
    assert_eq!(second.end().code, 130);
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    first.end().ok();
}

#[test]
fn when_the_first_is_killed_the_second_signs_in_itself() {
    let place = Place::new();
    let mut first = place.logs_in_unseen("--as dev");
    let url = address_of(&mut first);
    let mut second = place.logs_in("--as dev");
    assert_eq!(address(&mut second), url);
    second.wait_for("waiting for the other run");
    first.kill().unwrap();
    first.wait().unwrap();
    let own = address(&mut second);
    assert_ne!(own, url);
    let (mut person, review) = place.person_at(&own);
    person.allows_here(&review);
    second.end().ok();
}

#[test]
fn who_wants_something_else_waits_for_its_turn() {
    let place = Place::new();
    let mut first = place.logs_in("--as dev");
    let url = address(&mut first);
    let mut second = place.logs_in("--as dev --scope roles:read");
    second.wait_for("another sign-in to this profile is under way; waiting for its end");
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    first.end().ok();
    let own = address(&mut second);
    assert_ne!(own, url);
    let (mut person, review) = place.person_at(&own);
    person.allows_here(&review);
    second.end().ok();
}

#[test]
fn who_expects_somebody_else_is_not_content_with_whom_the_first_got() {
    let place = Place::new();
    let mut first = place.logs_in("--as dev");
    let url = address(&mut first);
    let mut second = place.logs_in_unseen("--as vader");
    assert_eq!(address_of(&mut second), url);
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    first.end().ok();
    let second = ended(second);
    assert_eq!(second.code, 14, "{second:?}");
}

#[test]
fn profiles_do_not_wait_for_each_other() {
    let place = Place::new();
    let mut first = place.logs_in("");
    let mut other = place.logs_in("--profile other");
    assert_ne!(address(&mut first), address(&mut other));
    first.presses_ctrl_c();
    other.presses_ctrl_c();
    assert_eq!((first.end().code, other.end().code), (130, 130));
}
