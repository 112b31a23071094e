//! Whom may a granted token stand for, and which roles may it carry?

use countersign_proto::management::{GrantedKind, NewToken};

use super::{
    Facts, GrantRefusal,
    terms::{invalid, refuse_escalation},
};
use crate::registry::PLATFORM_PRINCIPAL;

const OWN: &str = "own-tokens:write";
const ALL: &str = "tokens:write";

/// The owner of a new token, and the roles that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// None for a system token.
    pub(super) owner: Option<String>,
    /// As they are kept: empty for all that the owner will have.
    pub(super) roles: Vec<String>,
    /// As they are now.
    pub(super) effective: Vec<String>,
}

/// Whom a token stands for, if this grantor may grant it.
pub(super) fn standing(facts: &Facts<'_>, new: &NewToken) -> Result<Standing, GrantRefusal> {
    let twice = |(at, role): (usize, &String)| new.roles.iter().take(at).any(|it| it == role);
    if new.roles.iter().enumerate().any(twice) {
        return Err(invalid("roles", "one is given twice".to_owned()));
    }
    let standing = match new.kind {
        GrantedKind::System => of_nobody(facts, new)?,
        GrantedKind::Personal | GrantedKind::App => of_somebody(facts, new)?,
    };
    let grantor = &facts.grantor;
    let foreign = |role: &&String| !grantor.permissions.are_all() && !grantor.roles.contains(role);
    match standing.effective.iter().find(foreign) {
        Some(role) => Err(GrantRefusal::Escalation(format!(
            "you do not have the role `{}`, and cannot give it",
            role.escape_debug()
        ))),
        None => Ok(standing),
    }
}

fn of_nobody(facts: &Facts<'_>, new: &NewToken) -> Result<Standing, GrantRefusal> {
    if !facts.grantor.permissions.include(ALL) {
        return Err(GrantRefusal::Permission(ALL));
    }
    if !facts.grantor.permissions.are_all() {
        return refuse_escalation("only an administrator grants system tokens");
    }
    if new.owner.is_some() {
        return Err(invalid(
            "owner",
            "a system token stands for nobody; leave it out".to_owned(),
        ));
    }
    if new.roles.is_empty() {
        return Err(invalid(
            "roles",
            "a system token has only those that are named; name one".to_owned(),
        ));
    }
    let unknown = |role: &&String| facts.registry.role(role).is_none();
    if let Some(role) = new.roles.iter().find(unknown) {
        let problem = format!("`{}` does not exist", role.escape_debug());
        return Err(invalid("roles", problem));
    }
    Ok(Standing {
        owner: None,
        roles: new.roles.clone(),
        effective: new.roles.clone(),
    })
}

fn of_somebody(facts: &Facts<'_>, new: &NewToken) -> Result<Standing, GrantRefusal> {
    let grantor = &facts.grantor;
    let name = new.owner.as_deref().unwrap_or(grantor.principal);
    let is_own = name == grantor.principal;
    if !(grantor.permissions.include(ALL) || is_own && grantor.permissions.include(OWN)) {
        return Err(GrantRefusal::Permission(if is_own { OWN } else { ALL }));
    }
    // Its tokens are for components of the platform, which have a certificate.
    if name == PLATFORM_PRINCIPAL && !grantor.permissions.are_all() {
        return refuse_escalation("only an administrator grants tokens of the platform itself");
    }
    let shown = name.escape_debug();
    let Some(owner) = facts.registry.principal(name) else {
        let problem = format!("`{shown}` is not registered; register the principal first");
        return Err(invalid("owner", problem));
    };
    if !owner.enabled {
        let problem = format!("`{shown}` is disabled; enable the principal first");
        return Err(invalid("owner", problem));
    }
    if owner.roles.is_empty() {
        let problem = format!("`{shown}` has no role; give the principal one first");
        return Err(invalid("owner", problem));
    }
    if let Some(role) = new.roles.iter().find(|role| !owner.roles.contains(role)) {
        let problem = format!(
            "`{shown}` does not have `{}`, only {}",
            role.escape_debug(),
            owner.roles.join(", ")
        );
        return Err(invalid("roles", problem));
    }
    // Whoever learns the string of a token that takes on every later role of its owner has them
    // too: so that is for the owner, and for those who have everything already.
    let follows = grantor.permissions.are_all() || is_own && !grantor.names_roles;
    Ok(Standing {
        owner: Some(owner.name.clone()),
        roles: if new.roles.is_empty() && !follows {
            owner.roles.clone()
        } else {
            new.roles.clone()
        },
        effective: if new.roles.is_empty() {
            owner.roles.clone()
        } else {
            new.roles.clone()
        },
    })
}
