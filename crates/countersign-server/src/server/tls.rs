//! By which certificate does the platform speak TLS, and how is it replaced without a stop?

use std::{fs, path::Path, sync::Arc, time::SystemTime};

use arc_swap::ArcSwap;
use countersign_proto::certificate::Certificate;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use crate::{StartError, config::Tls};

/// The TLS settings in force, and the files they came from.
pub(super) struct Reloadable {
    files: Tls,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    /// None when it is one that the platform would not take from anybody.
    leaf: Option<Certificate>,
    modified: [Option<SystemTime>; 2],
}

impl Reloadable {
    /// Reads certificate and key as a pair.
    pub(super) fn load(files: &Tls) -> Result<Reloadable, StartError> {
        let loaded = read(files)?;
        Ok(Reloadable {
            files: files.clone(),
            current: ArcSwap::from_pointee(loaded),
        })
    }

    /// Reads them again; what does not fit is refused, and the old pair stays.
    pub(super) fn reload(&self) -> Result<(), StartError> {
        self.current.store(Arc::new(read(&self.files)?));
        Ok(())
    }

    /// Whether a file was written since.
    pub(super) fn is_stale(&self) -> bool {
        self.current.load().modified != modified(&self.files)
    }

    /// The certificate that is shown now.
    pub(super) fn leaf(&self) -> Option<Certificate> {
        self.current.load().leaf.clone()
    }

    /// What a new connection uses.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.current.load().config.clone()
    }
}

impl std::fmt::Debug for Reloadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloadable")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

fn read(files: &Tls) -> Result<Loaded, StartError> {
    // First the times: a file written after them is found stale at the next look.
    let modified = modified(files);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(&bytes(&files.key)?)
        .map_err(|error| refused(&files.key, &format!("no private key in PEM: {error}")))?;
    let pem = bytes(&files.certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| refused(&files.certificate, &format!("not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(refused(&files.certificate, "no certificate in PEM"));
    }
    let leaf = chain
        .first()
        .and_then(|leaf| Certificate::from_der(leaf).ok());
    let pair = CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
        refused(
            &files.certificate,
            &format!("does not fit {}: {error}", files.key.display()),
        )
    })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| StartError::Tls(format!("tls: {error}")))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Loaded {
        config: Arc::new(config),
        leaf,
        modified,
    })
}

fn bytes(file: &Path) -> Result<Vec<u8>, StartError> {
    fs::read(file).map_err(|error| refused(file, &error.to_string()))
}

fn modified(files: &Tls) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|file| {
        fs::metadata(file)
            .and_then(|metadata| metadata.modified())
            .ok()
    })
}

fn refused(file: &Path, problem: &str) -> StartError {
    StartError::Tls(format!("tls: {}: {problem}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(folder: &Path) -> Tls {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = Tls {
            certificate: folder.join("tls.crt"),
            key: folder.join("tls.key"),
        };
        fs::write(&files.certificate, pair.cert.pem()).unwrap();
        fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn a_half_written_pair_never_replaces_a_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_pair(folder.path());
        let tls = Reloadable::load(&files).unwrap();
        let before = tls.config();

        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&files.certificate, other.cert.pem()).unwrap();
        let error = tls.reload().unwrap_err();
        assert!(
            matches!(&error, StartError::Tls(text) if text.contains("tls.crt")),
            "{error}"
        );
        assert!(Arc::ptr_eq(&before, &tls.config()));

        fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
        tls.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &tls.config()));
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_pair(folder.path());
        fs::write(&files.key, "nonsense").unwrap();
        let error = Reloadable::load(&files).unwrap_err();
        assert!(
            matches!(&error, StartError::Tls(text) if text.contains("tls.key")),
            "{error}"
        );
    }
}
