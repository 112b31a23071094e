//! Is a code typed while the sign-in goes on?

use super::place::{Place, address};
use crate::typist::Typist;

const BY_CODE: &str = "[session]\nbinding = \"code\"\n";

fn at_the_code(place: &Place, options: &str) -> (Typist, String) {
    let mut typist = place.logs_in(options);
    let url = address(&mut typist);
    let (mut person, review) = place.person_at(&url);
    let code = person.gets_a_code(&review);
    typist.wait_for("code that the browser shows: ");
    (typist, code)
}

/// Another code of the same form.
fn wrong(code: &str) -> String {
    let first = if code.starts_with('B') { "C" } else { "B" };
    format!("{first}{}", &code[1..])
}

#[test]
fn a_code_is_typed_and_a_wrong_one_says_how_many_tries_are_left() {
    let place = Place::with(BY_CODE);
    let (mut typist, code) = at_the_code(&place, "--as dev");
    typist.types("what?\n");
    typist.wait_for("a code is 8 letters, as BCDF-GHJK; this costs no try");
    typist.wait_for("code that the browser shows: ");
    typist.types(&format!("{}\n", wrong(&code)));
    typist.wait_for("that is not the code; 2 tries are left");
    typist.wait_for("code that the browser shows: ");
    // As people type.
    typist.types(&format!("{}\n", code.to_lowercase().replace('-', " ")));
    let ran = typist.end();
    assert!(ran.stdout.contains("Principal            dev"), "{ran:?}");
    ran.ok();
    let decoded = place.run("token --decode --output json").json();
    assert_eq!(decoded["claims"]["binding"], "code");
}

#[test]
fn three_wrong_codes_end_it() {
    let place = Place::with(BY_CODE);
    let (mut typist, code) = at_the_code(&place, "--as dev");
    for _ in 0..2 {
        typist.types(&format!("{}\n", wrong(&code)));
        typist.wait_for("that is not the code; ");
        typist.wait_for("code that the browser shows: ");
    }
    typist.types(&format!("{}\n", wrong(&code)));
    let ran = typist.end();
    assert_eq!(ran.code, 12, "{ran:?}");
    assert!(ran.stderr.contains("error: "), "{ran:?}");
    assert_eq!(place.run("token --profile default").code, 2);
}

#[test]
fn what_happens_meanwhile_is_said_and_the_question_stays() {
    let mut place = Place::with(BY_CODE);
    let (mut typist, code) = at_the_code(&place, "--as dev");
    place.stops();
    typist.wait_for("the connection is lost and is made again; the page stays valid");
    typist.wait_for("code that the browser shows: ");
    place.starts();
    typist.wait_for("connected again");
    typist.wait_for("code that the browser shows: ");
    typist.types(&format!("{code}\n"));
    typist.end().ok();
}

#[test]
fn an_answer_that_was_typed_before_the_question_is_none() {
    let place = Place::new();
    let mut typist = place.logs_in("");
    let url = address(&mut typist);
    typist.types("y\ny\n");
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    typist.wait_for("[y/N] ");
    typist.types("n\n");
    let ran = typist.end();
    assert_eq!(ran.code, 14, "{ran:?}");
}

#[test]
fn a_telephone_is_offered_where_a_code_will_do() {
    let place = Place::with(BY_CODE);
    let mut command = place.home.command(&format!("login {}", place.issuer));
    command.env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22");
    let mut typist = Typist::sit(&command, 120);
    typist.wait_for("type the code that the page shows, or first run there: ssh -L ");
    assert!(typist.wait_for("waiting until").contains('█'));
    typist.presses_ctrl_c();
    typist.end();
}
