//! Can a token be made that is wider than what made it?

use super::*;

fn narrow(scopes: &[&str]) -> NewToken {
    NewToken {
        scopes: list(scopes),
        ..new(GrantedKind::Personal)
    }
}

fn for_orders(scopes: &[&str]) -> NewToken {
    NewToken {
        audience: Some(ORDERS.to_owned()),
        ..narrow(scopes)
    }
}

#[test]
fn a_scope_that_the_roles_do_not_permit_is_refused_by_its_name() {
    let anna = by("anna");
    let read = granted(&anna, &narrow(&["audit:read", "roles:read"])).unwrap();
    assert_eq!(read.scope.to_string(), "audit:read roles:read");
    is_invalid(
        granted(&anna, &narrow(&["audit:read", "roles:write"])),
        "scopes",
        "`roles:write` needs a role",
    );
    // The scope is looked for in the roles of the token, not in all of its owner.
    let less = NewToken {
        roles: list(&["Developer"]),
        ..narrow(&["audit:read"])
    };
    is_invalid(granted(&anna, &less), "scopes", "`audit:read`");
    for bad in ["", "a b", "a\"b", " audit:read"] {
        is_invalid(granted(&by("admin"), &narrow(&[bad])), "scopes", "no scope");
    }
}

#[test]
fn a_scope_of_another_api_needs_a_role_that_permits_it_there() {
    let olga = by("olga");
    let terms = granted(&olga, &for_orders(&["orders"])).unwrap();
    assert_eq!(terms.audience.as_deref(), Some(ORDERS));
    assert_eq!(terms.scope.to_string(), "orders");
    assert!(granted(&olga, &for_orders(&[])).unwrap().scope.is_empty());
    is_invalid(
        granted(&olga, &for_orders(&["orders", "invoices"])),
        "scopes",
        "permits `scope:invoices`",
    );
    // What is permitted there is not permitted here, nor the other way round.
    is_invalid(granted(&olga, &narrow(&["orders"])), "scopes", "`orders`");
    is_invalid(
        granted(&olga, &for_orders(&["own-tokens:read"])),
        "scopes",
        "scope:own-tokens:read",
    );
    assert!(granted(&by("admin"), &for_orders(&["anything"])).is_ok());
}

#[test]
fn an_audience_is_the_platform_or_an_enabled_application_that_has_it() {
    let to = |audience: &str| {
        let new = NewToken {
            audience: Some(audience.to_owned()),
            ..new(GrantedKind::App)
        };
        granted(&by("anna"), &new)
    };
    assert_eq!(to(ISSUER).unwrap().audience, None);
    assert_eq!(to(ORDERS).unwrap().audience.as_deref(), Some(ORDERS));
    for unknown in ["https://old.example", "https://elsewhere.example", ""] {
        is_invalid(to(unknown), "audience", ORDERS);
    }
}

// CVE-2022-45183: a token never mints wider than itself.
#[test]
fn a_token_with_scopes_grants_only_named_scopes_of_its_own() {
    let narrowed = scoped("anna", "own-tokens:write audit:read");
    let inside = granted(&narrowed, &narrow(&["audit:read"])).unwrap();
    assert_eq!(inside.scope.to_string(), "audit:read");
    let all = granted(&narrowed, &narrow(&["audit:read", "own-tokens:write"]));
    assert!(all.is_ok());
    is_escalation(granted(&narrowed, &narrow(&[])), "name scopes");
    is_escalation(
        granted(&narrowed, &narrow(&["audit:read", "roles:read"])),
        "more than you may",
    );
    let elsewhere = scoped("olga", "own-tokens:write");
    is_escalation(
        granted(&elsewhere, &for_orders(&["orders"])),
        "platform itself",
    );
    let jwt = NewToken {
        form: GrantedForm::Jwt,
        kind: GrantedKind::App,
        ..narrow(&["audit:read"])
    };
    is_escalation(granted(&narrowed, &jwt), "no JWT");
    assert!(granted(&by("anna"), &jwt).is_ok());
}

#[test]
fn an_administrator_by_a_narrow_token_is_none() {
    let narrowed = scoped("admin", "tokens:write audit:read");
    let other = NewToken {
        owner: Some("dora".to_owned()),
        ..narrow(&["audit:read"])
    };
    // He has not the role of dora, and has no `*` by this token.
    is_escalation(granted(&narrowed, &other), "`Auditor`");
    let system = NewToken {
        kind: GrantedKind::System,
        roles: list(&["Auditor"]),
        ..narrow(&["audit:read"])
    };
    is_escalation(granted(&narrowed, &system), "only an administrator");
    let own = narrow(&["audit:read"]);
    assert!(granted(&narrowed, &own).is_ok());
}

#[test]
fn a_token_with_less_roles_grants_no_more_of_them() {
    let narrowed = By {
        roles: list(&["Developer"]),
        names_roles: true,
        ..by("anna")
    };
    let with = |roles: &[&str]| NewToken {
        roles: list(roles),
        ..new(GrantedKind::Personal)
    };
    assert!(granted(&narrowed, &with(&["Developer"])).is_ok());
    is_escalation(granted(&narrowed, &with(&["Reader"])), "`Reader`");
    is_escalation(granted(&narrowed, &with(&[])), "`Reader`");
}

#[test]
fn only_an_app_token_is_a_jwt() {
    let jwt = |kind| NewToken {
        form: GrantedForm::Jwt,
        ..new(kind)
    };
    assert!(granted(&by("anna"), &jwt(GrantedKind::App)).is_ok());
    is_invalid(
        granted(&by("anna"), &jwt(GrantedKind::Personal)),
        "form",
        "app token",
    );
}
