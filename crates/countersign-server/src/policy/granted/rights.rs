//! What may a granted token do now?

use countersign_proto::{management::GrantedKind, scope::Scope};

use crate::{registry::Registry, service::Permissions};

/// What a token was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried<'a> {
    pub(crate) kind: GrantedKind,
    /// The principal that it stands for; none for a system token.
    pub(crate) owner: Option<&'a str>,
    /// Empty for all that its owner has.
    pub(crate) roles: &'a [String],
    /// Empty for all that its roles permit.
    pub(crate) scope: &'a Scope,
    pub(crate) api: Api,
}

/// Which API a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// That of the platform: a scope is a permission.
    Platform,
    /// Another: a role permits a scope by `scope:NAME`.
    Other,
}

/// What is left of it, by what is registered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) roles: Vec<String>,
    /// What its holder may do at the platform. Not to be computed from `scope`: an empty scope may
    /// mean that nothing of it is left.
    pub(crate) permissions: Permissions,
    /// What introspection answers.
    pub(crate) scope: Scope,
}

/// The rights of a token; none at all when its owner is gone or disabled.
pub(crate) fn rights(carried: &Carried<'_>, registry: &Registry) -> Option<Rights> {
    let roles = roles_now(carried, registry)?;
    let held = Permissions::of(&roles, registry);
    Some(match carried.api {
        Api::Platform => Rights {
            roles,
            scope: of(carried.scope.iter().filter(|token| held.include(token))),
            permissions: held.within(carried.scope),
        },
        Api::Other => Rights {
            roles,
            scope: if carried.scope.is_empty() {
                of(held.scopes())
            } else {
                of(carried.scope.iter().filter(|name| held.permit_scope(name)))
            },
            permissions: Permissions::default(),
        },
    })
}

fn roles_now(carried: &Carried<'_>, registry: &Registry) -> Option<Vec<String>> {
    let named = |has: &dyn Fn(&String) -> bool| -> Vec<String> {
        let roles = carried.roles.iter().filter(|role| has(role));
        roles.cloned().collect()
    };
    let Some(owner) = carried.owner else {
        // Only a system token stands for nobody; another that lost its owner is good for nothing.
        return (carried.kind == GrantedKind::System)
            .then(|| named(&|role| registry.role(role).is_some()));
    };
    let owner = registry.principal(owner).filter(|owner| owner.enabled)?;
    Some(if carried.roles.is_empty() {
        owner.roles.clone()
    } else {
        named(&|role| owner.roles.contains(role))
    })
}

fn of<'a>(tokens: impl Iterator<Item = &'a str>) -> Scope {
    Scope::parse(&tokens.collect::<Vec<_>>().join(" ")).unwrap_or_default()
}
