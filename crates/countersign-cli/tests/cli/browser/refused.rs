//! Is whoever must not sign in told so, in one line with its exit code?

use std::net::TcpListener;

use super::place::{Place, address, address_of, ended};
use crate::{person::Person, world::Home};

#[test]
fn without_a_terminal_and_without_a_name_nothing_is_begun() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let home = Home::new();
    let server = listener.local_addr().unwrap();
    let ran = home.run(&format!("login http://{server}"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(
        ran.stderr,
        format!(
            "error: there is no terminal to ask at who may sign in\n\
             hint: say who it must be with --as NAME, or sign in with a certificate: \
             countersign login http://{server} --app-id ID --cert FILE\n"
        )
    );
    assert!(listener.accept().is_err(), "nobody was connected to");
    assert!(!home.state().exists(), "nothing was made");
}

#[test]
fn another_person_is_refused_where_nobody_can_be_asked() {
    let place = Place::new();
    let mut process = place.logs_in_unseen("--as vader");
    let (mut person, review) = place.person_at(&address_of(&mut process));
    person.allows_here(&review);
    let ran = ended(process);
    assert_eq!(ran.code, 14, "{ran:?}");
    assert!(
        ran.stderr
            .contains("error: dev signed in, and vader was expected\nhint: sign out"),
        "{ran:?}"
    );
    assert_eq!(
        place.run("token --profile default").code,
        2,
        "no profile was made"
    );
}

#[test]
fn at_a_terminal_another_person_is_asked_about_and_no_is_no() {
    let place = Place::new();
    for (typed, code) in [
        ("n\n", 14),
        ("\n", 14),
        ("maybe\nn\n", 14),
        ("maybe\nyes\n", 0),
    ] {
        let mut typist = place.logs_in("--as vader --profile other");
        let (mut person, review) = place.person_at(&address(&mut typist));
        person.allows_here(&review);
        for line in typed.split_inclusive('\n') {
            typist.wait_for("sign in as dev (");
            typist.wait_for("[y/N] ");
            typist.types(line);
        }
        let ran = typist.end();
        assert_eq!(ran.code, code, "{typed:?}: {ran:?}");
    }
}

#[test]
fn a_person_who_did_not_start_it_ends_it() {
    let place = Place::new();
    let mut typist = place.logs_in("");
    let (mut person, review) = place.person_at(&address(&mut typist));
    person.reports(&review);
    let ran = typist.end();
    assert_eq!(ran.code, 10, "{ran:?}");
    assert!(
        ran.stderr.contains("error: ") && ran.stderr.contains("hint: "),
        "{ran:?}"
    );
}

#[test]
fn more_than_the_person_may_do_is_policy() {
    let place = Place::new();
    let mut typist = place.logs_in("--as dev --scope roles:write");
    let mut person = Person::new();
    let url = address(&mut typist);
    person.tries_to_sign_in(&url, "dev", &place.password);
    let ran = typist.end();
    assert_eq!(ran.code, 12, "{ran:?}");
}

#[test]
fn a_question_that_nobody_answers_ends_it() {
    let place = Place::with("[login]\naccept_s = 5\n");
    let mut typist = place.logs_in("");
    let (mut person, review) = place.person_at(&address(&mut typist));
    person.allows_here(&review);
    typist.wait_for("[y/N] ");
    let ran = typist.end();
    assert_eq!(ran.code, 11, "{ran:?}");
    assert!(
        ran.stderr.contains("hint: start the login again"),
        "{ran:?}"
    );
}

#[test]
fn what_was_typed_wrong_is_one_line_and_begins_nothing() {
    let place = Place::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = busy.local_addr().unwrap().port();
    let (issuer, gone) = (&place.issuer, crate::interrupted::free_address());
    for (line, code, begins) in [
        (
            format!("login {issuer} --as dev --loopback-port 6379"),
            2,
            "port 6379",
        ),
        (
            format!("login {issuer} --as dev --loopback-port 80"),
            2,
            "invalid value '80'",
        ),
        (
            format!("login {issuer} --as dev --loopback-port {busy}"),
            2,
            "",
        ),
        (
            format!("login {issuer} --as dev --scope a\u{1}b"),
            2,
            "--scope",
        ),
        (
            format!("login {issuer} --as dev --ca-bundle nowhere.pem"),
            2,
            "",
        ),
        (
            format!("login http://{gone} --as dev"),
            13,
            "no connection to",
        ),
        (
            "login http://platform.example --as dev".to_owned(),
            2,
            "server \"http://platform.example\"",
        ),
        (
            format!("login {issuer} --as dev --profile a/b"),
            2,
            "\"a/b\" cannot be the name",
        ),
    ] {
        let ran = place.run(&line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert_eq!(ran.stdout, "", "{line}");
        let mut lines = ran.stderr.lines();
        let error = lines.next().unwrap();
        assert!(
            error.starts_with(&format!("error: {begins}")),
            "{line}: {ran:?}"
        );
        assert!(
            lines.next().unwrap().starts_with("hint: "),
            "{line}: {ran:?}"
        );
        assert_eq!(lines.next(), None, "{line}: {ran:?}");
    }
}

#[test]
fn a_server_without_browser_sign_in_is_said_to_be_one() {
    let home = Home::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", server.local_addr().unwrap());
    let metadata = format!(
        "{{\"issuer\":\"{issuer}\",\"token_endpoint\":\"{issuer}/token\",\
         \"response_types_supported\":[\"code\"]}}"
    );
    let answering = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut connection, _) = server.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]).unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{metadata}",
            metadata.len()
        );
        connection.write_all(answer.as_bytes()).unwrap();
    });
    let ran = home.run(&format!("login {issuer} --as dev"));
    answering.join().unwrap();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("login") && ran.stderr.contains("hint: "),
        "{ran:?}"
    );
}

#[test]
fn a_place_where_no_key_can_be_kept_is_refused_before_anything_is_opened() {
    let home = Home::new();
    let mut command = home.command("login http://127.0.0.1:1 --as dev");
    let nowhere = crate::world::ran(command.env("XDG_STATE_HOME", "/dev/null"));
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    assert!(
        nowhere.stderr.contains("/dev/null/countersign"),
        "{nowhere:?}"
    );
    let mut command = home.command("login http://127.0.0.1:1 --as dev");
    let nobody = crate::world::ran(command.env("HOME", "not absolute"));
    assert!(
        nobody.code == 1 && nobody.stderr.contains("HOME is not set"),
        "{nobody:?}"
    );
}
