//! May this person have a token, and what may it do?

use countersign_proto::{management::Principal, scope::Scope, token::Binding};

use crate::{
    refresh::LiveSession,
    refusal::{Fault, Refusal},
    registry::is_permission,
    service::Permissions,
    store::SessionRow,
};

/// The platform's yes to one token of one session. Only a `Permit` and a [`LiveSession`] make one.
///
/// ```compile_fail,E0451
/// # use countersign_server::SessionGrant;
/// fn without_a_session() -> SessionGrant {
///     SessionGrant { permit: panic!(), live: panic!() }
/// }
/// ```
///
/// A session alone is not enough to sign anything:
///
/// ```compile_fail,E0308
/// # use countersign_server::{LiveSession, SessionGrant};
/// fn without_a_decision(live: LiveSession) -> SessionGrant {
///     live
/// }
/// ```
#[derive(Debug)]
pub struct SessionGrant {
    permit: Permit,
    live: LiveSession,
}

/// The platform's yes to a person: to the sign-in, and again to every token. Only `permit` makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    pub(crate) principal: String,
    pub(crate) scope: Scope,
    pub(crate) roles: Vec<String>,
    pub(crate) binding: Binding,
}

/// What the decision rests on.
pub(crate) struct SessionFacts<'a> {
    /// Whom the session stands for, if he is registered.
    pub(crate) principal: Option<&'a Principal>,
    /// What his roles permit now.
    pub(crate) permissions: &'a Permissions,
    /// One of his roles that asks for loopback.
    pub(crate) loopback_role: Option<&'a str>,
    /// How the token came, or is about to come, to the terminal.
    pub(crate) binding: Binding,
    /// What the session was asked for at its login; empty for all that the roles permit.
    pub(crate) scope: &'a Scope,
    /// What is asked for now; empty for all that the session has.
    pub(crate) requested_scope: &'a Scope,
}

/// Decides.
pub(crate) fn permit(facts: &SessionFacts<'_>) -> Result<Permit, Refusal> {
    let principal = facts
        .principal
        .filter(|principal| principal.enabled)
        .ok_or(Refusal::PrincipalDisabled)?;
    if let (Binding::Code, Some(role)) = (facts.binding, facts.loopback_role) {
        return Err(Refusal::LoopbackRequired {
            role: role.to_owned(),
        });
    }
    Ok(Permit {
        principal: principal.name.clone(),
        scope: granted_scope(facts)?,
        roles: principal.roles.clone(),
        binding: facts.binding,
    })
}

impl Permit {
    /// For one token of a session of the same person.
    pub(crate) fn grant(self, live: LiveSession) -> Result<SessionGrant, Fault> {
        let row = live.row();
        if row.principal != self.principal || row.binding != self.binding.name() {
            return Err(Fault::new("a permit was used for another session"));
        }
        Ok(SessionGrant { permit: self, live })
    }
}

impl SessionGrant {
    /// What the token will say, and the session that earned it.
    pub(crate) fn into_parts(self) -> (Permit, SessionRow) {
        (self.permit, self.live.into_row())
    }
}

