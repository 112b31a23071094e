//! Does a successor carry what its predecessor carried, and never more than is permitted now?

use std::time::Duration;

use super::*;

/// The successor of a token of `owner`, by `by`.
fn renewed(
    by: &By,
    owner: &str,
    (roles, scopes): (&[&str], &[&str]),
    (lifetime, asked): (Option<u64>, Option<u64>),
) -> Result<Terms, GrantRefusal> {
    let terms = NewToken {
        owner: Some(owner.to_owned()),
        roles: list(roles),
        scopes: list(scopes),
        ..new(GrantedKind::App)
    };
    let (roles, scope) = (list(roles), Scope::parse(&scopes.join(" ")).unwrap());
    let old = Predecessor {
        terms,
        carried: Carried {
            kind: GrantedKind::App,
            owner: Some(owner),
            roles: &roles,
            scope: &scope,
            api: Api::Platform,
        },
        lifetime: lifetime.map(Duration::from_secs),
        asked: asked.map(Duration::from_secs),
    };
    with_facts(by, &TokenRules::default(), |facts| renew(facts, old))
}

fn of_anna(carried: (&[&str], &[&str])) -> Result<Terms, GrantRefusal> {
    renewed(&by("anna"), "anna", carried, (Some(60), None))
}

#[test]
fn a_successor_carries_what_is_left_of_roles_and_scopes() {
    let terms = of_anna((&["Reader"], &["audit:read"])).unwrap();
    assert_eq!(terms.roles, ["Reader"]);
    assert_eq!(terms.scope.to_string(), "audit:read");
    let all = of_anna((&[], &[])).unwrap();
    assert!(all.roles.is_empty() && all.scope.is_empty());
    let less = of_anna((&["Reader", "Administrator"], &["audit:read", "roles:write"])).unwrap();
    assert_eq!(less.roles, ["Reader"]);
    assert_eq!(less.scope.to_string(), "audit:read");
}

#[test]
fn what_has_lost_everything_is_not_renewed_as_what_has_all() {
    is_invalid(
        of_anna((&["Administrator"], &[])),
        "roles",
        "nothing is left",
    );
    is_invalid(
        of_anna((&["Reader"], &["roles:write"])),
        "scopes",
        "nothing is left",
    );
    let disabled = renewed(&by("admin"), "bert", (&["Reader"], &[]), (Some(60), None));
    is_invalid(disabled, "owner", "disabled");
}

#[test]
fn a_successor_lives_as_long_as_its_predecessor_was_given_and_is_permitted_now() {
    const YEAR: u64 = 365 * DAY;
    let end = |lifetime, asked| {
        let terms = renewed(&by("anna"), "anna", (&[], &[]), (lifetime, asked));
        terms.map(|terms| terms.expires_at.unwrap().as_secs() - NOW.as_secs())
    };
    assert_eq!(end(Some(60), None), Ok(60));
    assert_eq!(end(Some(2 * YEAR), None), Ok(YEAR));
    assert_eq!(end(None, None), Ok(YEAR));
    assert_eq!(end(Some(60), Some(YEAR)), Ok(YEAR));
    is_invalid(end(Some(60), Some(YEAR + 1)), "expiry", "at most 365 days");
}

#[test]
fn a_rotation_is_no_way_to_a_wider_token() {
    let narrowed = scoped("anna", "own-tokens:write");
    is_escalation(
        renewed(&narrowed, "anna", (&[], &[]), (Some(60), None)),
        "name scopes",
    );
    let same = renewed(
        &narrowed,
        "anna",
        (&[], &["own-tokens:write"]),
        (Some(60), None),
    );
    assert!(same.is_ok());
    let other = renewed(&by("anna"), "dora", (&[], &[]), (Some(60), None));
    assert_eq!(other, Err(GrantRefusal::Permission("tokens:write")));
    let short = By {
        ends_at: Some(UnixTime::from_secs(NOW.as_secs() + 30)),
        ..by("anna")
    };
    let clamped = renewed(&short, "anna", (&[], &[]), (Some(60), None)).unwrap();
    assert_eq!(clamped.expires_at, short.ends_at);
}
