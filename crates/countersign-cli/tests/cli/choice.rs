//! Is the certificate taken that the options name, and is it said why not the others?

use crate::world::{APP_ID, Home, Platform, Ran};

/// A home whose folder `store` has two certificates of one subject, by two authorities.
fn home() -> Home {
    let home = Home::new();
    for (authority, leaf) in [("One", "first"), ("Two", "second")] {
        home.run(&format!(
            "cert new CN={authority} --authority --out {authority}.pem"
        ))
        .ok();
        home.run(&format!(
            "cert new CN=s --ca {authority}.pem --out store/{leaf}.pem"
        ))
        .ok();
    }
    home
}

/// The serial number as openssl prints it: upper-case hexadecimal digits.
fn serial(file: &std::path::Path) -> String {
    let output = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-serial", "-in"])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().strip_prefix("serial=").unwrap().to_owned()
}

/// Nobody listens there: 13 when a certificate was taken, 1 when none was.
fn login(home: &Home, options: &str) -> Ran {
    home.run(&format!(
        "login http://127.0.0.1:1 --app-id a --cert-store store --verbose {options}"
    ))
}

// checklist T5
#[test]
fn issuer_and_serial_number_each_name_one_of_two_with_the_same_subject() {
    let home = home();
    let store = home.path().join("store");
    let serials = ["first", "second"].map(|leaf| serial(&store.join(format!("{leaf}.pem"))));
    let pasted = serials.clone().map(|serial| {
        let pairs = serial.as_bytes().chunks(2);
        let pairs: Vec<_> = pairs
            .map(|pair| std::str::from_utf8(pair).unwrap())
            .collect();
        pairs.join(":").to_lowercase()
    });
    for (options, taken, other) in [
        ("--cert-issuer CN=One".to_owned(), "first", "second"),
        ("--cert-issuer CN=Two".to_owned(), "second", "first"),
        (format!("--cert-serial {}", serials[0]), "first", "second"),
        (format!("--cert-serial {}", pasted[1]), "second", "first"),
    ] {
        // In strict mode: there is no other that only happens not to be the newest.
        let ran = login(&home, &format!("--cert-subject CN=s --strict {options}"));
        assert_eq!(ran.code, 13, "{options}: {ran:?}");
        assert!(ran.stderr.contains(&format!("{taken}.pem")), "{ran:?}");
        assert!(!ran.stderr.contains(&format!("{other}.pem")), "{ran:?}");
    }
    for options in ["--cert-issuer CN=Three", "--cert-serial 0102"] {
        let ran = login(&home, options);
        assert_eq!(ran.code, 1, "{options}: {ran:?}");
        assert!(ran.stderr.contains("no certificate can be used"), "{ran:?}");
    }
}

// checklist T5
#[test]
fn several_certificates_are_an_error_in_strict_mode_only() {
    let home = home();
    let ran = login(&home, "--cert-subject CN=s");
    assert_eq!(ran.code, 13, "{ran:?}");
    assert!(ran.stderr.contains("2 certificates match"), "{ran:?}");
    let ran = login(&home, "--cert-subject CN=s --strict");
    assert_eq!(ran.code, 1, "{ran:?}");
    for leaf in ["first.pem", "second.pem"] {
        assert!(ran.stderr.contains(leaf), "{ran:?}");
    }
}

#[test]
fn explain_gives_a_reason_for_every_candidate() {
    let home = home();
    home.run("cert new CN=t --out store/third.pem").ok();
    let explained = home
        .run("cert explain CN=s --cert-store store --output json")
        .json();
    let items = explained["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    let taken = items.iter().filter(|item| item["taken"] == true).count();
    assert_eq!(taken, 1, "{explained}");
    for item in items {
        let reason = item["reason"].as_str().unwrap();
        let begins = match (item["subject"].as_str().unwrap(), &item["taken"]) {
            ("CN=t", _) => "wrong subject",
            (_, taken) if *taken == true => "taken",
            _ => "usable, but",
        };
        assert!(reason.starts_with(begins), "{item}");
    }

    let ran = home.run("cert explain CN=s --strict --cert-store store --output json");
    assert_eq!(ran.code, 1, "{ran:?}");
    let explained: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut items = explained["items"].as_array().unwrap().iter();
    assert!(items.all(|item| item["taken"] == false), "{explained}");
}

// checklist T5
#[test]
fn what_was_named_is_remembered_for_the_next_token() {
    let platform = Platform::start();
    let store = platform.home.certificates();
    let serial = serial(&store.join("inventory-service.pem"));
    platform
        .run(&format!(
            "login {} --app-id {APP_ID} --cert-serial {serial} --cert-store {} --profile lab",
            platform.issuer,
            store.display()
        ))
        .ok();
    let renewed = platform.run("refresh --profile lab --output json").json();
    assert_eq!(
        renewed["issue_cert_subject"],
        "CN=inventory-service,O=Countersign Development"
    );
}
