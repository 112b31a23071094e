//! Does every verb of signing in do what it says?

use crate::world::{APP_ID, Home, Platform};

#[test]
fn dev_once_signs_in_from_an_empty_home_and_a_second_run_reuses_its_data() {
    let home = Home::new();
    let first = home
        .run("dev --once --listen 127.0.0.1:0 --output json")
        .json();
    assert_eq!(first["type"], 1);
    assert_eq!(first["principal"], "inventory-service");
    assert_eq!(first["issue_app_id"], APP_ID);
    assert_eq!(
        first["issue_cert_subject"],
        "CN=inventory-service,O=Countersign Development"
    );
    assert_eq!(first["claims"]["type"], 1);
    let second = home
        .run("dev --once --listen 127.0.0.1:0 --output json")
        .json();
    assert_eq!(
        second["issue_cert_thumbprint"],
        first["issue_cert_thumbprint"]
    );
    // Signed by the same key of the issuer: the store was reused, not made anew.
    assert_eq!(second["header"]["kid"], first["header"]["kid"]);
    assert_ne!(second["claims"]["jti"], first["claims"]["jti"]);
}

#[test]
fn dev_once_prints_the_token_object_for_people() {
    let text = Home::new().run("dev --once --listen 127.0.0.1:0").ok();
    let labels: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let expected = [
        "Server",
        "Data",
        "Type",
        "Principal",
        "IssuedAt",
        "Expires",
        "RefreshesRemaining",
        "IssueAppId",
        "IssuePrincipal",
        "IssueCertSubject",
        "IssueCertThumbprint",
        "Header",
    ];
    assert_eq!(labels[..expected.len()], expected);
    assert!(
        text.contains("\nType                 1 (non-interactive)\n"),
        "{text}"
    );
}

#[test]
fn every_command_that_dev_proposes_works() {
    let platform = Platform::start();
    assert!(platform.next.len() >= 7, "{:?}", platform.next);
    for command in &platform.next {
        match command.starts_with("login ") {
            true => assert_eq!(*command, format!("login {}", platform.issuer)),
            false => drop(platform.run(command).ok()),
        }
    }
}

#[test]
fn a_busy_port_is_said_with_what_to_do() {
    let platform = Platform::start();
    let address = platform.issuer.trim_start_matches("http://");
    let other = Home::new();
    let ran = other.run(&format!("dev --once --listen {address}"));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .starts_with(&format!("error: cannot listen on {address}")),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("hint: stop the other program"),
        "{ran:?}"
    );
    assert!(
        !other
            .path()
            .join(".local/share/countersign/dev/ca")
            .exists()
    );
}

// checklist T4, T13
#[test]
fn a_token_is_renewed_without_saying_anything_again() {
    let platform = Platform::start();
    let before = platform.run("token").ok();
    assert_eq!(
        platform.run("token").ok(),
        before,
        "a fresh token comes from the cache"
    );
    let renewed = platform.run("refresh --output json").json();
    assert_eq!(renewed["refreshes_remaining"], 0);
    assert!(
        renewed.get("token").is_none(),
        "refresh says what it got, token prints it"
    );
    let after = platform.run("token").ok();
    assert_ne!(after, before);
}

// checklist T9, T11, T12
#[test]
fn the_current_token_is_read_at_any_time_and_decoded_on_request() {
    let platform = Platform::start();
    let raw = platform.run("token").ok();
    assert_eq!(raw.trim().split('.').count(), 3);
    assert_eq!(
        platform.run("token --output header").ok(),
        format!("Authorization: Bearer {raw}")
    );
    assert_eq!(
        platform.run("token --output env").ok(),
        format!("export COUNTERSIGN_TOKEN={raw}")
    );
    let object = platform.run("token --output json").json();
    assert_eq!(object["token"], raw.trim());
    let mut members: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(
        members,
        [
            "claims",
            "expires",
            "header",
            "issue_app_id",
            "issue_cert_subject",
            "issue_cert_thumbprint",
            "issue_principal",
            "issued_at",
            "principal",
            "refreshes_remaining",
            "token",
            "type"
        ]
    );
    let decoded = platform.run("token --decode").ok();
    assert!(
        decoded.contains("IssueAppId           4f0c2b9e"),
        "{decoded}"
    );
    assert!(decoded.contains("  type: 1\n"), "{decoded}");
    assert!(
        !decoded.contains(raw.trim()),
        "the decoded form has no use for the token itself"
    );
}

// checklist T7, T10
#[test]
fn a_platform_token_is_printed_and_not_kept() {
    let platform = Platform::start();
    let before = std::fs::read_dir(platform.home.state()).unwrap().count();
    let line = format!(
        "platform-token {} --cert {}/platform-component.pem --output json",
        platform.issuer,
        platform.home.certificates().display()
    );
    let object = platform.run(&line).json();
    assert_eq!(object["type"], 2);
    assert_eq!(object["principal"], "platform");
    assert_eq!(
        std::fs::read_dir(platform.home.state()).unwrap().count(),
        before
    );
}

// checklist T8
#[test]
fn the_certificate_of_a_client_gets_no_platform_token() {
    let platform = Platform::start();
    let line = format!(
        "platform-token {} --cert {}/inventory-service.pem",
        platform.issuer,
        platform.home.certificates().display()
    );
    let ran = platform.run(&line);
    assert_eq!(ran.code, 14, "{ran:?}");
    assert_eq!(ran.stdout, "");
}

