//! Does a script learn by the exit code whether a certificate has to be renewed, and never from a failure?

use crate::world::{Home, Platform, ran};

const NEEDED: i32 = 0;
const NOT_NEEDED: i32 = 20;

fn testdata(name: &str) -> String {
    format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A home with `ten.pem`, which ends in ten days, and `year.pem`.
fn home() -> Home {
    let home = Home::new();
    home.run("cert new CN=ten --days 10 --out ten.pem").ok();
    home.run("cert new CN=year --days 365 --out year.pem").ok();
    home
}

#[test]
fn needed_and_not_needed_are_two_codes_and_whatever_fails_has_neither() {
    let home = home();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    std::fs::create_dir(home.path().join("mixed")).unwrap();
    std::fs::create_dir(home.path().join("cut")).unwrap();
    std::fs::copy(
        home.path().join("year.pem"),
        home.path().join("mixed/a.pem"),
    )
    .unwrap();
    std::fs::write(home.path().join("mixed/b.pem"), "cut of").unwrap();
    std::fs::write(
        home.path().join("cut/cut.pem"),
        "-----BEGIN CERTIFICATE-----\nMII",
    )
    .unwrap();
    let expired = testdata("refused/expired.pem");
    let not_yet = testdata("refused/not-yet-valid.pem");
    let locked = testdata("clients/p256/p256.modern.p12");
    let table = [
        ("ten.pem", NOT_NEEDED),
        ("ten.pem --within 9d", NOT_NEEDED),
        ("ten.pem --within 11d", NEEDED),
        ("year.pem", NOT_NEEDED),
        ("year.pem --within 0", NOT_NEEDED),
        ("CN=year --cert-store year.pem", NOT_NEEDED),
        (".", NOT_NEEDED),
        (". --within 11d", NEEDED),
        ("CN=year --cert-store . --within 11d", NOT_NEEDED),
        ("CN=ten --cert-store . --within 11d", NEEDED),
        (&expired, NEEDED),
        // Here nobody can tell.
        ("", 2),
        ("absent.pem", 2),
        ("CN=nobody --cert-store .", 1),
        ("CN=year --cert-store absent", 1),
        ("--profile absent", 2),
        ("empty", 1),
        ("cut/cut.pem", 1),
        ("mixed", 1),
        (&not_yet, 1),
        (&locked, 1),
        ("year.pem --within tomorrow", 2),
        ("--registered", 2),
    ];
    for (line, code) in table {
        let asked = home.run(&format!("cert renew-needed {line}"));
        assert_eq!(asked.code, code, "{line}: {asked:?}");
        let fails = ![NEEDED, NOT_NEEDED].contains(&code);
        assert_eq!(
            asked.stderr.starts_with("error: "),
            fails,
            "{line}: {asked:?}"
        );
        assert_eq!(asked.stdout.is_empty(), fails, "{line}: {asked:?}");
    }
    // One that has to be renewed outweighs one that cannot be read, which is said.
    let asked = home.run("cert renew-needed mixed --within 400d");
    assert_eq!(asked.code, NEEDED, "{asked:?}");
    assert!(asked.stderr.contains("b.pem"), "{asked:?}");
}

#[test]
fn openssl_agrees_about_what_ends_within_a_time() {
    let home = home();
    for (file, days) in [
        ("ten.pem", 9),
        ("ten.pem", 11),
        ("year.pem", 364),
        ("year.pem", 366),
    ] {
        let ours = home.run(&format!("cert renew-needed {file} --within {days}d"));
        let mut openssl = std::process::Command::new("openssl");
        let seconds = (days * 86_400).to_string();
        openssl
            .args(["x509", "-noout", "-in", file, "-checkend", &seconds])
            .current_dir(home.path());
        // It ends with 1 when the certificate will have expired.
        let theirs = ran(&mut openssl);
        assert_eq!(
            ours.code == NEEDED,
            theirs.code == 1,
            "{file} {days}: {theirs:?}"
        );
    }
}

#[test]
fn a_person_reads_a_table_a_program_json_and_cron_nothing() {
    let home = home();
    let asked = home.run("cert renew-needed ten.pem --within 11d");
    let lines: Vec<&str> = asked.stdout.lines().collect();
    assert!(lines[0].starts_with("RENEWAL  SUBJECT"), "{asked:?}");
    assert!(lines[1].starts_with("needed   CN=ten"), "{asked:?}");
    let quiet = home.run("cert renew-needed ten.pem --quiet");
    assert_eq!(
        (quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()),
        (20, "", "")
    );
    let asked = home.run("cert renew-needed . --output json --quiet");
    assert_eq!(asked.code, NOT_NEEDED);
    let json: serde_json::Value = serde_json::from_str(&asked.stdout).unwrap();
    assert_eq!(json["needed"], false);
    assert_eq!(json["items"][0]["subject"], "CN=ten");
    assert_eq!(json["items"][1]["needed"], false);
}

#[test]
fn a_certificate_that_another_of_its_name_has_replaced_is_passed_over() {
    let home = Home::new();
    home.run("cert new CN=service --days 1 --out 1.pem").ok();
    let due = "cert renew-needed . --within 2d";
    assert_eq!(home.run(due).code, NEEDED);
    home.run("cert new CN=service --days 90 --out 2.pem").ok();
    assert_eq!(home.run(due).code, NOT_NEEDED);
    home.run("cert new CN=other --days 1 --out 3.pem").ok();
    assert_eq!(home.run(due).code, NEEDED);
}

#[test]
fn a_profile_and_what_the_platform_knows_are_judged_too() {
    let platform = Platform::start();
    let ask = |line: &str| platform.run(&format!("cert renew-needed {line}"));
    assert_eq!(ask("--profile dev").code, NOT_NEEDED);
    assert_eq!(ask("--profile dev --within 36000d").code, NEEDED);
    let registered = "--registered --profile dev-admin";
    assert_eq!(ask(registered).code, NOT_NEEDED);
    assert_eq!(ask(&format!("{registered} --within 36000d")).code, NEEDED);
    assert_eq!(ask(&format!("{registered} --app-id nobody")).code, 1);
    assert_eq!(ask("--registered --profile dev").code, 10);

    platform.run("cert new CN=old --out old.pem").ok();
    let app_id = crate::world::APP_ID;
    let line = format!(
        "admin certificate create old.pem --app-id {app_id} --profile dev-admin --output json"
    );
    let made = platform.run(&line).json();
    let sha256 = made["sha256"].as_str().unwrap();
    assert_eq!(ask(&format!("{sha256} {registered}")).code, NOT_NEEDED);
    let revoke = format!("admin certificate revoke {sha256} --reason old --profile dev-admin");
    platform.run(&revoke).ok();
    let revoked = ask(&format!("{sha256} {registered}"));
    assert_eq!(revoked.code, 1, "{revoked:?}");
    assert!(revoked.stderr.contains("is revoked"), "{revoked:?}");
}

#[test]
fn whoever_signs_in_hears_that_the_certificate_ends_soon_unless_he_wants_to_hear_nothing() {
    use countersign::Clock as _;

    let platform = Platform::start();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = countersign::SystemClock.now().as_secs();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = epoch + std::time::Duration::from_secs(now + 5 * 86_400);
    let certificate = parameters.self_signed(&key).unwrap().pem();
    let pair = format!("{certificate}{}", key.serialize_pem());
    std::fs::write(platform.home.path().join("ending.pem"), pair).unwrap();
    platform.run("cert new CN=fresh --out fresh.pem").ok();

    // The server does not know them; what is said about them comes before that.
    let says = |file: &str| {
        let line = format!("platform-token {} --cert {file}", platform.issuer);
        platform.run(&line).stderr.contains("; renew it")
    };
    assert!(says("ending.pem"));
    assert!(!says("ending.pem --quiet"));
    assert!(!says("fresh.pem"));
}

#[test]
fn a_folder_in_which_the_newest_is_not_registered_yet_signs_in_with_the_one_before_and_says_so() {
    let platform = Platform::start();
    let make = |days: u32, file: &str| {
        format!("cert new CN=stock --days {days} --out certs/{file} --output json")
    };
    let admin = |line: &str| {
        let line = format!("admin {line} --profile dev-admin --output json");
        platform.run(&line).json()
    };
    let old = platform.run(&make(90, "1.pem")).json();
    let old = old["thumbprint_sha256"].as_str().unwrap();
    admin("app create stock");
    admin("principal create stock");
    admin("certificate create certs/1.pem --app-id stock");
    let map = |sha256: &str| {
        let sha256 = sha256.to_ascii_lowercase();
        format!("mapping create --certificate {sha256} --app-id stock --principal stock")
    };
    admin(&map(old));
    let login = format!(
        "login {} --app-id stock --cert-subject CN=stock --cert-store certs --profile stock",
        platform.issuer
    );
    platform.run(&login).ok();

    let newest = platform.run(&make(91, "2.pem")).json();
    let newest = newest["thumbprint_sha256"].as_str().unwrap();
    let refreshed = platform.run("refresh --profile stock");
    assert_eq!(refreshed.code, 0, "{refreshed:?}");
    let says = format!("the newest certificate, {newest}, was refused");
    assert!(refreshed.stderr.contains(&says), "{refreshed:?}");
    admin("certificate create certs/2.pem --app-id stock");
    admin(&map(newest));
    let refreshed = platform.run("refresh --profile stock");
    assert_eq!(refreshed.code, 0, "{refreshed:?}");
    assert!(!refreshed.stderr.contains("was refused"), "{refreshed:?}");
}
