//! May this client have this token?
//!
//! Pure: facts are loaded elsewhere, then judged here.

mod session;
pub use session::SessionGrant;
pub(crate) use session::{Permit, SessionFacts, permit};

pub(crate) mod granted;

mod sign_in;
pub(crate) use sign_in::{NoWay, ways};

mod console;
pub(crate) use console::may_use_console;

use std::sync::Arc;

use countersign_proto::{
    management::{Application, Principal, PrincipalMapping},
    scope::Scope,
    token::TokenKind,
};

use crate::{
    mapping,
    refusal::Refusal,
    registry::{CertificateEntry, PLATFORM_PRINCIPAL},
    service::Authenticated,
};

/// The platform's yes, before it is written down. Only `decide` makes one.
///
/// ```compile_fail,E0451
/// # use countersign_server::Grant;
/// fn without_a_decision() -> Grant {
///     Grant { judgement: panic!(), authenticated: panic!() }
/// }
/// ```
#[derive(Debug)]
pub struct Grant {
    judgement: Judgement,
    authenticated: Authenticated,
}

/// What the decision rests on.
pub(crate) struct Facts<'a> {
    /// Kind 1 by a client's assertion, kind 2 by a platform's.
    pub(crate) kind: TokenKind,
    /// The application; kind 2 has none.
    pub(crate) application: Option<&'a Application>,
    /// The mapping rows of the certificate that signed.
    pub(crate) rows: &'a [Arc<PrincipalMapping>],
    /// Finds a principal.
    pub(crate) principal: &'a (dyn Fn(&str) -> Option<Arc<Principal>> + Sync),
    /// `principal` as it was asked for.
    pub(crate) requested_principal: Option<&'a str>,
    /// `scope` as it was asked for; empty when none was.
    pub(crate) requested_scope: &'a Scope,
    /// The platform's own issuer identifier.
    pub(crate) issuer: &'a str,
    /// The thumbprint of the key that a DPoP proof came from.
    pub(crate) proof: Option<&'a str>,
}

/// What a token will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) kind: TokenKind,
    pub(crate) client_id: String,
    pub(crate) principal: String,
    pub(crate) scope: Scope,
    pub(crate) roles: Vec<String>,
    pub(crate) audience: String,
    pub(crate) confirmation: Option<String>,
}

/// Decides, for somebody who was authenticated.
pub(crate) fn decide(authenticated: Authenticated, facts: &Facts<'_>) -> Result<Grant, Refusal> {
    let judgement = judge(authenticated.client_id(), facts)?;
    Ok(Grant {
        judgement,
        authenticated,
    })
}

impl Grant {
    /// What the token will say, and the certificate that earned it.
    pub(crate) fn into_parts(self) -> (Judgement, Arc<CertificateEntry>) {
        (self.judgement, self.authenticated.into_certificate())
    }
}

fn judge(client_id: &str, facts: &Facts<'_>) -> Result<Judgement, Refusal> {
    match (facts.kind, facts.application) {
        (TokenKind::Platform, _) => judge_platform(client_id, facts),
        (_, Some(application)) => judge_application(application, facts),
        (_, None) => Err(Refusal::PrincipalNotMapped {
            permitted: Vec::new(),
        }),
    }
}

fn judge_platform(client_id: &str, facts: &Facts<'_>) -> Result<Judgement, Refusal> {
    // A platform component has no application whose scopes it could ask for.
    if let Some(scope) = facts.requested_scope.iter().next() {
        return Err(Refusal::ScopeNotPermitted {
            scope: scope.to_owned(),
        });
    }
    let principal = (facts.principal)(PLATFORM_PRINCIPAL)
        .filter(|principal| principal.enabled)
        .ok_or(Refusal::PrincipalDisabled)?;
    Ok(Judgement {
        kind: TokenKind::Platform,
        client_id: client_id.to_owned(),
        principal: principal.name.clone(),
        scope: Scope::default(),
        roles: principal.roles.clone(),
        audience: facts.issuer.to_owned(),
        confirmation: facts.proof.map(str::to_owned),
    })
}

fn judge_application(application: &Application, facts: &Facts<'_>) -> Result<Judgement, Refusal> {
    let row = mapping::choose(facts.rows, facts.requested_principal)?;
    let principal = (facts.principal)(&row.principal)
        .filter(|principal| principal.enabled)
        .ok_or(Refusal::PrincipalDisabled)?;
    let scope = granted_scope(application, facts.requested_scope)?;
    if application.dpop_bound_access_tokens && facts.proof.is_none() {
        return Err(Refusal::ProofRequired);
    }
    Ok(Judgement {
        kind: facts.kind,
        client_id: application.client_id.clone(),
        principal: principal.name.clone(),
        scope,
        roles: principal.roles.clone(),
        audience: application
            .audience
            .clone()
            .unwrap_or_else(|| facts.issuer.to_owned()),
        confirmation: facts.proof.map(str::to_owned),
    })
}

