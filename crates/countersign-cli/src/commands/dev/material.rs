//! Which certificates does a development platform need, and where are they kept?

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use countersign::{
    Clock, SystemClock,
    proto::certificate::{Certificate, Validity},
};
use zeroize::Zeroizing;

use crate::{
    args::KeyChoice,
    failure::Failure,
    new_certificate::{self, BACK_DATED, CertificateRole, Made, Wanted},
    output::Output,
    private_file::{self, Existing},
};

pub(crate) const SERVICE_SUBJECT: &str = "CN=inventory-service,O=Countersign Development";
const PLATFORM_SUBJECT: &str = "CN=platform-component,O=Countersign Development";
const ADMIN_SUBJECT: &str = "CN=administrator,O=Countersign Development";
const AUTHORITY_SUBJECT: &str = "CN=Development CA,O=Countersign Development";

/// Ten years: longer than anybody keeps a development platform.
const LIFE: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Certificates with their keys, a file each.
pub(crate) struct Material {
    /// Where they are: a certificate store.
    pub(crate) folder: PathBuf,
    /// Signs in as the service.
    pub(crate) service: PathBuf,
    /// Signs platform assertions.
    pub(crate) platform: PathBuf,
    /// Signs in as the first administrator.
    pub(crate) admin: PathBuf,
    /// The certificate of that one alone, without issuers and key.
    pub(crate) bootstrap: PathBuf,
}

impl Material {
    /// Makes what is absent or past its end, and leaves the rest as it is.
    pub(crate) fn in_folder(data: &Path, output: &Output) -> Result<Material, Failure> {
        let folder = data.join("certificates");
        output.note(&match folder.exists() {
            true => format!("using what an earlier run left in {}", data.display()),
            false => format!("making certificates and a store in {}", data.display()),
        });
        let authority = authority(data, output)?;
        let file = |name: &str, subject: &str| {
            let file = folder.join(name);
            leaf(&file, subject, &authority, output).map(|()| file)
        };
        let admin = file("administrator.pem", ADMIN_SUBJECT)?;
        let bootstrap = data.join("bootstrap.pem");
        let first = certificate_of(&admin)?.to_pem();
        private_file::write(&bootstrap, first.as_bytes(), Existing::Replace)?;
        Ok(Material {
            service: file("inventory-service.pem", SERVICE_SUBJECT)?,
            platform: file("platform-component.pem", PLATFORM_SUBJECT)?,
            admin,
            bootstrap,
            folder,
        })
    }
}

/// The certificate of a file, as PEM without its key.
pub(crate) fn certificate_of(file: &Path) -> Result<Certificate, Failure> {
    let unreadable = |problem: String| {
        Failure::other(format!("{}: {problem}", file.display()))
            .hint("remove the file; the next run makes it anew")
    };
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    let all = Certificate::all_from_pem(&text).map_err(|error| unreadable(error.to_string()))?;
    all.into_iter()
        .next()
        .ok_or_else(|| unreadable("there is no certificate in it".to_owned()))
}

/// The certificate authority. Its key is no use for signing in, so it is not in the store.
fn authority(data: &Path, output: &Output) -> Result<Made, Failure> {
    let (file, key_file) = (data.join("ca/ca.pem"), data.join("ca/ca.key"));
    if is_valid(&file)? && key_file.exists() {
        let read = |file: &Path| {
            std::fs::read_to_string(file)
                .map_err(|error| Failure::other(format!("cannot read {}: {error}", file.display())))
        };
        return Ok(Made {
            certificate: read(&file)?,
            key: Zeroizing::new(read(&key_file)?),
        });
    }
    let made = new_certificate::make(&wanted(AUTHORITY_SUBJECT, CertificateRole::Authority), None)?;
    private_file::write(&key_file, made.key.as_bytes(), Existing::Replace)?;
    private_file::write(&file, made.certificate.as_bytes(), Existing::Replace)?;
    output.detail(&format!("made {}", file.display()));
    Ok(made)
}

fn leaf(file: &Path, subject: &str, authority: &Made, output: &Output) -> Result<(), Failure> {
    if is_valid(file)? {
        return Ok(());
    }
    let made = new_certificate::make(&wanted(subject, CertificateRole::Leaf), Some(authority))?;
    let bundle = made.bundle(&authority.certificate);
    private_file::write(file, bundle.as_bytes(), Existing::Replace)?;
    output.detail(&format!("made {}", file.display()));
    Ok(())
}

fn wanted(subject: &str, role: CertificateRole) -> Wanted<'_> {
    let now = SystemClock.now();
    Wanted {
        subject,
        key: KeyChoice::P256,
        role,
        not_before: now.minus(BACK_DATED),
        not_after: now.plus(LIFE),
    }
}

fn is_valid(file: &Path) -> Result<bool, Failure> {
    if !file.exists() {
        return Ok(false);
    }
    let certificate = certificate_of(file)?;
    Ok(certificate.validity(SystemClock.now()) == Validity::Valid)
}
