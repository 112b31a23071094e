//! May this token be granted, and what is it then?

use std::time::Duration;

use countersign_proto::{
    management::{GrantedForm, GrantedKind, NewToken},
    scope::Scope,
    time::UnixTime,
};

use super::{
    lifetime::{self, Asked},
    owner::{Standing, standing},
    rights::{Api, Carried, rights},
};
use crate::{
    config::TokenRules,
    registry::{self, Registry, RegistryError},
    service::Permissions,
};

/// What the decision rests on.
pub(crate) struct Facts<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) rules: &'a TokenRules,
    /// The platform's own issuer identifier.
    pub(crate) issuer: &'a str,
    pub(crate) grantor: Grantor<'a>,
    pub(crate) now: UnixTime,
}

/// Who grants, as far as the token goes that he presented.
pub(crate) struct Grantor<'a> {
    pub(crate) principal: &'a str,
    /// Those that his token carries now.
    pub(crate) roles: &'a [String],
    pub(crate) permissions: &'a Permissions,
    /// Whether his token is narrowed by a scope.
    pub(crate) is_scoped: bool,
    /// Whether his token carries named roles, and not all that he has.
    pub(crate) names_roles: bool,
    /// The end of his token, if it was granted itself.
    pub(crate) ends_at: Option<UnixTime>,
}

/// A token that is to have a successor.
pub(crate) struct Predecessor<'a> {
    /// With the roles and the scope that it was given.
    pub(crate) terms: NewToken,
    pub(crate) carried: Carried<'a>,
    /// How long it was given to live; `None` when it has no end.
    pub(crate) lifetime: Option<Duration>,
    /// How long its successor is to live, if that is asked for.
    pub(crate) asked: Option<Duration>,
}

/// What a token will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) owner: Option<String>,
    /// Empty for all that its owner has.
    pub(crate) roles: Vec<String>,
    /// Empty for all that its roles permit.
    pub(crate) scope: Scope,
    /// None for the platform itself.
    pub(crate) audience: Option<String>,
    pub(crate) expires_at: Option<UnixTime>,
}

