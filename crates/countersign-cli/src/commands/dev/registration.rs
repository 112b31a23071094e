//! What is registered on a development platform, so that the service can sign in?

use std::path::{Path, PathBuf};

use countersign::{
    admin::{Admin, PageRequest},
    proto::{
        certificate::Certificate,
        management::{
            Application, CertificateUsage, NewCertificate, NewMapping, Page, Principal, Role,
        },
    },
};

use super::{
    account,
    material::{self, Material},
};
use crate::{
    failure::Failure,
    output::Output,
    session::{Session, block_on},
};

/// The application of the service.
pub(crate) const APP_ID: &str = "4f0c2b9e-6a51-4d38-9b7e-2d1f5c8a7e60";
const PRINCIPAL: &str = "inventory-service";
const ROLE: &str = "Inventory";

/// Registers what is not registered yet, through the management API as everybody would; the file
/// with the password of the account.
pub(crate) fn register(
    session: &Session<'_>,
    material: &Material,
    data: &Path,
    output: &Output,
) -> Result<PathBuf, Failure> {
    let admin = Admin::new(session.client()?);
    let service = material::certificate_of(&material.service)?;
    let platform = material::certificate_of(&material.platform)?;
    block_on(async {
        role(&admin).await?;
        principal(&admin).await?;
        application(&admin).await?;
        certificate(&admin, &service, Some(APP_ID), CertificateUsage::Client).await?;
        certificate(&admin, &platform, None, CertificateUsage::Platform).await?;
        mapping(&admin, &service).await?;
        let password = account::ensure(&admin, data).await?;
        output.detail("everything is registered");
        Ok(password)
    })
}

async fn role(admin: &Admin) -> Result<(), Failure> {
    if exists(
        |page| async move { admin.roles(&page).await },
        |role| role.name == ROLE,
    )
    .await?
    {
        return Ok(());
    }
    let role = Role {
        name: ROLE.to_owned(),
        description: "sees who and what is registered".to_owned(),
        permissions: vec!["applications:read".to_owned(), "principals:read".to_owned()],
        require_loopback: false,
        token_lifetime_max_s: None,
        built_in: false,
    };
    admin.create_role(&role).await?;
    Ok(())
}

async fn principal(admin: &Admin) -> Result<(), Failure> {
    let list = |page| async move { admin.principals(&page).await };
    if exists(list, |principal| principal.name == PRINCIPAL).await? {
        return Ok(());
    }
    let principal = Principal {
        name: PRINCIPAL.to_owned(),
        display_name: "Inventory service".to_owned(),
        roles: vec![ROLE.to_owned()],
        enabled: true,
        password_set_at: None,
    };
    admin.create_principal(&principal).await?;
    Ok(())
}

async fn application(admin: &Admin) -> Result<(), Failure> {
    let list = |page| async move { admin.applications(&page).await };
    if exists(list, |application| application.client_id == APP_ID).await? {
        return Ok(());
    }
    let application = Application {
        name: "Inventory service".to_owned(),
        scopes: vec!["stock:read".to_owned()],
        ..Application::new(APP_ID)
    };
    admin.create_application(&application).await?;
    Ok(())
}

async fn certificate(
    admin: &Admin,
    certificate: &Certificate,
    client_id: Option<&str>,
    usage: CertificateUsage,
) -> Result<(), Failure> {
    let id = id(certificate);
    let list = |page| async move { admin.certificates(&page).await };
    if exists(list, |registered| registered.sha256 == id).await? {
        return Ok(());
    }
    let new = NewCertificate {
        pem: certificate.to_pem(),
        client_id: client_id.map(str::to_owned),
        usage,
        kid_alias: None,
    };
    admin.register_certificate(&new).await?;
    Ok(())
}

async fn mapping(admin: &Admin, certificate: &Certificate) -> Result<(), Failure> {
    let id = id(certificate);
    let list = |page| async move { admin.mappings(&page).await };
    let fits = |row: &countersign::proto::management::PrincipalMapping| {
        row.certificate == id && row.client_id == APP_ID && row.principal == PRINCIPAL
    };
    if exists(list, fits).await? {
        return Ok(());
    }
    let mapping = NewMapping {
        certificate: id.clone(),
        client_id: APP_ID.to_owned(),
        principal: PRINCIPAL.to_owned(),
        is_default: false,
    };
    admin.create_mapping(&mapping).await?;
    Ok(())
}

fn id(certificate: &Certificate) -> String {
    certificate.sha256().to_hex().to_ascii_lowercase()
}

/// Whether some page of a list holds what is wanted.
pub(super) async fn exists<T, F>(
    list: impl Fn(PageRequest) -> F,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<bool, Failure>
where
    F: Future<Output = Result<Page<T>, countersign::Error>>,
{
    let mut request = PageRequest::default();
    request.limit = Some(500);
    loop {
        let page = list(request.clone()).await?;
        if page.items.iter().any(&is_wanted) {
            return Ok(true);
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(false),
        }
    }
}