// checklist T5, T14
#[test]
fn login_tests_the_connection_says_that_the_thumbprint_wins_and_remembers() {
    let platform = Platform::start();
    let store = platform.home.certificates();
    let token = platform.run("token --output json").json();
    let thumbprint = token["issue_cert_thumbprint"].as_str().unwrap();
    let line = format!(
        "login {} --app-id {APP_ID} --cert-subject CN=other --cert-thumbprint {thumbprint} \
         --cert-store {} --profile lab",
        platform.issuer,
        store.display()
    );
    let ran = platform.run(&line);
    assert!(ran.stderr.contains("thumbprint"), "{ran:?}");
    assert!(ran.ok().contains("Principal            inventory-service"));
    assert!(platform.run("profiles").ok().contains("*  lab"));
    let unreachable = line
        .replace(&platform.issuer, "http://127.0.0.1:1")
        .replace("lab", "no");
    let ran = platform.run(&unreachable);
    assert_eq!(ran.code, 13, "{ran:?}");
    assert!(
        !platform.run("profiles").ok().contains("no "),
        "nothing is remembered of a failure"
    );
}

// checklist T6
#[test]
fn a_foreign_principal_is_refused_with_the_permitted_ones() {
    let platform = Platform::start();
    let ran = platform.run(&format!(
        "login {} --app-id {APP_ID} --cert {}/inventory-service.pem --principal admin --profile x",
        platform.issuer,
        platform.home.certificates().display()
    ));
    assert_eq!(ran.code, 14, "{ran:?}");
    assert!(
        ran.stderr.contains("hint: ") && ran.stderr.contains("inventory-service"),
        "{ran:?}"
    );
}

#[test]
fn use_makes_another_profile_the_current_one() {
    let platform = Platform::start();
    let subject = || platform.run("whoami --output json").ok();
    assert!(subject().contains("inventory-service"));
    platform.run("use dev-admin").ok();
    assert!(!subject().contains("inventory-service"));
    assert!(platform.run("profiles").ok().contains("*  dev-admin"));
    let ran = platform.run("use nobody");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("dev-admin"), "{ran:?}");
    assert!(platform.run("profiles").ok().contains("*  dev-admin"));
}

#[test]
fn logout_revokes_and_forgets() {
    let platform = Platform::start();
    let ran = platform.run("logout --profile dev --output json").json();
    assert_eq!(ran["revoked"], true);
    let ran = platform.run("token --profile dev");
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_platform_token_is_given_back_too() {
    let platform = Platform::start();
    platform
        .run(&format!(
            "login {} --as-platform --cert {}/platform-component.pem --profile component",
            platform.issuer,
            platform.home.certificates().display()
        ))
        .ok();
    let ran = platform.run("logout --profile component --output json");
    assert_eq!(ran.json()["revoked"], true);
}

#[test]
fn whoami_and_admin_use_the_token_that_is_there() {
    let platform = Platform::start();
    platform.run("token --profile dev").ok();
    platform.run("token --profile dev-admin").ok();
    let before = platform.issued();
    platform.run("whoami --profile dev").ok();
    platform.run("admin role list --profile dev-admin").ok();
    assert_eq!(platform.issued(), before);
}

#[test]
fn what_is_registered_is_managed_from_the_command_line() {
    let platform = Platform::start();
    let admin =
        |line: &str| platform.run(&format!("admin {line} --profile dev-admin --output json"));
    admin("role create Clerk --permission audit:read").json();
    let principal = admin("principal create clerk --role Clerk").json();
    assert_eq!(principal["roles"][0], "Clerk");
    let principal = admin("principal update clerk --enabled false").json();
    assert_eq!(
        (&principal["enabled"], &principal["roles"][0]),
        (&false.into(), &"Clerk".into())
    );
    admin("app create shop --scope a --scope b").json();
    platform.run("cert new CN=shop --out shop.pem").ok();
    let certificate = admin("certificate create shop.pem --app-id shop").json();
    assert!(!certificate.to_string().contains("PRIVATE"));
    let sha256 = certificate["sha256"].as_str().unwrap();
    let mapping = admin(&format!(
        "mapping create --certificate {sha256} --app-id shop --principal clerk"
    ))
    .json();
    let id = mapping["id"].as_str().unwrap();
    admin(&format!("mapping delete {id}")).json();
    let revoked = admin(&format!("certificate revoke {sha256} --reason lost")).json();
    assert_eq!(revoked["revocation_reason"], "lost");
    admin("principal delete clerk").json();
    let missing = admin("principal show clerk");
    assert_eq!(missing.code, 1);
    // Whoever lacks the permission is told so.
    let denied = platform.run("admin audit --profile dev");
    assert_eq!(denied.code, 10, "{denied:?}");
}

#[test]
fn doctor_ends_with_the_code_of_what_is_wrong() {
    let platform = Platform::start();
    platform.run("doctor --profile dev").ok();
    let ran = platform.run("doctor http://127.0.0.1:1");
    assert_eq!(ran.code, 13, "{ran:?}");
    assert!(ran.stdout.contains("bad      connection"), "{ran:?}");
}
