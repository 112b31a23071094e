//! Which roles and principals stay, whatever is asked?

use super::*;

#[test]
fn built_in_roles_are_not_made_changed_or_deleted() {
    let registry = Registry::default();
    for name in [
        "Administrator",
        "Operator",
        "Reader",
        "Developer",
        "Platform",
    ] {
        for change in [
            Change::CreateRole(role(name, &[])),
            Change::UpdateRole(role(name, &["*"])),
            Change::DeleteRole {
                name: name.to_owned(),
            },
        ] {
            let message = refusal(&registry, &change);
            assert!(message.contains("built in"), "{message}");
        }
    }
    let mut claimed = role("mine", &[]);
    claimed.built_in = true;
    assert!(registry.apply(&Change::CreateRole(claimed)).is_err());
}

#[test]
fn a_role_that_was_there_before_its_name_was_built_in_stands_in_its_place() {
    let theirs = role("Developer", &["audit:read"]);
    let rows = RegistryRows {
        roles: vec![theirs.clone()],
        principals: vec![principal("dora", &["Developer"])],
        ..RegistryRows::default()
    };
    let registry = Registry::from_rows(Rules::default(), 7, rows).unwrap();
    assert_eq!(**registry.role("Developer").unwrap(), theirs);
    let twice = Change::CreateRole(theirs);
    assert!(refusal(&registry, &twice).contains("exists already"));
    let changed = role("Developer", &["roles:read"]);
    let registry = registry
        .apply(&Change::UpdateRole(changed.clone()))
        .unwrap();
    assert_eq!(**registry.role("Developer").unwrap(), changed);
    let delete = Change::DeleteRole {
        name: "Developer".to_owned(),
    };
    assert!(refusal(&registry, &delete).contains("in use by principal dora"));
    let gone = Change::DeletePrincipal {
        name: "dora".to_owned(),
    };
    let registry = registry.apply(&gone).unwrap().apply(&delete).unwrap();
    let built_in = Registry::default();
    assert_eq!(registry.role("Developer"), built_in.role("Developer"));
    assert!(refusal(&registry, &delete).contains("is built in"));
}

#[test]
fn a_store_with_a_role_in_the_place_of_another_built_in_one_does_not_open() {
    for name in ["Administrator", "Operator", "Reader", "Platform"] {
        let rows = RegistryRows {
            roles: vec![role(name, &["audit:read"])],
            ..RegistryRows::default()
        };
        let error = Registry::from_rows(Rules::default(), 7, rows).unwrap_err();
        assert!(error.to_string().contains("is built in"), "{error}");
    }
}

#[test]
fn the_platform_principal_stays_and_may_be_given_other_roles() {
    let registry = Registry::default();
    let message = refusal(
        &registry,
        &Change::DeletePrincipal {
            name: "platform".to_owned(),
        },
    );
    assert!(message.contains("cannot be deleted"), "{message}");
    let changed = registry.apply(&Change::UpdatePrincipal(principal(
        "platform",
        &["Platform", "Reader"],
    )));
    assert_eq!(
        changed.unwrap().principal("platform").unwrap().roles,
        ["Platform", "Reader"]
    );
}

#[test]
fn unknown_permissions_are_refused_with_the_known_ones() {
    let registry = Registry::default();
    for bad in [
        "applications",
        "applications:delete",
        "users:read",
        "",
        "*:read",
        "Audit:read",
        "scope:",
        "scope:a b",
        "scope: a",
        "scope:a\"b",
        "Scope:a",
    ] {
        let message = refusal(&registry, &Change::CreateRole(role("r", &[bad])));
        assert!(
            message.contains("certificates") && message.contains("audit"),
            "{message}"
        );
    }
    let good = [
        "*",
        "applications:read",
        "mappings:write",
        "audit:read",
        "tokens:write",
        "own-tokens:write",
        "keys:read",
        "scope:orders",
        "scope:https://api.example/orders:read",
    ];
    assert!(
        registry
            .apply(&Change::CreateRole(role("r", &good)))
            .is_ok()
    );
}

#[test]
fn built_in_roles_permit_what_they_say() {
    let registry = Registry::default();
    let permits = |name: &str| registry.role(name).unwrap().permissions.clone();
    assert_eq!(permits("Administrator"), ["*"]);
    assert_eq!(
        permits("Developer"),
        ["own-tokens:read", "own-tokens:write"]
    );
    let writes = |name: &str| {
        let mut writes = permits(name);
        writes.retain(|permission| !permission.ends_with(":read"));
        writes
    };
    assert!(writes("Reader").is_empty());
    assert_eq!(permits("Reader").len(), 10);
    assert_eq!(
        writes("Operator"),
        [
            "applications:write",
            "certificates:write",
            "own-tokens:write"
        ]
    );
    assert_eq!(
        permits("Platform"),
        [
            "applications:read",
            "certificates:read",
            "principals:read",
            "roles:read",
            "mappings:read"
        ]
    );
}

#[test]
fn a_role_may_limit_the_life_of_tokens_but_not_to_nothing() {
    let registry = Registry::default();
    let limited = |seconds| {
        let mut role = role("r", &[]);
        role.token_lifetime_max_s = Some(seconds);
        Change::CreateRole(role)
    };
    let message = refusal(&registry, &limited(0));
    assert!(message.contains("one second"), "{message}");
    let registry = with(&registry, &[limited(1)]);
    assert_eq!(registry.role("r").unwrap().token_lifetime_max_s, Some(1));
}

#[test]
fn the_last_administrator_stays() {
    let registry = furnished();
    let mut disabled = principal("admin", &[ADMINISTRATOR]);
    disabled.enabled = false;
    for change in [
        Change::DeletePrincipal {
            name: "admin".to_owned(),
        },
        Change::UpdatePrincipal(principal("admin", &[OPERATOR])),
        Change::UpdatePrincipal(disabled),
    ] {
        let message = refusal(&registry, &change);
        assert!(message.contains("another administrator"), "{message}");
    }
    // The platform's principal does not count: nobody signs in as it to repair things.
    let platform = Change::UpdatePrincipal(principal("platform", &[ADMINISTRATOR]));
    let registry = with(&registry, &[platform]);
    assert!(
        registry
            .apply(&Change::DeletePrincipal {
                name: "admin".to_owned()
            })
            .is_err()
    );
    let second = Change::CreatePrincipal(principal("leia", &[ADMINISTRATOR]));
    let registry = with(&registry, &[second]);
    assert!(
        registry
            .apply(&Change::DeletePrincipal {
                name: "admin".to_owned()
            })
            .is_ok()
    );
}
