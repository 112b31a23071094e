//! Who is calling? Step 9 of protocol.md, after which an assertion has authenticated its client.

use std::sync::Arc;

use countersign_proto::management::Application;

use super::{
    AdmittedAssertion,
    assertion::{Denial, Identified},
};
use crate::{
    refusal::Refusal,
    registry::CertificateEntry,
    store::{JtiPurpose, JtiRecord, Recorded, Store, StoreError},
};

/// A client that was believed, once: its `jti` is on record. Only [`AdmittedAssertion`] becomes one.
///
/// ```compile_fail,E0451
/// # use countersign_server::Authenticated;
/// fn without_recording() -> Authenticated {
///     Authenticated { client_id: panic!(), certificate: panic!(), application: panic!() }
/// }
/// ```
///
/// A verified assertion alone is not enough for a decision:
///
/// ```compile_fail,E0308
/// # use countersign_server::{Authenticated, VerifiedAssertion};
/// fn replay(verified: VerifiedAssertion) -> Authenticated {
///     verified
/// }
/// ```
#[derive(Debug)]
pub struct Authenticated {
    client_id: String,
    certificate: Arc<CertificateEntry>,
    application: Option<Arc<Application>>,
}

/// Why nobody was authenticated.
#[derive(Debug)]
pub(crate) enum AuthenticationError {
    Denied(Denial),
    Store(StoreError),
}

impl AdmittedAssertion {
    /// Records the `jti`, durably, until `exp` and the leeway are over.
    pub(crate) async fn record(
        self,
        store: &dyn Store,
    ) -> Result<Authenticated, AuthenticationError> {
        let verified = self.verified;
        let purpose = verified.claims.purpose();
        let replayed = || {
            Err(AuthenticationError::Denied(Denial {
                refusal: Refusal::Replayed(purpose),
                identified: Some(verified.identified()),
            }))
        };
        // One that does not say when it was signed was not signed before this.
        let earliest = verified.claims.expires_at().minus(verified.lifetime_max);
        if verified.claims.issued_at().unwrap_or(earliest) < store.believed_from() {
            return replayed();
        }
        let record = JtiRecord {
            client_id: verified.claims.client_id().to_owned(),
            purpose: JtiPurpose::Assertion(purpose),
            jti: verified.claims.jti().to_owned(),
            forget_after: verified.claims.forget_after(),
        };
        match store
            .record_jti(record)
            .await
            .map_err(AuthenticationError::Store)?
        {
            Recorded::Fresh => Ok(Authenticated {
                client_id: verified.claims.client_id().to_owned(),
                certificate: verified.certificate,
                application: verified.application,
            }),
            Recorded::Replayed => replayed(),
        }
    }
}

impl Authenticated {
    /// `iss` and `sub` of the assertion.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The application; none for a platform component.
    pub(crate) fn application(&self) -> Option<&Arc<Application>> {
        self.application.as_ref()
    }

    /// The certificate that vouched.
    pub(crate) fn into_certificate(self) -> Arc<CertificateEntry> {
        self.certificate
    }

    /// Who it is, for the audit.
    pub(crate) fn identified(&self) -> Identified {
        Identified {
            client_id: self.client_id.clone(),
            certificate: self.certificate.record.sha256.clone(),
        }
    }
}
