//! Who is the first administrator of an empty platform?
//!
//! The holder of the certificate that the settings name: it belongs to an application of its own
//! and stands for the principal `admin` with the role Administrator.

use countersign_proto::{
    management::{Application, CertificateUsage, NewCertificate, Principal, PrincipalMapping},
    time::UnixTime,
};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{
    StartError, audit,
    config::{Bootstrap, Settings},
    registry::{ADMINISTRATOR, CertificateEntry, Change, Registry},
    store::{Store, StoreError},
};

/// The principal that is made.
pub(crate) const ADMIN: &str = "admin";

/// The registry of the store, after the bootstrap when the store was empty.
pub(crate) async fn apply(
    settings: &Settings,
    store: &dyn Store,
    now: UnixTime,
) -> Result<Registry, StartError> {
    let registry = store.registry().await.map_err(StartError::Store)?;
    let empty = registry.applications().next().is_none()
        && registry.certificates().next().is_none()
        && registry.mappings().next().is_none();
    let Some(bootstrap) = settings.bootstrap.as_ref().filter(|_| empty) else {
        return Ok(registry);
    };
    let change = first_change(bootstrap, &registry, now)?;
    let entry = audit::by_system("platform.bootstrap", ADMIN, now);
    match store.change(change, entry).await {
        Ok(registry) => Ok(registry),
        // Another node was first: then the store is not empty any more, and that is as good.
        Err(StoreError::Registry(error)) => {
            let registry = store.registry().await.map_err(StartError::Store)?;
            if registry.applications().next().is_some() {
                Ok(registry)
            } else {
                Err(StartError::Bootstrap(format!("bootstrap: {error}")))
            }
        }
        Err(error) => Err(StartError::Store(error)),
    }
}

fn first_change(
    bootstrap: &Bootstrap,
    registry: &Registry,
    now: UnixTime,
) -> Result<Change, StartError> {
    let certificate = read_certificate(bootstrap)?;
    let mapping = PrincipalMapping {
        id: Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), 0)).to_string(),
        certificate: certificate.record.sha256.clone(),
        client_id: bootstrap.client_id.clone(),
        principal: ADMIN.to_owned(),
        is_default: false,
    };
    let application = Application {
        name: "Administration".to_owned(),
        ..Application::new(&bootstrap.client_id)
    };
    let admin = Principal {
        name: ADMIN.to_owned(),
        display_name: "Administrator".to_owned(),
        roles: vec![ADMINISTRATOR.to_owned()],
        enabled: true,
        password_set_at: None,
    };
    let principal = match registry.principal(ADMIN) {
        Some(_) => Change::UpdatePrincipal(admin),
        None => Change::CreatePrincipal(admin),
    };
    Ok(Change::All(vec![
        Change::CreateApplication(application),
        Change::RegisterCertificate(certificate.record),
        principal,
        Change::CreateMapping(mapping),
    ]))
}

fn read_certificate(bootstrap: &Bootstrap) -> Result<CertificateEntry, StartError> {
    let file = bootstrap.certificate.display();
    let pem = std::fs::read_to_string(&bootstrap.certificate)
        .map_err(|error| StartError::Bootstrap(format!("bootstrap.certificate {file}: {error}")))?;
    let asked = NewCertificate {
        pem,
        client_id: Some(bootstrap.client_id.clone()),
        usage: CertificateUsage::Client,
        kid_alias: None,
    };
    CertificateEntry::new(&asked)
        .map_err(|error| StartError::Bootstrap(format!("bootstrap.certificate {file}: {error}")))
}
