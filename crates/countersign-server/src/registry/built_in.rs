//! What is registered from the start, and cannot be taken away?

use countersign_proto::{
    management::{Principal, Role},
    scope::Scope,
};

/// The role that may do everything.
pub const ADMINISTRATOR: &str = "Administrator";
/// The role that reads everything and writes applications, certificates and tokens of its own.
///
/// It does not write mappings, principals or roles: by those it could make itself administrator.
pub const OPERATOR: &str = "Operator";
/// The role that reads everything.
pub const READER: &str = "Reader";
/// The role that makes tokens of its own, and does nothing else.
pub const DEVELOPER: &str = "Developer";
/// The role of the principal `platform`: it reads what is registered, not what people do and have.
pub const PLATFORM_ROLE: &str = "Platform";
/// The fixed principal of every platform token (kind 2).
pub const PLATFORM_PRINCIPAL: &str = "platform";

/// What a permission can be about: `noun:read`, `noun:write`.
pub(crate) const NOUNS: [&str; 10] = [
    "applications",
    "certificates",
    "principals",
    "roles",
    "mappings",
    "sessions",
    "audit",
    "tokens",
    OWN_TOKENS,
    "keys",
];

/// The noun of the tokens that stand for whoever asks.
const OWN_TOKENS: &str = "own-tokens";

/// What a component of the platform has no need to read.
const NOT_FOR_COMPONENTS: [&str; 5] = ["audit", "sessions", "tokens", OWN_TOKENS, "keys"];

/// What the permission to carry a scope towards an API begins with: `scope:NAME`.
pub(crate) const SCOPE: &str = "scope:";

/// Whether a role of this name is built in, and so cannot be made, changed or deleted: unless the
/// store had one before it was built in, which stands in its place until it is deleted.
pub fn is_built_in_role(name: &str) -> bool {
    [ADMINISTRATOR, OPERATOR, READER, DEVELOPER, PLATFORM_ROLE].contains(&name)
}

/// Whether a store may hold a role of this name that somebody made when it was not built in yet.
///
/// That role stays as it was: whoever has it gets no right by an upgrade, and loses none.
pub(super) fn may_be_there_before(name: &str) -> bool {
    name == DEVELOPER
}

/// The built-in role of this name.
pub(super) fn role(name: &str) -> Option<Role> {
    roles().into_iter().find(|role| role.name == name)
}

pub(super) fn roles() -> Vec<Role> {
    let read = |noun: &&str| format!("{noun}:read");
    let reads = || NOUNS.iter().map(read);
    let role = |name: &str, description: &str, permissions: Vec<String>| Role {
        name: name.to_owned(),
        description: description.to_owned(),
        permissions,
        // Whoever may change what others may do is not talked out of a code by telephone.
        require_loopback: [ADMINISTRATOR, OPERATOR].contains(&name),
        token_lifetime_max_s: None,
        built_in: true,
    };
    vec![
        role(ADMINISTRATOR, "may do everything", vec!["*".to_owned()]),
        role(
            OPERATOR,
            "reads everything, writes applications, certificates and tokens of its own",
            reads()
                .chain([
                    "applications:write".to_owned(),
                    "certificates:write".to_owned(),
                    "own-tokens:write".to_owned(),
                ])
                .collect(),
        ),
        role(READER, "reads everything", reads().collect()),
        role(
            DEVELOPER,
            "makes tokens of its own",
            vec!["own-tokens:read".to_owned(), "own-tokens:write".to_owned()],
        ),
        role(
            PLATFORM_ROLE,
            "what a component of the platform needs: reads what is registered",
            NOUNS
                .iter()
                .filter(|noun| !NOT_FOR_COMPONENTS.contains(noun))
                .map(read)
                .collect(),
        ),
    ]
}

pub(super) fn platform_principal() -> Principal {
    Principal {
        name: PLATFORM_PRINCIPAL.to_owned(),
        display_name: "components of the platform".to_owned(),
        roles: vec![PLATFORM_ROLE.to_owned()],
        enabled: true,
        password_set_at: None,
    }
}

/// Whether this is something that a role can permit.
pub(crate) fn is_permission(text: &str) -> bool {
    text == "*"
        || permitted_scope(text).is_some_and(is_scope_token)
        || text
            .split_once(':')
            .is_some_and(|(noun, verb)| NOUNS.contains(&noun) && matches!(verb, "read" | "write"))
}

/// The scope that this permits to carry towards an API, if that is what it permits.
pub(crate) fn permitted_scope(permission: &str) -> Option<&str> {
    permission.strip_prefix(SCOPE)
}

/// One scope token of RFC 6749 §3.3.
fn is_scope_token(name: &str) -> bool {
    Scope::parse(name).is_ok_and(|scope| scope.contains(name))
}
