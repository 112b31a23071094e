//! Where are the fixture certificates, and what does openssl say about them?

use std::path::{Path, PathBuf};

use countersign::{Credential, certificate_store::Password};

/// The kinds of keys, as folders of `testdata/clients`.
pub(crate) const KINDS: [&str; 6] = ["rsa2048", "rsa3072", "p256", "p384", "p521", "ed25519"];

/// What every encrypted fixture is locked with.
pub(crate) const PASSWORD: &str = "fixture-password";

/// A file of `testdata/`.
pub(crate) fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(relative)
}

/// The text of a file of `testdata/`.
pub(crate) fn text(relative: &str) -> String {
    let path = path(relative);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The password as the SDK takes it.
pub(crate) fn password() -> Password {
    Password::new(PASSWORD.to_owned())
}

/// The self-signed credential of a kind of key.
pub(crate) fn client(kind: &str) -> Credential {
    credential(&format!("clients/{kind}/{kind}"))
}

/// `NAME.pem` and `NAME.key`.
pub(crate) fn credential(name: &str) -> Credential {
    let (certificate, key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
    Credential::from_files(&certificate, Some(&key), None)
        .unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// What openssl computed for one certificate.
#[derive(Clone, Debug)]
pub(crate) struct ByOpenssl {
    pub(crate) sha1: String,
    pub(crate) sha256: String,
    pub(crate) x5t: String,
    pub(crate) x5t_s256: String,
    pub(crate) subject: String,
}

/// The row of `testdata/thumbprints.txt` for a certificate.
pub(crate) fn by_openssl(certificate: &str) -> ByOpenssl {
    let table = text("thumbprints.txt");
    let row = table
        .lines()
        .map(|line| line.split('|').map(str::to_owned).collect::<Vec<_>>())
        .find(|row| row[0] == certificate)
        .unwrap_or_else(|| panic!("{certificate} is not in thumbprints.txt"));
    ByOpenssl {
        sha1: row[1].clone(),
        sha256: row[2].clone(),
        x5t: row[3].clone(),
        x5t_s256: row[4].clone(),
        subject: row[5].clone(),
    }
}

/// The base64 of the first block of a PEM text, without line ends: standard base64 of the DER.
pub(crate) fn base64_of_pem(pem: &str) -> String {
    pem.lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect()
}
