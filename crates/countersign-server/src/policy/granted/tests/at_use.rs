//! Does a token carry what it was given, as far as its owner has it now?

use super::*;

fn rights_of(owner: Option<&str>, roles: &[&str], scope: &str, api: Api) -> Option<Rights> {
    let kind = match owner {
        Some(_) => GrantedKind::App,
        None => GrantedKind::System,
    };
    let roles = list(roles);
    let carried = Carried {
        kind,
        owner,
        roles: &roles,
        scope: &Scope::parse(scope).unwrap(),
        api,
    };
    rights(&carried, &registry())
}

#[test]
fn a_token_carries_the_roles_that_its_owner_still_has() {
    let roles = |owner, named: &[&str]| {
        rights_of(Some(owner), named, "", Api::Platform).map(|rights| rights.roles)
    };
    type Row<'a> = (&'a str, &'a [&'a str], Option<&'a [&'a str]>);
    let table: [Row<'_>; 8] = [
        ("anna", &[], Some(&["Developer", "Reader"])),
        ("anna", &["Reader"], Some(&["Reader"])),
        (
            "anna",
            &["Reader", "Developer"],
            Some(&["Reader", "Developer"]),
        ),
        ("anna", &["Reader", "Administrator"], Some(&["Reader"])),
        ("anna", &["Administrator"], Some(&[])),
        ("carl", &[], Some(&[])),
        ("bert", &[], None),
        ("nobody", &["Reader"], None),
    ];
    for (owner, named, expected) in table {
        assert_eq!(roles(owner, named), expected.map(list), "{owner} {named:?}");
    }
}

#[test]
fn a_system_token_carries_the_roles_that_still_exist() {
    let rights = rights_of(None, &["Auditor", "Gone"], "", Api::Platform).unwrap();
    assert_eq!(rights.roles, ["Auditor"]);
    assert_eq!(rights.permissions, Permissions::listed(&["audit:read"]));
    // Only a system token stands for nobody.
    let ownerless = Carried {
        kind: GrantedKind::App,
        owner: None,
        roles: &list(&["Auditor"]),
        scope: &Scope::default(),
        api: Api::Platform,
    };
    assert_eq!(super::rights(&ownerless, &registry()), None);
}

#[test]
fn a_scope_narrows_at_the_platform_and_what_is_lost_is_not_everything() {
    let of = |scope| rights_of(Some("anna"), &["Developer"], scope, Api::Platform).unwrap();
    let both = ["own-tokens:read", "own-tokens:write"];
    assert_eq!(of("").permissions, Permissions::listed(&both));
    assert!(of("").scope.is_empty());
    let narrow = of("own-tokens:read audit:read");
    assert_eq!(
        narrow.permissions,
        Permissions::listed(&["own-tokens:read"])
    );
    assert_eq!(narrow.scope.to_string(), "own-tokens:read");
    let lost = of("audit:read");
    assert_eq!(lost.permissions, Permissions::default());
    assert!(lost.scope.is_empty());
}

#[test]
fn at_another_api_a_token_carries_the_scopes_that_its_roles_permit_and_no_permission() {
    let of = |owner, scope| rights_of(Some(owner), &[], scope, Api::Other).unwrap();
    let table = [
        ("olga", "", "orders stock"),
        ("olga", "stock", "stock"),
        ("olga", "stock invoices", "stock"),
        ("olga", "own-tokens:read", ""),
        ("anna", "", ""),
        ("anna", "orders", ""),
        ("admin", "", ""),
        ("admin", "anything", "anything"),
    ];
    for (owner, scope, expected) in table {
        let rights = of(owner, scope);
        assert_eq!(rights.scope.to_string(), expected, "{owner} {scope}");
        assert_eq!(rights.permissions, Permissions::default());
    }
}
