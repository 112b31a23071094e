//! Which certificates does a test sign with?
//!
//! Self-signed, made by openssl, valid from 2020 to 2099. Their private keys are public: they are for tests only.

use std::sync::Arc;

use countersign::{Credential, CredentialError};
use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    key::LocalKey,
};

/// The certificate `CN=service`, P-256, PEM.
pub const SERVICE_CERTIFICATE: &str = include_str!("../fixtures/service.pem");
/// The key of [`SERVICE_CERTIFICATE`], PKCS#8, PEM.
pub const SERVICE_KEY: &str = include_str!("../fixtures/service.key");
/// Another certificate for the same service, to rotate to: `CN=service-next`, P-256, PEM.
pub const SERVICE_NEXT_CERTIFICATE: &str = include_str!("../fixtures/service-next.pem");
/// The key of [`SERVICE_NEXT_CERTIFICATE`], PKCS#8, PEM.
pub const SERVICE_NEXT_KEY: &str = include_str!("../fixtures/service-next.key");
/// The certificate `CN=service-rsa`, RSA 2048, PEM.
pub const SERVICE_RSA_CERTIFICATE: &str = include_str!("../fixtures/service-rsa.pem");
/// The key of [`SERVICE_RSA_CERTIFICATE`], PKCS#8, PEM.
pub const SERVICE_RSA_KEY: &str = include_str!("../fixtures/service-rsa.key");
/// The certificate of a platform component: `CN=platform`, P-256, PEM.
pub const PLATFORM_CERTIFICATE: &str = include_str!("../fixtures/platform.pem");
/// The key of [`PLATFORM_CERTIFICATE`], PKCS#8, PEM.
pub const PLATFORM_KEY: &str = include_str!("../fixtures/platform.key");
/// The first administrator's certificate: `CN=administrator`, P-256, PEM.
pub const ADMINISTRATOR_CERTIFICATE: &str = include_str!("../fixtures/administrator.pem");
/// The key of [`ADMINISTRATOR_CERTIFICATE`], PKCS#8, PEM.
pub const ADMINISTRATOR_KEY: &str = include_str!("../fixtures/administrator.key");
/// The certificate of an API that asks about tokens: `CN=resource`, P-256, PEM.
pub const RESOURCE_CERTIFICATE: &str = include_str!("../fixtures/resource.pem");
/// The key of [`RESOURCE_CERTIFICATE`], PKCS#8, PEM.
pub const RESOURCE_KEY: &str = include_str!("../fixtures/resource.key");

/// A service's credential (P-256: signs ES256).
pub fn service() -> Credential {
    embedded(SERVICE_CERTIFICATE, SERVICE_KEY)
}

/// What the service's credential is replaced by (P-256).
pub fn service_next() -> Credential {
    embedded(SERVICE_NEXT_CERTIFICATE, SERVICE_NEXT_KEY)
}

/// A service's credential with an RSA key (signs PS256 or RS256).
pub fn service_rsa() -> Credential {
    embedded(SERVICE_RSA_CERTIFICATE, SERVICE_RSA_KEY)
}

/// The credential of a platform component, for platform tokens.
pub fn platform() -> Credential {
    embedded(PLATFORM_CERTIFICATE, PLATFORM_KEY)
}

/// The credential of the platform's first administrator.
pub fn administrator() -> Credential {
    embedded(ADMINISTRATOR_CERTIFICATE, ADMINISTRATOR_KEY)
}

/// The credential of an API that asks the platform about tokens; [`crate::TestPlatform::is_active`] uses it.
pub fn resource() -> Credential {
    embedded(RESOURCE_CERTIFICATE, RESOURCE_KEY)
}

/// Joins the first certificate and the first key of two PEM texts.
pub fn credential(certificate: &str, key: &str) -> Result<Credential, CredentialError> {
    let unreadable = |problem: String| CredentialError::File {
        path: "embedded fixture".to_owned(),
        problem,
    };
    let mut certificates =
        Certificate::all_from_pem(certificate).map_err(|error| unreadable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unreadable("no certificate".to_owned()));
    }
    let leaf = certificates.remove(0);
    let key = LocalKey::from_pem(key).map_err(|error| unreadable(error.to_string()))?;
    Credential::new(CertificateChain::order(leaf, &certificates), Arc::new(key))
}

#[allow(clippy::expect_used)] // the input is compiled in, and a test reads every one
fn embedded(certificate: &str, key: &str) -> Credential {
    credential(certificate, key).expect("an embedded fixture is a credential")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixture_is_a_credential_with_its_own_subject() {
        let subjects = [
            service(),
            service_next(),
            service_rsa(),
            platform(),
            administrator(),
            resource(),
        ]
        .map(|credential| credential.chain().leaf().subject().to_string());
        assert_eq!(
            subjects,
            [
                "service",
                "service-next",
                "service-rsa",
                "platform",
                "administrator",
                "resource"
            ]
            .map(|name| format!("CN={name},O=Countersign Test Kit"))
        );
    }
}
