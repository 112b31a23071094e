//! Does the browser of this machine bring the token here?

use serde_json::Value;

use super::place::{Place, address, address_of, ended, events};
use crate::world::ran;

#[test]
fn a_person_signs_in_at_a_terminal_is_asked_once_and_every_verb_then_knows_it() {
    let mut place = Place::new();
    let mut typist = place.logs_in("");
    assert_eq!(
        typist.wait_for("sign in at: "),
        "",
        "the address is said first"
    );
    let url = typist.rest_of_line();
    assert!(
        url.starts_with(&format!("{}/login/", place.issuer)),
        "{url}"
    );
    typist.wait_for("the page has the words: ");
    let words = typist.rest_of_line();
    let (mut person, review) = place.person_at(&url);
    assert!(review.body.contains(&words), "{words}: {review:?}");
    person.allows_here(&review);
    typist.wait_for("sign in as dev (");
    typist.wait_for("? [y/N] ");
    typist.types("y\n");
    let shown = typist.end().ok();
    for line in [
        "Profile              default",
        "Type                 0 (interactive)",
        "Principal            dev",
        "RefreshesRemaining   10",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // What it was got with: nothing that a certificate login has.
    for name in [
        "IssueAppId",
        "IssuePrincipal",
        "IssueCertSubject",
        "IssueCertThumbprint",
    ] {
        assert!(shown.lines().any(|line| line == name), "{name}: {shown}");
    }

    let token = place.run("token").ok();
    let decoded = place.run("token --decode --output json").json();
    assert_eq!(decoded["token"].as_str(), Some(token.trim()));
    assert_eq!(decoded["type"], 0);
    assert_eq!(decoded["refreshes_remaining"], 10);
    for name in [
        "issue_app_id",
        "issue_cert_subject",
        "issue_cert_thumbprint",
    ] {
        assert_eq!(decoded[name], "", "{name}");
    }
    assert_eq!(decoded["claims"]["binding"], "loopback");
    let whoami = place.run("whoami --output json").json();
    assert_eq!(
        (&whoami["principal"], &whoami["kind"]),
        (&"dev".into(), &0.into())
    );
    let profiles = place.run("profiles").ok();
    let row = profiles.lines().find(|line| line.starts_with('*')).unwrap();
    assert!(row.contains("default") && row.ends_with("dev"), "{row}");

    // The next token of the profile is that of the cache, and needs nobody.
    place.stops();
    assert_eq!(place.run("token").ok(), token);
}

#[test]
fn who_signed_in_last_is_accepted_without_a_question() {
    let place = Place::new();
    place.is_signed_in("");
    let mut typist = place.logs_in("");
    let (mut person, review) = place.person_at(&address(&mut typist));
    person.allows_here(&review);
    let ran = typist.end();
    assert!(!ran.stderr.contains("[y/N]"), "{ran:?}");
    ran.ok();
}

#[test]
fn a_program_reads_one_event_a_line_and_the_result_on_the_last() {
    let place = Place::new();
    let mut process = place.logs_in_unseen("--as dev --output json");
    let url = address_of(&mut process);
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    let ran = ended(process);
    let events = events(&ran);
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "begun",
            "opened",
            "signed_in",
            "waiting_for_loopback",
            "confirmed",
            "identity",
            "result"
        ]
    );
    let members = |name: &str| {
        let event = events.iter().find(|event| event["event"] == name).unwrap();
        let mut names: Vec<_> = event
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(events[0]["url"], url.as_str());
    assert_eq!(
        events[0]["fallback"],
        Value::Null,
        "same_device leaves no code"
    );
    assert_eq!(members("begun"), "binding event expires fallback label url");
    assert_eq!(members("opened"), "address event same_network user_agent");
    assert_eq!(members("identity"), "event name principal provider scope");
    let result = events.last().unwrap();
    assert_eq!(result["principal"], "dev");
    assert_eq!(result["refreshes_remaining"], 10);
    assert!(result.get("token").is_none() && result.get("claims").is_none());
}

