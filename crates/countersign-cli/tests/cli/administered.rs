//! Are keys, roles and the audit looked after from the command line, and is a rule told from a typing error?

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::world::{Platform, Ran};

impl Platform {
    fn manage(&self, line: &str) -> Ran {
        self.run(&format!("admin --profile dev-admin --output json {line}"))
    }

    fn keys(&self) -> Vec<(String, String)> {
        let listed = self.manage("key list").json();
        let items = listed["items"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        items
            .map(|key| (text(&key["state"]), text(&key["kid"])))
            .collect()
    }
}

#[test]
fn a_signing_key_is_announced_and_retired_from_the_command_line() {
    let platform = Platform::start();
    let before = platform.keys();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].0, "active");
    let made = platform.manage("key rotate").json();
    assert_eq!(made["state"], "announced");
    assert!(made["active_at"].as_str().unwrap() > made["created_at"].as_str().unwrap());
    let kid = made["kid"].as_str().unwrap();
    assert_eq!(platform.keys().len(), 2);
    // One is announced already; the active one signs; neither is done by mistake.
    assert_eq!(platform.manage("key rotate").code, 1);
    let active = &before[0].1;
    let refused = platform.manage(&format!("key retire --reason x -- {active}"));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("signs now"), "{refused:?}");
    let retired = platform.manage(&format!("key retire --reason mistake -- {kid}"));
    assert_eq!(retired.json()["state"], "retired");
    let denied = platform.run("admin key rotate --profile dev");
    assert_eq!(denied.code, 10, "{denied:?}");
}

#[test]
fn in_an_emergency_a_new_key_signs_at_once_and_what_others_signed_is_worth_nothing() {
    let platform = Platform::start();
    platform.run("whoami --profile dev").ok();
    let token = platform.run("token --profile dev").ok();
    let line = "key rotate --at-once --retire-old --reason stolen";
    let made = platform.manage(line).json();
    assert_eq!(made["state"], "active");
    let mut states: Vec<_> = platform
        .keys()
        .into_iter()
        .map(|(state, _)| state)
        .collect();
    states.sort();
    assert_eq!(states, ["active", "retired"]);
    // A new token is got without anybody's help.
    platform.run("whoami --profile dev").ok();
    platform.run("refresh --profile dev").ok();
    assert_ne!(platform.run("token --profile dev").ok(), token);
    let said = platform
        .manage("audit --action key.activate --limit 1")
        .json();
    assert_eq!(said["items"][0]["reason"], "stolen");
}

#[test]
fn a_role_says_how_long_a_granted_token_lives_and_more_is_refused_as_policy() {
    let platform = Platform::start();
    let role = "role create Brief --permission own-tokens:write --token-lifetime-max 12h";
    let made = platform.manage(role).json();
    assert_eq!(made["token_lifetime_max_s"], 43_200);
    platform
        .manage("principal create brief --role Brief --role Reader")
        .json();
    let grant = |life: &str| {
        platform.run(&format!(
            "app-token create --name a --owner brief --role Brief --lifetime {life} --profile dev-admin"
        ))
    };
    grant("12h").ok();
    let refused = grant("13h");
    assert_eq!(refused.code, 12, "{refused:?}");
    assert!(
        refused.stdout.is_empty() && refused.stderr.contains("43200"),
        "{refused:?}"
    );
    // What is not given stays.
    let kept = platform.manage("role update Brief --description x").json();
    assert_eq!(kept["token_lifetime_max_s"], 43_200);
    let longer = platform
        .manage("role update Brief --token-lifetime-max 2d")
        .json();
    assert_eq!(longer["token_lifetime_max_s"], 172_800);
    grant("13h").ok();
    let free = platform
        .manage("role update Brief --no-token-lifetime-max")
        .json();
    assert_eq!(free["token_lifetime_max_s"], Value::Null);
    grant("30d").ok();
    // What was typed wrong is usage.
    let usage = platform.manage("role update Brief --token-lifetime-max soon");
    assert_eq!(usage.code, 2, "{usage:?}");
}

#[test]
fn who_has_a_password_is_listed_and_a_new_one_ends_tokens_when_that_is_asked_for() {
    let platform = Platform::start();
    platform
        .manage("principal create anna --role Reader")
        .json();
    let named = |options: &str| -> Vec<String> {
        let list = platform.manage(&format!("principal list {options}")).json();
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(named("--has-password true"), ["dev"]);
    assert!(named("--has-password false").contains(&"anna".to_owned()));
    let file = platform.home.path().join("new");
    std::fs::write(&file, "correct horse\n").unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, private).unwrap();
    let made = platform.run("pat create --name a --owner anna --profile dev-admin");
    made.ok();
    let of_anna = |state: &str| {
        let list = format!("token list --owner anna --state {state}");
        platform.manage(&list).json()["items"].clone()
    };

    let set = "principal set-password anna --password-file new";
    platform.manage(set).json();
    assert_eq!(named("--has-password true"), ["anna", "dev"]);
    let shown = platform.manage("principal show anna").json();
    assert!(shown["password_set_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(of_anna("active").as_array().unwrap().len(), 1);
    platform.manage(&format!("{set} --with-tokens")).json();
    assert_eq!(of_anna("active"), serde_json::json!([]));
    assert_eq!(
        of_anna("revoked")[0]["revocation_reason"],
        "password_changed"
    );

    platform.manage("principal delete-password anna").json();
    assert_eq!(named("--has-password true"), ["dev"]);
    platform
        .run("pat create --name b --owner anna --profile dev-admin")
        .ok();
    let together = "token revoke --created-by admin --reason left";
    assert_eq!(platform.manage(together).json()["revoked"], 1);
}

#[test]
fn the_audit_is_narrowed_to_what_is_looked_for() {
    let platform = Platform::start();
    platform.manage("role create Clerk").json();
    platform.manage("role create Seller").json();
    assert_eq!(platform.run("admin role create X --profile dev").code, 10);
    let found = |options: &str| -> Vec<(String, String)> {
        let rows = platform.manage(&format!("audit {options}")).json();
        let rows = rows["items"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rows.map(|row| (text(&row["action"]), text(&row["subject"])))
            .collect()
    };
    let row = |action: &str, subject: &str| (action.to_owned(), subject.to_owned());
    let clerk = [row("role.create", "Clerk")];
    assert_eq!(found("--action role.create --subject Clerk"), clerk);
    let both = [row("role.create", "Seller"), row("role.create", "Clerk")];
    let mine = "--actor admin --action role.create --outcome ok --from 2020-01-01";
    // The third is that of the service, which was there first.
    assert_eq!(found(&format!("{mine} --to 2100-01-01"))[..2], both);
    assert_eq!(found(&format!("{mine} --limit 1")), both[..1]);
    assert_eq!(found("--to 2020-01-01"), []);
    assert_eq!(found("--from 2100-01-01"), []);
    let refused = found("--outcome refused");
    assert!(
        !refused.is_empty() && refused.iter().all(|row| !both.contains(row)),
        "{refused:?}"
    );
    assert_eq!(found("--token-id 02wq5mOzTzPWGCpJqKQcwj"), []);
    let usage = platform.manage("audit --from soon");
    assert_eq!(usage.code, 2, "{usage:?}");
    assert!(
        usage
            .stderr
            .starts_with("error: --from \"soon\" is no moment"),
        "{usage:?}"
    );
}
