//! Who grants tokens to whom?

use super::*;

fn for_other(kind: GrantedKind, owner: &str, roles: &[&str]) -> NewToken {
    NewToken {
        owner: Some(owner.to_owned()),
        roles: list(roles),
        ..new(kind)
    }
}

#[test]
fn a_developer_makes_tokens_of_his_own_and_a_reader_makes_none() {
    let terms = granted(&by("anna"), &new(GrantedKind::Personal)).unwrap();
    assert_eq!(
        terms,
        Terms {
            owner: Some("anna".to_owned()),
            roles: Vec::new(),
            scope: Scope::default(),
            audience: None,
            expires_at: Some(UnixTime::from_secs(NOW.as_secs() + 90 * DAY)),
        }
    );
    let by_name = for_other(GrantedKind::App, "anna", &[]);
    assert_eq!(granted(&by("anna"), &by_name).unwrap(), terms);
    let reader = By {
        roles: list(&["Reader"]),
        ..by("anna")
    };
    assert_eq!(
        granted(&reader, &new(GrantedKind::Personal)),
        Err(GrantRefusal::Permission("own-tokens:write"))
    );
}

#[test]
fn a_token_of_somebody_else_needs_tokens_write_and_an_owner_who_can_have_one() {
    let other = |owner| for_other(GrantedKind::App, owner, &[]);
    assert_eq!(
        granted(&by("anna"), &other("dora")),
        Err(GrantRefusal::Permission("tokens:write"))
    );
    let admin = by("admin");
    let terms = granted(&admin, &other("dora")).unwrap();
    assert_eq!(terms.owner.as_deref(), Some("dora"));
    assert!(terms.roles.is_empty());
    is_invalid(granted(&admin, &other("nobody")), "owner", "register");
    is_invalid(granted(&admin, &other("bert")), "owner", "disabled");
    is_invalid(granted(&admin, &other("carl")), "owner", "no role");
}

// checklist P, #3010: a manager of tokens does not become the platform itself.
#[test]
fn nobody_but_an_administrator_grants_tokens_of_the_platform() {
    let platform = for_other(GrantedKind::App, "platform", &[]);
    is_escalation(granted(&by("helen"), &platform), "only an administrator");
    let terms = granted(&by("admin"), &platform).unwrap();
    assert_eq!(terms.owner.as_deref(), Some("platform"));
}

#[test]
fn a_system_token_is_for_an_administrator_to_grant_and_names_its_roles() {
    let system = |roles: &[&str]| NewToken {
        roles: list(roles),
        ..new(GrantedKind::System)
    };
    let admin = by("admin");
    let terms = granted(&admin, &system(&["Reader", "Orders"])).unwrap();
    assert_eq!(terms.owner, None);
    assert_eq!(terms.roles, ["Reader", "Orders"]);
    is_escalation(
        granted(&by("helen"), &system(&["Auditor"])),
        "only an administrator",
    );
    assert_eq!(
        granted(&by("anna"), &system(&["Reader"])),
        Err(GrantRefusal::Permission("tokens:write"))
    );
    is_invalid(granted(&admin, &system(&[])), "roles", "name one");
    is_invalid(
        granted(&admin, &system(&["Gone"])),
        "roles",
        "does not exist",
    );
    let owned = for_other(GrantedKind::System, "anna", &["Reader"]);
    is_invalid(granted(&admin, &owned), "owner", "stands for nobody");
}

// checklist P: several roles are honoured, not only the first.
#[test]
fn every_role_has_to_be_one_of_its_owner_and_every_one_counts() {
    let admin = by("admin");
    let both = for_other(GrantedKind::App, "anna", &["Reader", "Developer"]);
    assert_eq!(
        granted(&admin, &both).unwrap().roles,
        ["Reader", "Developer"]
    );
    let more = for_other(GrantedKind::App, "anna", &["Reader", "Auditor"]);
    is_invalid(granted(&admin, &more), "roles", "Developer, Reader");
    let twice = for_other(GrantedKind::App, "anna", &["Reader", "Reader"]);
    is_invalid(granted(&admin, &twice), "roles", "twice");
}

#[test]
fn nobody_gives_a_role_that_he_has_not_though_he_has_what_it_permits() {
    let helen = by("helen");
    let auditor = for_other(GrantedKind::App, "dora", &["Auditor"]);
    assert_eq!(granted(&helen, &auditor).unwrap().roles, ["Auditor"]);
    let without = By {
        roles: list(&["Helpdesk"]),
        ..by("helen")
    };
    is_escalation(granted(&without, &auditor), "`Auditor`");
    is_escalation(
        granted(&helen, &for_other(GrantedKind::App, "anna", &["Reader"])),
        "`Reader`",
    );
    is_escalation(
        granted(&helen, &for_other(GrantedKind::App, "admin", &[])),
        "`Administrator`",
    );
}

#[test]
fn whoever_sees_the_string_of_anothers_token_does_not_get_his_later_roles() {
    let all = for_other(GrantedKind::App, "dora", &[]);
    assert_eq!(granted(&by("helen"), &all).unwrap().roles, ["Auditor"]);
    assert!(granted(&by("admin"), &all).unwrap().roles.is_empty());
    let own = new(GrantedKind::Personal);
    assert!(granted(&by("anna"), &own).unwrap().roles.is_empty());
    let named = By {
        names_roles: true,
        ..by("anna")
    };
    assert_eq!(
        granted(&named, &own).unwrap().roles,
        ["Developer", "Reader"]
    );
}

#[test]
fn a_name_and_a_description_are_for_people() {
    let called = |name: &str, description: &str| {
        let new = NewToken {
            name: name.to_owned(),
            description: description.to_owned(),
            ..new(GrantedKind::Personal)
        };
        granted(&by("anna"), &new)
    };
    assert!(called(&"ö".repeat(255), &"ö".repeat(1000)).is_ok());
    is_invalid(called(&"ö".repeat(256), ""), "name", "255");
    is_invalid(called("", ""), "name", "empty");
    is_invalid(called("a\nb", ""), "name", "U+000A");
    is_invalid(called("a", &"ö".repeat(1001)), "description", "1000");
    is_invalid(called("a", "\u{202e}"), "description", "U+202E");
}
