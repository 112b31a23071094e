//! Which granted tokens rest on what a change of the registry takes away?

use super::{
    APPLICATION_DELETED, CERTIFICATE_REVOKED, MAPPING_DELETED, PRINCIPAL_DELETED, TokenSelector,
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
