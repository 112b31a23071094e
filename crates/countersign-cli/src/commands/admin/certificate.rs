//! How are the certificates that the platform believes managed?

use countersign::{
    admin::Admin,
    proto::management::{CertificateUsage, NewCertificate},
};
use serde_json::json;

use super::{
    page, view,
    which_certificate::{leaf_of, named},
};
use crate::{
    args::{CertificateCommand, Usage},
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    command: &CertificateCommand,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let certificate = match command {
        CertificateCommand::List(options) => {
            let certificates = admin.certificates(&page(options)).await?;
            let columns = [
                "sha256",
                "client_id",
                "usage",
                "subject",
                "not_after",
                "revoked_at",
            ];
            return Ok(view::list(&certificates, &columns, output));
        }
        CertificateCommand::Show { certificate } => admin.certificate(&named(certificate)).await?,
        CertificateCommand::Create {
            file,
            app_id,
            usage,
            kid_alias,
        } => {
            let new = NewCertificate {
                pem: leaf_of(file)?.to_pem(),
                client_id: app_id.clone(),
                usage: match usage {
                    Usage::Client => CertificateUsage::Client,
                    Usage::Platform => CertificateUsage::Platform,
                },
                kid_alias: kid_alias.clone(),
            };
            admin.register_certificate(&new).await?
        }
        CertificateCommand::Revoke {
            certificate,
            reason,
        } => {
            admin
                .revoke_certificate(&named(certificate), reason)
                .await?
        }
    };
    Ok(view::record(
        &json!(certificate),
        &["subject", "usage", "client_id", "sha256", "sha1"],
    ))
}