/// What is asked for must be of the session and permitted by the roles. What the session was given
/// once and the roles permit no more falls away; when nothing is left, nothing is given, since an
/// empty scope would mean everything.
fn granted_scope(facts: &SessionFacts<'_>) -> Result<Scope, Refusal> {
    let refused = |scope: &str| Refusal::ScopeNotPermitted {
        scope: scope.to_owned(),
    };
    let permitted = |token: &str| is_permission(token) && facts.permissions.include(token);
    let of_session = |token: &str| facts.scope.is_empty() || facts.scope.contains(token);
    let foreign = facts
        .requested_scope
        .iter()
        .find(|token| !of_session(token) || !permitted(token));
    if let Some(token) = foreign {
        return Err(refused(token));
    }
    if !facts.requested_scope.is_empty() {
        return Ok(facts.requested_scope.clone());
    }
    let left: Vec<&str> = facts
        .scope
        .iter()
        .filter(|token| permitted(token))
        .collect();
    match facts.scope.iter().next() {
        Some(first) if left.is_empty() => Err(refused(first)),
        _ => Ok(Scope::parse(&left.join(" ")).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Principal {
        Principal {
            name: "anna".to_owned(),
            display_name: String::new(),
            roles: vec!["Reader".to_owned()],
            enabled: true,
            password_set_at: None,
        }
    }

    /// One row of the table: what the roles permit, what the session has, what is asked for.
    fn permitted(permissions: &[&str], session: &str, requested: &str) -> Result<String, Refusal> {
        permit(&SessionFacts {
            principal: Some(&anna()),
            permissions: &Permissions::listed(permissions),
            loopback_role: None,
            binding: Binding::Loopback,
            scope: &Scope::parse(session).unwrap(),
            requested_scope: &Scope::parse(requested).unwrap(),
        })
        .map(|permit| permit.scope.to_string())
    }

    // security.md 66
    #[test]
    fn a_scope_is_narrowed_and_never_widened() {
        let refused = |scope: &str| {
            Err(Refusal::ScopeNotPermitted {
                scope: scope.to_owned(),
            })
        };
        let reads: &[&str] = &["audit:read", "roles:read"];
        type Row<'a> = (&'a [&'a str], &'a str, &'a str, Result<String, Refusal>);
        let table: [Row<'_>; 12] = [
            // Nothing asked for at all: everything.
            (reads, "", "", Ok(String::new())),
            // The session's, and less of it.
            (
                reads,
                "audit:read roles:read",
                "",
                Ok("audit:read roles:read".to_owned()),
            ),
            (
                reads,
                "audit:read roles:read",
                "audit:read",
                Ok("audit:read".to_owned()),
            ),
            (reads, "", "audit:read", Ok("audit:read".to_owned())),
            (&["*"], "", "audit:read", Ok("audit:read".to_owned())),
            // More than the session's, more than the roles permit, and what is no permission.
            (reads, "audit:read", "roles:read", refused("roles:read")),
            (
                reads,
                "audit:read",
                "audit:read roles:read",
                refused("roles:read"),
            ),
            (reads, "", "roles:write", refused("roles:write")),
            (reads, "", "*", refused("*")),
            (&["*"], "", "orders", refused("orders")),
            // What the roles permit no more falls away, and never becomes everything.
            (
                &["audit:read"],
                "audit:read roles:read",
                "",
                Ok("audit:read".to_owned()),
            ),
            (&["audit:read"], "roles:read", "", refused("roles:read")),
        ];
        for (permissions, session, requested, expected) in table {
            let found = permitted(permissions, session, requested);
            assert_eq!(
                found, expected,
                "{permissions:?}, `{session}`, `{requested}`"
            );
        }
    }

    #[test]
    fn a_person_who_is_disabled_or_gone_gets_nothing() {
        let mut bert = anna();
        bert.enabled = false;
        for principal in [None, Some(&bert)] {
            let refusal = permit(&SessionFacts {
                principal,
                permissions: &Permissions::default(),
                loopback_role: None,
                binding: Binding::Loopback,
                scope: &Scope::default(),
                requested_scope: &Scope::default(),
            });
            assert_eq!(refusal, Err(Refusal::PrincipalDisabled));
        }
    }

    // login.md R6
    #[test]
    fn a_role_that_asks_for_loopback_is_not_carried_by_a_code() {
        let asked = |binding, loopback_role| {
            permit(&SessionFacts {
                principal: Some(&anna()),
                permissions: &Permissions::default(),
                loopback_role,
                binding,
                scope: &Scope::default(),
                requested_scope: &Scope::default(),
            })
            .map(|permit| permit.binding)
        };
        assert_eq!(asked(Binding::Code, None), Ok(Binding::Code));
        assert_eq!(
            asked(Binding::Loopback, Some("Reader")),
            Ok(Binding::Loopback)
        );
        assert_eq!(
            asked(Binding::Code, Some("Reader")),
            Err(Refusal::LoopbackRequired {
                role: "Reader".to_owned()
            })
        );
    }
}
