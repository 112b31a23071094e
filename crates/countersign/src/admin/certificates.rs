//! How are certificates registered and revoked?

use countersign_proto::management::{NewCertificate, Page, RegisteredCertificate, Revocation};
use http::Method;

use super::{Admin, PageRequest};
use crate::Error;

impl Admin {
    /// The certificates.
    pub async fn certificates(
        &self,
        page: &PageRequest,
    ) -> Result<Page<RegisteredCertificate>, Error> {
        self.list("certificates", page).await
    }

    /// One certificate, by the lower-case hexadecimal SHA-256 of its DER.
    pub async fn certificate(&self, sha256: &str) -> Result<RegisteredCertificate, Error> {
        self.read(&["certificates", sha256]).await
    }

    /// Registers a certificate.
    pub async fn register_certificate(
        &self,
        certificate: &NewCertificate,
    ) -> Result<RegisteredCertificate, Error> {
        self.write(Method::POST, &["certificates"], certificate)
            .await
    }

    /// Revokes a certificate: it stops working at once, and so do the tokens that it earned.
    pub async fn revoke_certificate(
        &self,
        sha256: &str,
        reason: &str,
    ) -> Result<RegisteredCertificate, Error> {
        let revocation = Revocation {
            reason: reason.to_owned(),
        };
        self.write(
            Method::POST,
            &["certificates", sha256, "revoke"],
            &revocation,
        )
        .await
    }
}
