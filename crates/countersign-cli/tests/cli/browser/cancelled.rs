//! Does Ctrl-C end a sign-in on both sides, whatever it is at?

use super::place::{Place, address};
use crate::{person::Person, typist::Typist};

/// Where a sign-in is when Ctrl-C is pressed, and what the terminal shows there.
#[derive(Clone, Copy, Debug)]
enum At {
    Address,
    Opened,
    SignedIn,
    Allowed,
    Code,
    Identity,
}

fn go_to(at: At, place: &Place, typist: &mut Typist) -> String {
    let url = address(typist);
    if matches!(at, At::Address) {
        typist.wait_for("waiting until the address is opened");
        return url;
    }
    let mut person = Person::new();
    if matches!(at, At::Opened) {
        person.goes_to(&url.parse().unwrap());
        typist.wait_for("opened in a browser at");
        return url;
    }
    let (mut person, review) = place.person_at(&url);
    match at {
        At::SignedIn => drop(typist.wait_for("waiting for Allow in the browser")),
        At::Allowed => {
            person.allows(&review);
            typist.wait_for("waiting for the browser to come to this machine");
        }
        At::Code => {
            person.gets_a_code(&review);
            typist.wait_for("code that the browser shows: ");
        }
        _ => {
            person.allows_here(&review);
            typist.wait_for("[y/N] ");
        }
    }
    url
}

#[test]
fn ctrl_c_ends_it_in_every_state_and_the_page_knows() {
    let place = Place::with("[session]\nbinding = \"code\"\n");
    for at in [
        At::Address,
        At::Opened,
        At::SignedIn,
        At::Allowed,
        At::Code,
        At::Identity,
    ] {
        let mut typist = place.logs_in("");
        let url = go_to(at, &place, &mut typist);
        typist.presses_ctrl_c();
        let ran = typist.end();
        assert_eq!(ran.code, 130, "{at:?}: {ran:?}");
        assert!(ran.stderr.contains("error: interrupted"), "{at:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{at:?}");
        let page = Person::new().goes_to(&url.parse().unwrap());
        assert_eq!(page.status, 410, "{at:?}: {page:?}");
        assert!(
            page.body.contains("cancelled in the terminal"),
            "{at:?}: {page:?}"
        );
    }
    let ran = place.run("token --profile default");
    assert_eq!(ran.code, 2, "nobody is signed in: {ran:?}");
}

#[test]
fn a_terminal_that_is_closed_or_told_to_end_cancels_too() {
    use rustix::process::{Pid, Signal, kill_process};
    let place = Place::new();
    for signal in [Signal::HUP, Signal::TERM] {
        let mut typist = place.logs_in("");
        let url = go_to(At::Address, &place, &mut typist);
        let process = Pid::from_raw(typist.process_id().cast_signed()).unwrap();
        kill_process(process, signal).unwrap();
        assert_eq!(typist.end().code, 130);
        assert_eq!(Person::new().goes_to(&url.parse().unwrap()).status, 410);
    }
}

#[test]
fn ctrl_c_before_there_is_an_address_leaves_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = crate::world::Home::new();
    let server = listener.local_addr().unwrap();
    let mut typist = Typist::start(&home, &format!("login http://{server}"));
    let connection = listener.accept().unwrap();
    typist.presses_ctrl_c();
    let ran = typist.end();
    drop(connection);
    assert_eq!(ran.code, 130);
    assert!(ran.stderr.ends_with("error: interrupted\r\n"), "{ran:?}");
}

#[test]
fn ctrl_d_at_the_question_means_no_and_at_the_code_ends_it() {
    let place = Place::with("[session]\nbinding = \"code\"\n");
    let mut typist = place.logs_in("");
    go_to(At::Identity, &place, &mut typist);
    typist.types("\u{4}");
    assert_eq!(typist.end().code, 14);
    let mut typist = place.logs_in("");
    go_to(At::Code, &place, &mut typist);
    typist.types("\u{4}");
    assert_eq!(typist.end().code, 130);
}
