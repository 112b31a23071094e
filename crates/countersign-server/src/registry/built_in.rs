//! What is registered from the start, and cannot be taken away?

use countersign_proto::management::{Principal, Role};

/// The role that may do everything.
pub const ADMINISTRATOR: &str = "Administrator";
/// The role that reads everything and writes applications and certificates.
///
/// It does not write mappings, principals or roles: by those it could make itself administrator.
pub const OPERATOR: &str = "Operator";
/// The role that reads everything.
pub const READER: &str = "Reader";
/// The role of the principal `platform`: it reads what is registered, not the audit.
pub const PLATFORM_ROLE: &str = "Platform";
/// The fixed principal of every platform token (kind 2).
pub const PLATFORM_PRINCIPAL: &str = "platform";

/// What a permission can be about: `noun:read`, `noun:write`.
pub(crate) const NOUNS: [&str; 7] = [
    "applications",
    "certificates",
    "principals",
    "roles",
    "mappings",
    "sessions",
    "audit",
];

/// Whether a role of this name is built in, and so cannot be made, changed or deleted.
pub fn is_built_in_role(name: &str) -> bool {
    [ADMINISTRATOR, OPERATOR, READER, PLATFORM_ROLE].contains(&name)
}

pub(super) fn roles() -> Vec<Role> {
    let reads = || NOUNS.iter().map(|noun| format!("{noun}:read"));
    let role = |name: &str, description: &str, permissions: Vec<String>| Role {
        name: name.to_owned(),
        description: description.to_owned(),
        permissions,
        // Whoever may change what others may do is not talked out of a code by telephone.
        require_loopback: [ADMINISTRATOR, OPERATOR].contains(&name),
        built_in: true,
    };
    vec![
        role(ADMINISTRATOR, "may do everything", vec!["*".to_owned()]),
        role(
            OPERATOR,
            "reads everything, writes applications and certificates",
            reads()
                .chain([
                    "applications:write".to_owned(),
                    "certificates:write".to_owned(),
                ])
                .collect(),
        ),
        role(READER, "reads everything", reads().collect()),
        role(
            PLATFORM_ROLE,
            "what a component of the platform needs: reads what is registered",
            reads()
                .filter(|right| !["audit:read", "sessions:read"].contains(&right.as_str()))
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
    }
}

/// Whether this is something that a role can permit.
pub(crate) fn is_permission(text: &str) -> bool {
    text == "*"
        || text
            .split_once(':')
            .is_some_and(|(noun, verb)| NOUNS.contains(&noun) && matches!(verb, "read" | "write"))
}