/// Why a token is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantRefusal {
    /// The grantor needs this.
    Permission(&'static str),
    /// He would give what he has not.
    Escalation(String),
    /// There can be no such token.
    Invalid { what: &'static str, problem: String },
}

/// What this token will be, if this grantor may grant it.
pub(crate) fn grant(facts: &Facts<'_>, new: &NewToken) -> Result<Terms, GrantRefusal> {
    judge(facts, new, lifetime::asked(new)?)
}

/// What the successor of this token will be, if this grantor may grant it: as its predecessor, but
/// never more than its owner has now, and never longer than is permitted now.
pub(crate) fn renew(facts: &Facts<'_>, old: Predecessor<'_>) -> Result<Terms, GrantRefusal> {
    let nothing = |what| {
        let problem = "nothing is left of what the token carried; grant another".to_owned();
        Err(invalid(what, problem))
    };
    let mut new = old.terms;
    if let Some(left) = rights(&old.carried, facts.registry) {
        if !new.roles.is_empty() {
            new.roles = left.roles;
            if new.roles.is_empty() {
                return nothing("roles");
            }
        }
        if !new.scopes.is_empty() {
            new.scopes = left.scope.iter().map(str::to_owned).collect();
            if new.scopes.is_empty() {
                return nothing("scopes");
            }
        }
    }
    let asked = old
        .asked
        .map_or(Asked::LikeBefore(old.lifetime), Asked::For);
    judge(facts, &new, asked)
}

fn judge(facts: &Facts<'_>, new: &NewToken, asked: Asked) -> Result<Terms, GrantRefusal> {
    let standing = standing(facts, new)?;
    if new.form == GrantedForm::Jwt && new.kind != GrantedKind::App {
        return Err(invalid("form", "only an app token is a JWT".to_owned()));
    }
    describe(&new.name, &new.description)?;
    let audience = audience(facts, new)?;
    let api = audience.as_ref().map_or(Api::Platform, |_| Api::Other);
    let scope = scope(facts, new, &standing, api)?;
    may_give(facts, new, &standing, &scope, api)?;
    if new.form == GrantedForm::Jwt && asked == Asked::Never {
        return Err(invalid("expiry", "a JWT needs an end".to_owned()));
    }
    let expires_at = lifetime::end(facts, new, &standing.effective, asked)?;
    Ok(Terms {
        expires_at,
        owner: standing.owner,
        roles: standing.roles,
        scope,
        audience,
    })
}

/// Whether people may read this of a token.
pub(crate) fn describe(name: &str, description: &str) -> Result<(), GrantRefusal> {
    registry::check_token_name(name)?;
    registry::check_display_name("description", description)?;
    Ok(())
}

/// The API that a token is for, unless that is the platform itself.
fn audience(facts: &Facts<'_>, new: &NewToken) -> Result<Option<String>, GrantRefusal> {
    let Some(asked) = new.audience.as_deref().filter(|it| *it != facts.issuer) else {
        return Ok(None);
    };
    let applications = facts.registry.applications().filter(|it| it.enabled);
    let known: Vec<&str> = applications
        .filter_map(|application| application.audience.as_deref())
        .collect();
    if known.contains(&asked) {
        return Ok(Some(asked.to_owned()));
    }
    let known: Vec<&str> = std::iter::once(facts.issuer).chain(known).collect();
    Err(invalid(
        "audience",
        format!(
            "`{}` is that of no enabled application; known are {}",
            asked.escape_debug(),
            known.join(", ")
        ),
    ))
}

/// The scope that is asked for, which the roles must permit: nothing is left out in silence.
fn scope(
    facts: &Facts<'_>,
    new: &NewToken,
    standing: &Standing,
    api: Api,
) -> Result<Scope, GrantRefusal> {
    let held = Permissions::of(&standing.effective, facts.registry);
    for name in &new.scopes {
        let shown = name.escape_debug();
        if !Scope::parse(name).is_ok_and(|scope| scope.contains(name)) {
            let problem = format!("`{shown}` is no scope (RFC 6749 §3.3)");
            return Err(invalid("scopes", problem));
        }
        let permitted = match api {
            Api::Platform => held.include(name),
            Api::Other => held.permit_scope(name),
        };
        if !permitted {
            let needed = match api {
                Api::Platform => shown.to_string(),
                Api::Other => format!("scope:{shown}"),
            };
            let problem = format!("`{shown}` needs a role that permits `{needed}`");
            return Err(invalid("scopes", problem));
        }
    }
    Ok(Scope::parse(&new.scopes.join(" ")).unwrap_or_default())
}

/// Nobody gives what he has not, and a token never mints one that is wider than itself.
fn may_give(
    facts: &Facts<'_>,
    new: &NewToken,
    standing: &Standing,
    scope: &Scope,
    api: Api,
) -> Result<(), GrantRefusal> {
    let grantor = &facts.grantor;
    if grantor.is_scoped {
        if api == Api::Other {
            return refuse_escalation("a token with scopes grants only for the platform itself");
        }
        if new.form == GrantedForm::Jwt {
            return refuse_escalation("a token with scopes grants no JWT");
        }
        if scope.is_empty() {
            return refuse_escalation(
                "a token with scopes grants only what it names; name scopes of its own",
            );
        }
    }
    let held = Permissions::of(&standing.effective, facts.registry);
    let given = match api {
        Api::Platform => held.within(scope),
        Api::Other => held,
    };
    if grantor.permissions.cover(&given) {
        Ok(())
    } else {
        refuse_escalation("the token could do more than you may")
    }
}

pub(super) fn invalid(what: &'static str, problem: String) -> GrantRefusal {
    GrantRefusal::Invalid { what, problem }
}

pub(super) fn refuse_escalation<T>(why: &str) -> Result<T, GrantRefusal> {
    Err(GrantRefusal::Escalation(why.to_owned()))
}

impl From<RegistryError> for GrantRefusal {
    fn from(error: RegistryError) -> GrantRefusal {
        match error {
            RegistryError::Invalid { what, problem } => GrantRefusal::Invalid { what, problem },
            error => invalid("token", error.to_string()),
        }
    }
}
