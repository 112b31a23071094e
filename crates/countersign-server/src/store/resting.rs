//! Which granted tokens rest on what a change of the registry takes away?

use countersign_proto::time::UnixTime;

use super::{
    APPLICATION_DELETED, CERTIFICATE_REVOKED, MAPPING_DELETED, PRINCIPAL_DELETED, TokenRow,
    TokenSelector,
};
use crate::registry::{Change, Registry};

/// What granted tokens rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resting {
    /// What is selected.
    Selected(TokenSelector),
    /// What a principal granted by a certificate that stood for it.
    Mapped {
        /// SHA-256 of the certificate.
        certificate: String,
        /// The principal.
        principal: String,
    },
}

/// How far a revocation goes on from a token to the one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// While both live: only this token was named.
    Rotation,
    /// Whenever it was: the whole line of tokens rests on what is taken away.
    Line,
}

impl From<&Resting> for Reach {
    fn from(ground: &Resting) -> Reach {
        match ground {
            Resting::Selected(TokenSelector::Id(_)) => Reach::Rotation,
            _ => Reach::Line,
        }
    }
}

impl Reach {
    /// How far it goes on from `next`, if `next` goes with `this`: it was granted with it, is one that
    /// it took the place of, or one that took its place.
    pub(super) fn onward(self, this: &TokenRow, next: &TokenRow, at: UnixTime) -> Option<Reach> {
        let follows = this.successor.as_ref() == Some(&next.id);
        if next.created_through.as_ref() == Some(&this.id) {
            Some(Reach::Line)
        } else if next.successor.as_ref() == Some(&this.id)
            && this.predecessor.as_ref() == Some(&next.id)
            || follows && (self == Reach::Line || this.is_live(at) && next.is_live(at))
        {
            Some(self)
        } else {
            None
        }
    }
}

/// The roles that a change deletes.
pub(super) fn roles_deleted(change: &Change) -> Vec<&str> {
    match change {
        Change::DeleteRole { name } => vec![name],
        Change::All(several) => several.iter().flat_map(roles_deleted).collect(),
        _ => Vec::new(),
    }
}

/// What a token names without a role that is deleted; `None` when it does not name it.
pub(super) fn without(roles: &[String], deleted: &str) -> Option<Vec<String>> {
    let left: Vec<String> = roles.iter().filter(|it| *it != deleted).cloned().collect();
    (left.len() < roles.len()).then_some(left)
}

/// What a change takes away from the registry as it was `before`, and the reason by which the
/// tokens that rest on it are revoked.
pub(super) fn taken_away(change: &Change, before: &Registry) -> Vec<(Resting, &'static str)> {
    let selected = |selector, reason| vec![(Resting::Selected(selector), reason)];
    match change {
        Change::RevokeCertificate { sha256, .. } => selected(
            TokenSelector::Certificate(sha256.clone()),
            CERTIFICATE_REVOKED,
        ),
        Change::DeleteApplication { client_id } => selected(
            TokenSelector::Application(client_id.clone()),
            APPLICATION_DELETED,
        ),
        Change::DeletePrincipal { name } => {
            selected(TokenSelector::Owner(name.clone()), PRINCIPAL_DELETED)
        }
        Change::DeleteMapping { id } => before
            .mapping(id)
            .map(|mapping| {
                let rests = Resting::Mapped {
                    certificate: mapping.certificate.clone(),
                    principal: mapping.principal.clone(),
                };
                (rests, MAPPING_DELETED)
            })
            .into_iter()
            .collect(),
        Change::All(several) => several
            .iter()
            .flat_map(|one| taken_away(one, before))
            .collect(),
        _ => Vec::new(),
    }
}
