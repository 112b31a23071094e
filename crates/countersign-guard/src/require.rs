//! What does a route demand of its caller?

use std::task::{Context, Poll};

use countersign_proto::token::{Binding, Confirmation, TokenKind};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Caller, Guard, Refusal, guard::note, layer::Answering};

/// What a route demands of its caller, all of it together. Every method adds a demand.
///
/// ```
/// use countersign_guard::Require;
///
/// let require = Require::caller().scope("orders.write").any_role(&["Clerk", "Manager"]);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Require {
    demands: Vec<Demand>,
}

#[derive(Clone, Debug)]
enum Demand {
    /// All of these.
    Scope(Vec<String>),
    AnyScope(Vec<String>),
    AnyRole(Vec<String>),
    AnyKind(Vec<TokenKind>),
    Possession,
    Certificate,
    Loopback,
}

impl Require {
    /// Anybody whose token is believed.
    pub fn caller() -> Require {
        Require::default()
    }

    /// The token has this scope token; all of them, when there are several, space-delimited.
    pub fn scope(self, scope: &str) -> Require {
        let tokens = scope.split_ascii_whitespace().map(str::to_owned);
        self.and(Demand::Scope(tokens.collect()))
    }

    /// The token has one of these scope tokens.
    pub fn any_scope(self, tokens: &[&str]) -> Require {
        self.and(Demand::AnyScope(owned(tokens)))
    }

    /// The caller has this role.
    pub fn role(self, role: &str) -> Require {
        self.any_role(&[role])
    }

    /// The caller has one of these roles.
    pub fn any_role(self, roles: &[&str]) -> Require {
        self.and(Demand::AnyRole(owned(roles)))
    }

    /// The token is of this kind of a countersign platform.
    pub fn kind(self, kind: TokenKind) -> Require {
        self.any_kind(&[kind])
    }

    /// The token is of one of these kinds of a countersign platform.
    pub fn any_kind(self, kinds: &[TokenKind]) -> Require {
        self.and(Demand::AnyKind(kinds.to_vec()))
    }

    /// The token is bound to a key or a certificate, and its holder has proved it.
    pub fn proof_of_possession(self) -> Require {
        self.and(Demand::Possession)
    }

    /// The token is bound to a certificate, and its holder has proved it.
    pub fn certificate_bound(self) -> Require {
        self.and(Demand::Certificate)
    }

    /// The token is one of a person whose browser was on the machine of the terminal, not one that a
    /// code released.
    pub fn loopback_binding(self) -> Require {
        self.and(Demand::Loopback)
    }

    /// Judges a caller.
    ///
    /// # Errors
    /// The first demand that is not met.
    pub fn check(&self, caller: &Caller) -> Result<(), Refusal> {
        self.demands
            .iter()
            .try_for_each(|demand| demand.check(caller))
    }

    fn and(mut self, demand: Demand) -> Require {
        self.demands.push(demand);
        self
    }
}

impl Demand {
    fn check(&self, caller: &Caller) -> Result<(), Refusal> {
        let met = match self {
            Demand::Scope(tokens) => tokens.iter().all(|token| caller.has_scope(token)),
            Demand::AnyScope(tokens) => tokens.iter().any(|token| caller.has_scope(token)),
            Demand::AnyRole(roles) => roles.iter().any(|role| caller.has_role(role)),
            Demand::AnyKind(kinds) => caller.kind().is_some_and(|kind| kinds.contains(&kind)),
            Demand::Possession => *caller.confirmation() != Confirmation::None,
            Demand::Certificate => matches!(
                caller.confirmation(),
                Confirmation::Certificate(_) | Confirmation::KeyAndCertificate(..)
            ),
            Demand::Loopback => caller.binding() == Some(Binding::Loopback),
        };
        if met { Ok(()) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> Refusal {
        match self {
            Demand::Scope(tokens) | Demand::AnyScope(tokens) => Refusal::Scope {
                wanted: tokens.join(" "),
            },
            Demand::AnyRole(roles) => Refusal::Role {
                wanted: roles.clone(),
            },
            Demand::AnyKind(_) => Refusal::Kind,
            Demand::Possession | Demand::Certificate => Refusal::Unbound,
            Demand::Loopback => Refusal::NotByLoopback,
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Puts a demand before a route, behind the guard's own layer.
#[derive(Clone, Debug)]
pub struct RequireLayer {
    guard: Guard,
    require: Require,
}

/// A service whose callers are such as it demands.
#[derive(Clone, Debug)]
pub struct Required<S> {
    inner: S,
    layer: RequireLayer,
}

impl RequireLayer {
    pub(crate) fn new(guard: Guard, require: Require) -> RequireLayer {
        RequireLayer { guard, require }
    }

    /// A caller of another guard, or none, is none.
    fn check(&self, caller: Option<&Caller>) -> Result<(), Refusal> {
        let known = caller.filter(|caller| self.guard.believed(caller));
        let Some(caller) = known else {
            // Whoever put the route together is at fault, and should hear of it.
            tracing::error!("a route demands a caller, and no layer of its guard stands before it");
            return Err(Refusal::Unguarded);
        };
        self.require.check(caller).inspect_err(note)
    }
}

impl<S> Layer<S> for RequireLayer {
    type Service = Required<S>;

    fn layer(&self, inner: S) -> Required<S> {
        Required {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Required<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.layer.check(request.extensions().get()) {
            Ok(()) => Answering::by_service(self.inner.call(request)),
            Err(refusal) => Answering::refused(&refusal),
        }
    }
}
