//! Which facts do the tests of granted tokens judge by?

use countersign_proto::{
    management::{Application, GrantedForm, GrantedKind, NewToken, Principal, Role},
    scope::Scope,
    time::UnixTime,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    config::TokenRules,
    registry::{Change, Registry},
    service::Permissions,
};

mod at_use;

mod lifetimes;

mod owners;

mod renewal;

mod widths;

const ISSUER: &str = "https://platform.example";
const ORDERS: &str = "https://orders.example";
const NOW: UnixTime = UnixTime::from_secs(1_795_336_200);
const DAY: u64 = 86_400;

/// `anna` makes tokens of her own and reads, `bert` is disabled, `carl` has no role, `helen` helps
/// others with their tokens, `olga` has scopes at the API of orders.
fn registry() -> Registry {
    let role = |value: Value| -> Change {
        let role: Role = serde_json::from_value(value).unwrap();
        Change::CreateRole(role)
    };
    let principal = |name: &str, roles: &[&str]| Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        enabled: name != "bert",
        password_set_at: None,
    };
    let application = |value: Value| -> Change {
        let application: Application = serde_json::from_value(value).unwrap();
        Change::CreateApplication(application)
    };
    let helps = [
        "tokens:read",
        "tokens:write",
        "audit:read",
        "own-tokens:write",
    ];
    let mut changes = vec![
        role(json!({"name": "Helpdesk", "permissions": helps})),
        role(json!({"name": "Auditor", "permissions": ["audit:read"]})),
        role(json!({"name": "Orders", "permissions": ["scope:orders", "scope:stock"]})),
        role(
            json!({"name": "Brief", "permissions": ["own-tokens:write"], "token_lifetime_max_s": 3600}),
        ),
        application(json!({"client_id": "orders", "name": "orders", "audience": ORDERS})),
        application(json!({
            "client_id": "old", "name": "old", "audience": "https://old.example", "enabled": false,
        })),
    ];
    changes.extend(
        [
            ("admin", &["Administrator"][..]),
            ("anna", &["Developer", "Reader"]),
            ("bert", &["Reader"]),
            ("carl", &[]),
            ("dora", &["Auditor"]),
            ("fritz", &["Brief", "Reader"]),
            ("helen", &["Helpdesk", "Auditor"]),
            ("olga", &["Orders", "Developer"]),
        ]
        .map(|(name, roles)| Change::CreatePrincipal(principal(name, roles))),
    );
    Registry::default().apply(&Change::All(changes)).unwrap()
}

/// Who grants, by a token that carries all that he has.
struct By {
    name: &'static str,
    roles: Vec<String>,
    scope: &'static str,
    names_roles: bool,
    ends_at: Option<UnixTime>,
}

fn by(name: &'static str) -> By {
    By {
        name,
        roles: registry().principal(name).unwrap().roles.clone(),
        scope: "",
        names_roles: false,
        ends_at: None,
    }
}

/// By a token that is narrowed to a scope.
fn scoped(name: &'static str, scope: &'static str) -> By {
    By { scope, ..by(name) }
}

fn new(kind: GrantedKind) -> NewToken {
    NewToken {
        kind,
        form: GrantedForm::Opaque,
        name: "laptop".to_owned(),
        description: String::new(),
        owner: None,
        roles: Vec::new(),
        scopes: Vec::new(),
        audience: None,
        expires_at: None,
        lifetime_s: None,
        never_expires: false,
    }
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What is decided by these rules.
fn with_facts<T>(by: &By, rules: &TokenRules, decide: impl FnOnce(&Facts<'_>) -> T) -> T {
    let registry = registry();
    let scope = Scope::parse(by.scope).unwrap();
    let permissions = Permissions::of(&by.roles, &registry).within(&scope);
    decide(&Facts {
        registry: &registry,
        rules,
        issuer: ISSUER,
        grantor: Grantor {
            principal: by.name,
            roles: &by.roles,
            permissions: &permissions,
            is_scoped: !scope.is_empty(),
            names_roles: by.names_roles,
            ends_at: by.ends_at,
        },
        now: NOW,
    })
}

fn granted(by: &By, new: &NewToken) -> Result<Terms, GrantRefusal> {
    with_facts(by, &TokenRules::default(), |facts| grant(facts, new))
}

/// Refused as a thing that cannot be, with these words.
#[track_caller]
fn is_invalid<T: std::fmt::Debug>(result: Result<T, GrantRefusal>, about: &str, words: &str) {
    match result {
        Err(GrantRefusal::Invalid { what, problem }) => {
            assert_eq!(what, about, "{problem}");
            assert!(problem.contains(words), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

/// Refused since the grantor would give what he has not, with these words.
#[track_caller]
fn is_escalation<T: std::fmt::Debug>(result: Result<T, GrantRefusal>, words: &str) {
    match result {
        Err(GrantRefusal::Escalation(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    }
}
