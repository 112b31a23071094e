//! How is a new key with its certificate made, and put in the place of another?

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use countersign::{
    Credential, CredentialSource,
    certificate_store::Password,
    proto::{
        certificate::{Certificate, CertificateChain},
        jwt::PrivateKey,
        key::LocalKey,
        time::UnixTime,
    },
};

const PASSWORD: &str = "of the archive";

/// A self-signed certificate and its key, made on the spot.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    P256,
    Rsa2048,
}

impl Pair {
    /// Valid from a minute before `now` for so long.
    pub(super) fn new(kind: Kind, now: UnixTime, life: Duration) -> Pair {
        Pair::between(kind, now.minus(Duration::from_secs(60)), now.plus(life))
    }

    pub(super) fn between(kind: Kind, from: UnixTime, to: UnixTime) -> Pair {
        let key = match kind {
            Kind::P256 => rcgen::KeyPair::generate(),
            Kind::Rsa2048 => rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256),
        };
        let key = key.unwrap();
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "service");
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        parameters.not_before = epoch + Duration::from_secs(from.as_secs());
        parameters.not_after = epoch + Duration::from_secs(to.as_secs());
        Pair {
            certificate: parameters.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub(super) fn leaf(&self) -> Certificate {
        let mut all = Certificate::all_from_pem(&self.certificate).unwrap();
        all.remove(0)
    }

    pub(super) fn sha256(&self) -> String {
        self.leaf().sha256().to_hex().to_ascii_lowercase()
    }

    pub(super) fn credential(&self) -> Credential {
        let chain = CertificateChain::new(self.leaf(), Vec::new());
        let key = LocalKey::from_pem(&self.key).unwrap();
        Credential::new(chain, Arc::new(key)).unwrap()
    }

    pub(super) fn both(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }

    /// With next to no iterations: a thousand of them are opened in one test.
    pub(super) fn archive(&self, password: &str) -> Vec<u8> {
        use p12_keystore::{KeyStore, KeyStoreEntry, PrivateKeyChain};

        let certificate = p12_keystore::Certificate::from_der(self.leaf().der()).unwrap();
        let key = PrivateKey::from_pem(&self.key).unwrap();
        let key = p12_keystore::PrivateKey::from_der(key.pkcs8()).unwrap();
        let chain = PrivateKeyChain::new(vec![1], key, vec![certificate]);
        let mut archive = KeyStore::new();
        archive.add_entry("service", KeyStoreEntry::PrivateKeyChain(chain));
        archive
            .writer(password)
            .encryption_iterations(1)
            .mac_iterations(1)
            .write()
            .unwrap()
    }
}

/// How certificate and key lie on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `tls.crt` and `tls.key`.
    TwoFiles,
    /// Both in one PEM file.
    OneFile,
    /// An archive with a password.
    Archive,
    /// A folder behind a link that is turned, as Kubernetes mounts a secret.
    Mounted,
}

/// What is done on the disk in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Certificate,
    Both,
}

impl Layout {
    pub(super) fn parts(self) -> &'static [Part] {
        match self {
            Layout::TwoFiles => &[Part::Key, Part::Certificate],
            Layout::OneFile | Layout::Archive | Layout::Mounted => &[Part::Both],
        }
    }

    pub(super) fn source(self, folder: &Path) -> CredentialSource {
        let at = |name: &str| folder.join(name);
        match self {
            Layout::TwoFiles | Layout::Mounted => {
                CredentialSource::files(&at("tls.crt"), Some(&at("tls.key")), None)
            }
            Layout::OneFile => CredentialSource::files(&at("pair.pem"), None, None),
            Layout::Archive => {
                let password = Password::new(PASSWORD.to_owned());
                CredentialSource::files(&at("pair.p12"), None, Some(password))
            }
        }
    }

    pub(super) fn place_all(self, folder: &Path, pair: &Pair, number: usize) {
        for part in self.parts() {
            self.place(*part, folder, pair, number);
        }
    }

    /// Puts a part where it is looked for: every other time in place, else by renaming.
    pub(super) fn place(self, part: Part, folder: &Path, pair: &Pair, number: usize) {
        let put = |name: &str, contents: &[u8]| {
            let to = folder.join(name);
            match number.is_multiple_of(2) {
                true => fs::write(to, contents).unwrap(),
                false => replace(&to, contents),
            }
        };
        match (self, part) {
            (Layout::TwoFiles, Part::Key) => put("tls.key", pair.key.as_bytes()),
            (Layout::TwoFiles, Part::Certificate) => put("tls.crt", pair.certificate.as_bytes()),
            (Layout::TwoFiles, Part::Both) => {
                put("tls.key", pair.key.as_bytes());
                put("tls.crt", pair.certificate.as_bytes());
            }
            (Layout::OneFile, _) => put("pair.pem", pair.both().as_bytes()),
            (Layout::Archive, _) => put("pair.p12", &pair.archive(PASSWORD)),
            (Layout::Mounted, _) => turn(folder, pair, number),
        }
    }
}

fn replace(to: &Path, contents: &[u8]) {
    let beside = to.with_extension("new");
    fs::write(&beside, contents).unwrap();
    fs::rename(&beside, to).unwrap();
}

/// As the kubelet does it: a new folder, a new link to it in the place of `..data`, and the old folder
/// is removed.
fn turn(folder: &Path, pair: &Pair, number: usize) {
    use std::os::unix::fs::symlink;

    let before: Option<PathBuf> = fs::read_link(folder.join("..data")).ok();
    let name = format!("..{number}");
    fs::create_dir(folder.join(&name)).unwrap();
    fs::write(folder.join(&name).join("tls.crt"), &pair.certificate).unwrap();
    fs::write(folder.join(&name).join("tls.key"), &pair.key).unwrap();
    symlink(&name, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    match before {
        Some(before) => fs::remove_dir_all(folder.join(before)).unwrap(),
        None => {
            for file in ["tls.crt", "tls.key"] {
                symlink(format!("..data/{file}"), folder.join(file)).unwrap();
            }
        }
    }
}
