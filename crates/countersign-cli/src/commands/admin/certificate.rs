//! How are the certificates that the platform believes managed?

use std::path::Path;

use countersign::{
    admin::Admin,
    proto::{
        certificate::Certificate,
        management::{CertificateUsage, NewCertificate},
    },
};
use serde_json::json;

use super::{page, view};
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
        CertificateCommand::Show { sha256 } => admin.certificate(&id(sha256)).await?,
        CertificateCommand::Create {
            file,
            app_id,
            usage,
            kid_alias,
        } => {
            let new = NewCertificate {
                pem: leaf_of(file)?,
                client_id: app_id.clone(),
                usage: match usage {
                    Usage::Client => CertificateUsage::Client,
                    Usage::Platform => CertificateUsage::Platform,
                },
                kid_alias: kid_alias.clone(),
            };
            admin.register_certificate(&new).await?
        }
        CertificateCommand::Revoke { sha256, reason } => {
            admin.revoke_certificate(&id(sha256), reason).await?
        }
    };
    Ok(view::record(
        &json!(certificate),
        &["subject", "usage", "client_id", "sha256", "sha1"],
    ))
}

/// The leaf alone: the file may hold the private key as well, which must not leave this machine.
fn leaf_of(file: &Path) -> Result<String, Failure> {
    let problem = |problem: String| {
        Failure::usage(format!("{}: {problem}", file.display()))
            .hint("give a PEM file that begins with the certificate to register")
    };
    let text = std::fs::read(file).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| problem(error.to_string()))?;
    let text = std::str::from_utf8(&text).map_err(|_| problem("it is not PEM".to_owned()))?;
    let all = Certificate::all_from_pem(text).map_err(|error| problem(error.to_string()))?;
    let leaf = all
        .first()
        .ok_or_else(|| problem("there is no certificate in it".to_owned()))?;
    Ok(leaf.to_pem())
}

/// A thumbprint as people paste it, as the platform writes it.
fn id(sha256: &str) -> String {
    use countersign::proto::thumbprint::Thumbprint;
    match Thumbprint::parse(sha256) {
        Ok(thumbprint) => thumbprint.to_hex().to_ascii_lowercase(),
        Err(_) => sha256.to_owned(), // the platform says that it does not know it
    }
}
