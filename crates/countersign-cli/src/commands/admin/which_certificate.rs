//! Which registered certificate is meant by a thumbprint, a file or a kid alias?

use std::path::Path;

use countersign::proto::{certificate::Certificate, thumbprint::Thumbprint};

use crate::failure::Failure;

/// As the platform names it: a thumbprint as people paste it, or that of the certificate in a file. Any
/// other text is a kid alias, or nothing that the platform knows.
pub(super) fn named(certificate: &str) -> String {
    match Thumbprint::parse(certificate) {
        Ok(thumbprint @ Thumbprint::Sha256(_)) => thumbprint.to_hex().to_ascii_lowercase(),
        Ok(thumbprint @ Thumbprint::Sha1(_)) => thumbprint.to_hex(),
        Err(_) => match leaf_of(Path::new(certificate)) {
            Ok(leaf) => leaf.sha256().to_hex().to_ascii_lowercase(),
            Err(_) => certificate.to_owned(),
        },
    }
}

/// The first certificate of a PEM file. The file may hold the private key as well, which must not leave
/// this machine.
pub(super) fn leaf_of(file: &Path) -> Result<Certificate, Failure> {
    let problem = |problem: String| {
        Failure::usage(format!("{}: {problem}", file.display()))
            .hint("give a PEM file that begins with the certificate to register")
    };
    let text = std::fs::read(file).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| problem(error.to_string()))?;
    let text = std::str::from_utf8(&text).map_err(|_| problem("it is not PEM".to_owned()))?;
    let mut all = Certificate::all_from_pem(text).map_err(|error| problem(error.to_string()))?;
    if all.is_empty() {
        return Err(problem("there is no certificate in it".to_owned()));
    }
    Ok(all.swap_remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of testdata/rotation/1.pem, by OpenSSL (testdata/thumbprints.txt).
    const SHA256: &str = "55e24003d2114a9e0c4b611e0a9046cf786afce3d7d53890ea432cee8d790943";
    const SHA1: &str = "2FF7C0808AA1E5431EDFBC14A37576C7530ABBA2";

    #[test]
    fn a_certificate_is_named_by_its_thumbprint_by_its_file_or_by_an_alias() {
        let folder = tempfile::tempdir().unwrap();
        let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/rotation/1.pem");
        let file = folder.path().join("service.pem");
        std::fs::copy(&pem, &file).unwrap();
        assert_eq!(named(file.to_str().unwrap()), SHA256);
        // As `openssl x509 -fingerprint` writes it.
        assert_eq!(
            named("2F:F7:C0:80:8A:A1:E5:43:1E:DF:BC:14:A3:75:76:C7:53:0A:BB:A2"),
            SHA1
        );
        assert_eq!(named(&SHA256.to_ascii_uppercase()), SHA256);
        // What is no file, and a file that is no certificate.
        assert_eq!(named("service.pem"), "service.pem");
        let other = folder.path().join("notes");
        std::fs::write(&other, "no certificate").unwrap();
        assert_eq!(named(other.to_str().unwrap()), other.to_str().unwrap());
    }
}
