//! Does a token that somebody grants go from its creation to its end, and is it printed once?

mod bad_input;
mod given_back;
mod import;
mod strings;

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::{
    secrets::holds_a_token,
    world::{Platform, Ran, ran},
};

const ADMIN: &str = "--profile dev-admin";

/// What a token string has after its prefix and its kind.
pub(crate) fn is_token(text: &str, kind: &str) -> bool {
    let body = text.trim_end().strip_prefix(&format!("csn_{kind}_"));
    body.is_some_and(|body| body.len() == 71 && body.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The id that stands in a token.
fn id_of(token: &str) -> String {
    let (_, body) = token.trim().rsplit_once('_').unwrap();
    body[..22].to_owned()
}

impl Platform {
    fn admin(&self, line: &str) -> Ran {
        self.run(&format!("{line} {ADMIN}"))
    }

    /// Makes a token of the administrator's.
    fn grant(&self, line: &str) -> String {
        self.admin(line).ok().trim().to_owned()
    }

    /// Runs a verb as whoever holds a token, which is in the environment.
    fn holding(&self, token: &str, line: &str) -> Ran {
        let line = format!("{line} --server {}", self.issuer);
        ran(self.home.command(&line).env("COUNTERSIGN_TOKEN", token))
    }

    fn state_of(&self, id: &str) -> Value {
        self.admin(&format!("pat show {id} --output json")).json()["state"].clone()
    }
}

#[test]
fn a_token_is_made_used_rotated_confirmed_and_revoked() {
    let platform = Platform::start();
    let made = platform.admin("pat create --name laptop --lifetime 30d");
    assert!(made.stderr.contains("it is shown this once"), "{made:?}");
    let first = made.ok().trim().to_owned();
    assert!(is_token(&first, "pat"), "{first}");
    let who = platform.holding(&first, "whoami --output json").json();
    assert_eq!(
        (&who["principal"], &who["kind"]),
        (&"admin".into(), &3.into())
    );
    assert_eq!(who["server"], platform.issuer);

    let id = id_of(&first);
    let second = platform.grant(&format!("pat rotate {id}"));
    assert!(is_token(&second, "pat") && second != first, "{second}");
    assert_eq!(platform.state_of(&id), "rotated");
    platform.holding(&first, "whoami").ok();
    platform.admin(&format!("pat rotate --confirm {id}")).ok();
    let refused = platform.holding(&first, "whoami");
    assert_eq!(refused.code, 14, "{refused:?}");
    assert!(
        refused.stderr.contains("hint: the granted token has ended"),
        "{refused:?}"
    );
    platform.holding(&second, "whoami").ok();

    let id = id_of(&second);
    let renamed = platform.admin(&format!("pat rename {id} --name desktop --output json"));
    assert_eq!(renamed.json()["name"], "desktop");
    let listed = platform.admin("pat list --name DESK --state active").ok();
    assert!(listed.contains(&id), "{listed}");
    platform
        .admin(&format!("pat revoke {id} --reason lost"))
        .ok();
    assert_eq!(platform.state_of(&id), "revoked");
    assert_eq!(platform.holding(&second, "whoami").code, 14);
    let none = platform.admin("pat list --state active");
    assert!(none.stderr.contains("nothing there"), "{none:?}");
}

#[test]
fn a_rotation_that_is_aborted_leaves_the_old_token_as_it_was() {
    let platform = Platform::start();
    let first = platform.grant("pat create --name a");
    let id = id_of(&first);
    let second = platform.grant(&format!(
        "pat rotate {id} --grace 1h --keep-until-grace-ends --lifetime 1d"
    ));
    platform.holding(&second, "whoami").ok();
    platform
        .admin(&format!("pat rotate --abort {}", id_of(&second)))
        .ok();
    assert_eq!(platform.holding(&second, "whoami").code, 14);
    platform.holding(&first, "whoami").ok();
    assert_eq!(platform.state_of(&id), "active");
}

#[test]
fn a_token_is_kept_in_a_file_of_its_owner_and_replaced_there() {
    let platform = Platform::start();
    let file = platform.home.path().join("token");
    let kept = || std::fs::read_to_string(&file).unwrap();
    let made = platform.admin("pat create --name a --output-file token --output json");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let first = kept();
    assert!(is_token(&first, "pat") && first.ends_with('\n'), "{first}");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let held = format!("whoami --server {} --token-file token", platform.issuer);
    platform.run(&held).ok();

    // Nothing is made that could not be kept.
    let again = platform.admin("pat create --name b --output-file token");
    assert_eq!(again.code, 1, "{again:?}");
    assert_eq!(kept(), first);
    assert!(!platform.admin("pat list").ok().contains("b  "));

    platform
        .admin(&format!("pat rotate {id} --output-file token"))
        .ok();
    let second = kept();
    assert!(is_token(&second, "pat") && second != first);
    platform.run(&held).ok();
    // The successor was used.
    assert_eq!(platform.holding(first.trim(), "whoami").code, 14);
}

#[test]
fn a_token_is_printed_in_the_form_that_was_asked_for() {
    let platform = Platform::start();
    let create = "pat create --name my.laptop --lifetime 1d";
    let labelled = platform.grant(&format!("{create} --label"));
    let (label, token) = labelled.rsplit_once("--").unwrap();
    assert!(
        label.starts_with("my.laptop-20") && is_token(token, "pat"),
        "{label}"
    );
    platform.holding(&labelled, "whoami").ok();
    let header = platform.admin(&format!("{create} --output header")).ok();
    assert!(
        header.starts_with("Authorization: Bearer csn_pat_"),
        "{header}"
    );
    let env = platform.admin(&format!("{create} --output env")).ok();
    assert!(
        env.starts_with("export COUNTERSIGN_TOKEN=csn_pat_"),
        "{env}"
    );
    let json = platform.admin(&format!("{create} --output json")).json();
    assert!(is_token(json["token"].as_str().unwrap(), "pat"));
    assert_eq!(json["name"], "my.laptop");
    let refused = platform.admin("pat list --output raw");
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn tokens_are_made_for_others_and_for_nobody_by_whoever_may() {
    let platform = Platform::start();
    let app = platform.grant("app-token create --name shop --owner inventory-service");
    assert!(is_token(&app, "app"), "{app}");
    let who = platform.holding(&app, "whoami --output json").json();
    assert_eq!(
        (&who["principal"], &who["kind"]),
        (&"inventory-service".into(), &4.into())
    );
    let system = platform.grant("system-token create --name backup --role Reader");
    assert!(is_token(&system, "sys"), "{system}");
    platform.holding(&system, "admin role list").ok();
    // Neither may make another: the one has no right to, the other can change nothing.
    for token in [&app, &system] {
        let refused = platform.holding(token, "pat create --name x");
        assert_eq!(refused.code, 10, "{refused:?}");
    }
    let jwt = platform.grant("app-token create --name api --owner inventory-service --jwt");
    assert!(holds_a_token(&jwt), "{jwt}");

    let all = platform.admin("admin token list --output json").json();
    let items = all["items"].as_array().unwrap().iter();
    let mut kinds: Vec<_> = items.map(|it| it["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["app", "app", "system"]);
    let systems = platform.admin("admin token list --kind system").ok();
    assert!(
        systems.contains("backup") && !systems.contains("shop"),
        "{systems}"
    );
    let revoked = platform.admin("admin token revoke --owner inventory-service --reason left");
    assert_eq!(revoked.ok().trim(), "Revoked  2");
    assert_eq!(platform.holding(&app, "whoami").code, 14);
    platform.holding(&system, "whoami").ok();
}

// security.md 112, C4
#[test]
fn a_token_is_printed_by_nothing_but_what_made_it() {
    let platform = Platform::start();
    let first = platform.grant("pat create --name canary --verbose");
    let id = id_of(&first);
    let second = platform.grant(&format!("pat rotate {id} --verbose"));
    let secrets = [
        &first["csn_pat_".len() + 22..],
        &second["csn_pat_".len() + 22..],
    ];
    std::fs::write(platform.home.path().join("canary"), format!("{first}\n")).unwrap();
    let foreign = "canary-of-another-platform-0123456789";
    std::fs::write(platform.home.path().join("foreign"), foreign).unwrap();
    let table = format!("name,token\ncanary,{foreign}\ncanary,short\n");
    std::fs::write(platform.home.path().join("table.csv"), table).unwrap();
    for line in [
        &format!("pat show {id}"),
        &format!("pat show {id} --output json"),
        "pat list --output json",
        "admin token list",
        "admin audit --limit 500 --output json",
        "pat create --name kept --output-file kept",
        "app-token import --name foreign foreign",
        "app-token import --name foreign foreign",
        "app-token import --table table.csv",
        "token-string check canary",
        "whoami --token-file canary",
        "whoami --token-file foreign",
        &format!("pat rotate --confirm {id}"),
        &format!("pat revoke {id} --reason over"),
        "whoami --token-file canary",
    ] {
        for more in ["", " --verbose"] {
            let line = match line.contains("--token-file") {
                true => format!("{line} --server {}{more}", platform.issuer),
                false => format!("{line} {ADMIN}{more}"),
            };
            let mut command = platform.home.command(&line);
            let ran = ran(command
                .env("RUST_LOG", "trace")
                .env("RUST_BACKTRACE", "full"));
            let said = format!("{}{}", ran.stdout, ran.stderr);
            for secret in secrets.iter().copied().chain([foreign]) {
                assert!(!said.contains(secret), "countersign {line} printed a token");
            }
        }
    }
    let kept = std::fs::read_to_string(platform.home.path().join("kept")).unwrap();
    assert!(
        is_token(&kept, "pat"),
        "the scan has seen every form of a token"
    );
}
