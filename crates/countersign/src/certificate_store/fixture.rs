//! How does a test get a certificate that it needs?

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    key::LocalKey,
    time::UnixTime,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::{Candidate, KeyState, Password};

/// A moment at which all fixtures are valid that are not meant to be otherwise.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// The password of the checked-in files.
pub(crate) const PASSWORD: &str = "fixture-password";

pub(crate) fn password() -> Option<Password> {
    Some(Password::new(PASSWORD.to_owned()))
}

/// A checked-in file.
pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

/// A self-signed certificate and its key, made on the spot, P-256.
pub(crate) struct Made {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

/// `names` are in the order of the certificate: the reverse of what RFC 4514 writes.
pub(crate) fn made(names: &[(DnType, &str)], from: UnixTime, to: UnixTime) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (attribute, value) in names {
        params.distinguished_name.push(attribute.clone(), *value);
    }
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from.as_secs());
    params.not_after = epoch + Duration::from_secs(to.as_secs());
    Made {
        certificate_pem: params.self_signed(&key).unwrap().pem(),
        key_pem: key.serialize_pem(),
    }
}

/// A certificate of `CN=name`, valid around [`NOW`].
pub(crate) fn valid(name: &str) -> Made {
    made(&[(DnType::CommonName, name)], day(-10), day(10))
}

/// [`NOW`] and so many days.
pub(crate) fn day(days: i64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs().checked_add_signed(days * 86_400).unwrap())
}

impl Made {
    pub(crate) fn both(&self) -> String {
        format!("{}{}", self.certificate_pem, self.key_pem)
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::all_from_pem(&self.certificate_pem)
            .unwrap()
            .remove(0)
    }

    pub(crate) fn key(&self) -> KeyState {
        KeyState::Present(Arc::new(LocalKey::from_pem(&self.key_pem).unwrap()))
    }

    pub(crate) fn candidate(&self, source: &str) -> Candidate {
        let chain = CertificateChain::new(self.certificate(), Vec::new());
        Candidate::new(PathBuf::from(source), Some(chain), self.key())
    }
}