/// All of the application's scopes when none was asked for; else what was asked for, if it has it.
fn granted_scope(application: &Application, requested: &Scope) -> Result<Scope, Refusal> {
    let foreign = requested
        .iter()
        .find(|token| !application.scopes.iter().any(|scope| scope == token));
    match foreign {
        Some(scope) => Err(Refusal::ScopeNotPermitted {
            scope: scope.to_owned(),
        }),
        None if requested.is_empty() => {
            Ok(Scope::parse(&application.scopes.join(" ")).unwrap_or_default())
        }
        None => Ok(requested.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://platform.example";

    fn orders() -> Application {
        Application {
            name: String::new(),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            audience: Some("https://orders.example".to_owned()),
            ..Application::new("orders")
        }
    }

    fn row(principal: &str) -> Arc<PrincipalMapping> {
        Arc::new(PrincipalMapping {
            id: principal.to_owned(),
            certificate: "ab".repeat(32),
            client_id: "orders".to_owned(),
            principal: principal.to_owned(),
            is_default: false,
        })
    }

    /// `anna` reads, `bert` is disabled, `platform` is the platform's; nobody else is there.
    fn principal(name: &str) -> Option<Arc<Principal>> {
        let role = match name {
            "anna" | "bert" => "Reader",
            "platform" => "Platform",
            _ => return None,
        };
        Some(Arc::new(Principal {
            name: name.to_owned(),
            display_name: String::new(),
            roles: vec![role.to_owned()],
            enabled: name != "bert",
            password_set_at: None,
        }))
    }

    /// One row of the table: principal asked for, rows, scope asked for, proof.
    fn judged(
        application: &Application,
        rows: &[&str],
        asked: Option<&str>,
        scope: &str,
        proof: Option<&str>,
    ) -> Result<Judgement, Refusal> {
        let rows: Vec<_> = rows.iter().map(|it| row(it)).collect();
        judge(
            "orders",
            &Facts {
                kind: TokenKind::NonInteractive,
                application: Some(application),
                rows: &rows,
                principal: &principal,
                requested_principal: asked,
                requested_scope: &Scope::parse(scope).unwrap(),
                issuer: ISSUER,
                proof,
            },
        )
    }

    #[test]
    fn a_grant_says_what_the_facts_say() {
        let granted = judged(&orders(), &["anna"], None, "", None).unwrap();
        assert_eq!(
            granted,
            Judgement {
                kind: TokenKind::NonInteractive,
                client_id: "orders".to_owned(),
                principal: "anna".to_owned(),
                scope: Scope::parse("read write").unwrap(),
                roles: vec!["Reader".to_owned()],
                audience: "https://orders.example".to_owned(),
                confirmation: None,
            }
        );
        let less = judged(
            &orders(),
            &["anna"],
            Some("anna"),
            "read",
            Some("thumbprint"),
        )
        .unwrap();
        assert_eq!(less.scope, Scope::parse("read").unwrap());
        assert_eq!(less.confirmation.as_deref(), Some("thumbprint"));
        let plain = Application {
            audience: None,
            ..orders()
        };
        assert_eq!(
            judged(&plain, &["anna"], None, "", None).unwrap().audience,
            ISSUER
        );
    }

    #[test]
    fn each_rule_refuses_by_its_name() {
        let bound = Application {
            dpop_bound_access_tokens: true,
            ..orders()
        };
        let both = || vec!["anna".to_owned(), "bert".to_owned()];
        type Row<'a> = (
            &'a Application,
            &'a [&'a str],
            Option<&'a str>,
            &'a str,
            Refusal,
        );
        let table: [Row<'_>; 7] = [
            (
                &orders(),
                &[],
                None,
                "",
                Refusal::PrincipalNotMapped { permitted: vec![] },
            ),
            (
                &orders(),
                &["anna", "bert"],
                None,
                "",
                Refusal::PrincipalAmbiguous { permitted: both() },
            ),
            (
                &orders(),
                &["anna", "bert"],
                Some("admin"),
                "",
                Refusal::PrincipalNotMapped { permitted: both() },
            ),
            (&orders(), &["bert"], None, "", Refusal::PrincipalDisabled),
            (&orders(), &["gone"], None, "", Refusal::PrincipalDisabled),
            (
                &orders(),
                &["anna"],
                None,
                "read all",
                Refusal::ScopeNotPermitted {
                    scope: "all".to_owned(),
                },
            ),
            (&bound, &["anna"], None, "", Refusal::ProofRequired),
        ];
        for (application, rows, asked, scope, expected) in table {
            assert_eq!(judged(application, rows, asked, scope, None), Err(expected));
        }
    }

    // checklist T7
    #[test]
    fn kind_2_never_maps() {
        let rows = [row("anna")];
        let facts = Facts {
            kind: TokenKind::Platform,
            application: None,
            rows: &rows,
            principal: &principal,
            requested_principal: Some("anna"),
            requested_scope: &Scope::default(),
            issuer: ISSUER,
            proof: None,
        };
        let granted = judge("countersign:platform", &facts).unwrap();
        assert_eq!(granted.principal, "platform");
        assert_eq!(granted.roles, ["Platform"]);
    }
}