#[test]
fn every_event_is_in_the_document_and_no_other() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let document = std::fs::read_to_string(document).unwrap();
    let (_, table) = document.split_once("| `event` |").unwrap();
    let rows = table.lines().take_while(|line| !line.is_empty()).skip(2);
    let first_cells = rows.map(|row| row.split('|').nth(1).unwrap().to_owned());
    let mut told: Vec<_> = first_cells
        .flat_map(|cell| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let source = include_str!("../../../src/commands/login/progress.rs");
    let mut written: Vec<_> = source
        .split("\"event\": \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    told.sort();
    written.sort();
    assert_eq!(told, written);
}

#[test]
fn the_browser_of_this_machine_is_given_the_address_and_nothing_else() {
    let place = Place::new();
    let browser = place.home.path().join("browser");
    let given = place.home.path().join("given");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}.new\nmv {0}.new {0}\n",
        given.display()
    );
    std::fs::write(&browser, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&browser, mode).unwrap();
    for (options, opened) in [("", true), ("--no-browser", false)] {
        let _ = std::fs::remove_file(&given);
        let line = format!("login {} --as dev {options}", place.issuer);
        let mut command = place.home.command(&line);
        command.env("BROWSER", &browser);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped());
        let mut process = command.spawn().unwrap();
        let url = address_of(&mut process);
        while opened && !given.exists() && process.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let (mut person, review) = place.person_at(&url);
        person.allows_here(&review);
        assert_eq!(ended(process).code, 0);
        assert_eq!(given.exists(), opened, "{options}");
        if opened {
            assert_eq!(std::fs::read_to_string(&given).unwrap(), format!("{url}\n"));
        }
    }
}

#[test]
fn a_browser_that_does_not_start_is_said_and_the_sign_in_goes_on() {
    let place = Place::new();
    let line = format!("login {} --as dev", place.issuer);
    let mut command = place.home.command(&line);
    command
        .env("BROWSER", "/nowhere/browser")
        .env("PATH", "/nowhere");
    let mut typist = crate::typist::Typist::sit(&command, 100);
    let url = address(&mut typist);
    typist.wait_for("no browser could be opened: ");
    typist.wait_for("open the address yourself");
    let (mut person, review) = place.person_at(&url);
    person.allows_here(&review);
    typist.end().ok();
}

#[test]
fn from_afar_it_says_how_the_browser_gets_back_by_the_port_that_was_chosen() {
    let place = Place::new();
    let mut port = 0;
    for options in ["", "--loopback-port "] {
        let options = match options {
            "" => String::new(),
            option => format!("{option}{port}"),
        };
        let mut command = place
            .home
            .command(&format!("login {} {options}", place.issuer));
        command
            .env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
            .env("USER", "anna");
        let mut typist = crate::typist::Typist::sit(&command, 200);
        let url = address(&mut typist);
        typist.wait_for("you are here by ssh: open the address where you sit");
        typist.wait_for("the browser must reach this terminal");
        typist.wait_for("ssh -L ");
        let said = typist.wait_for(":127.0.0.1:");
        let target = typist.rest_of_line();
        assert!(target.starts_with(&format!("{said} anna@")), "{target}");
        let (mut person, review) = place.person_at(&url);
        let loopback = person.allows(&review);
        assert_eq!(loopback.port(), said.parse().ok());
        assert!(port == 0 || loopback.port() == Some(port));
        port = loopback.port().unwrap();
        typist.presses_ctrl_c();
        assert_eq!(typist.end().code, 130);
    }
}

#[test]
fn a_qr_code_is_shown_where_it_was_asked_for_and_fits() {
    let place = Place::new();
    for (columns, shown) in [(100, true), (30, false)] {
        let command = place.home.command(&format!("login {} --qr", place.issuer));
        let mut typist = crate::typist::Typist::sit(&command, columns);
        let said = typist.wait_for("waiting until");
        assert_eq!(said.contains('█'), shown, "{said}");
        assert_eq!(
            said.contains("no QR code: it needs a terminal of"),
            !shown,
            "{said}"
        );
        typist.presses_ctrl_c();
        typist.end();
    }
}

#[test]
fn a_lost_connection_is_said_and_the_sign_in_goes_on_where_it_was() {
    let mut place = Place::new();
    let mut typist = place.logs_in("--as dev");
    let url = address(&mut typist);
    let (mut person, review) = place.person_at(&url);
    typist.wait_for("waiting for Allow in the browser");
    place.stops();
    typist.wait_for("the connection is lost and is made again; the page stays valid");
    place.starts();
    typist.wait_for("connected again");
    person.allows_here(&review);
    typist.end().ok();
}

#[test]
fn a_profile_remembers_server_and_scope_and_the_token_is_limited_to_it() {
    let place = Place::new();
    place.is_signed_in("--scope roles:read --profile narrow");
    let decoded = place
        .run("token --decode --output json --profile narrow")
        .json();
    assert_eq!(decoded["claims"]["scope"], "roles:read");
    place.run("admin role list --profile narrow").ok();
    assert_eq!(place.run("admin audit --profile narrow").code, 10);
    let settings =
        std::fs::read_to_string(place.home.path().join(".config/countersign/config.toml"));
    let settings = settings.unwrap();
    for line in [
        "browser = true",
        "last_principal = \"dev\"",
        "scope = \"roles:read\"",
    ] {
        assert!(settings.contains(line), "{settings}");
    }
    // A program that was started anew finds the same without being told.
    let ran = ran(place
        .home
        .command("refresh --profile narrow --output json")
        .env("NO_COLOR", "1"));
    assert_eq!(ran.json()["refreshes_remaining"], 9);
}
