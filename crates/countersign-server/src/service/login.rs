//! How does a sign-in through a browser go on from one request to the next?
//!
//! A login is read from the store, a pure function is done to it, and it is written back unless
//! somebody else has written it meanwhile; then it is done again. What belongs to it (a session,
//! the audit) is written with it or not at all.

mod logins;
pub(crate) use logins::Logins;

mod begin;
pub(crate) use begin::{Begun, NotBegun, begin};

mod browser;
pub(crate) use browser::{Browser, Found, HandOver, find, may_show_code};

mod terminal;
pub(crate) use terminal::{NotResumed, Terminal, resume};

mod told;
pub(crate) use told::News;

mod stored;

mod wakeups;
pub(crate) use wakeups::Wakeup;
use wakeups::Wakeups;

use countersign_proto::{scope::Scope, token::Binding};

use super::{Terms, permit_terms};
use crate::{
    config::BindingPolicy,
    login::{Asked, Failure},
    refusal::Refusal,
    registry::Registry,
};

/// Whether somebody gets what a terminal asks for, by this way. The setting may have become stricter
/// since the login began (login.md R6).
fn permits(
    policy: BindingPolicy,
    registry: &Registry,
    principal: &str,
    asked: &Asked,
    binding: Binding,
) -> Result<(), Failure> {
    if registry.principal(principal).is_none() {
        return Err(Failure::UnknownPrincipal);
    }
    if binding == Binding::Code && policy == BindingPolicy::SameDevice {
        return Err(Failure::LoopbackRequired);
    }
    let terms = Terms {
        principal,
        binding,
        scope: &Scope::default(),
        requested_scope: &Scope::parse(&asked.scope).unwrap_or_default(),
    };
    match permit_terms(registry, &terms) {
        Ok(_) => Ok(()),
        Err(Refusal::LoopbackRequired { .. }) => Err(Failure::LoopbackRequired),
        Err(Refusal::ScopeNotPermitted { scope }) => Err(Failure::ScopeNotPermitted { scope }),
        Err(_) => Err(Failure::DisabledPrincipal),
    }
}
