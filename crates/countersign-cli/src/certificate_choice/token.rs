//! How is a hardware token named and opened that holds certificates and their keys?

use std::path::{Path, PathBuf};

use countersign::certificate_store::{CertificateStore, Password};
#[cfg(feature = "pkcs11")]
use countersign::{Pkcs11Uri, Pkcs11UriError};

use crate::{args::Environment, failure::Failure};

/// Whether a place is meant to be the URI of a token (RFC 7512).
pub(crate) fn is_token(place: &Path) -> bool {
    const SCHEME: &str = "pkcs11:";
    let scheme = place.to_str().and_then(|text| text.get(..SCHEME.len()));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The place as it is remembered: checked, and with the module that the environment names.
#[cfg(feature = "pkcs11")]
pub(crate) fn remembered(place: &Path, environment: &Environment) -> Result<PathBuf, Failure> {
    let mut uri = parsed(place)?;
    if uri.module_path.is_none() && uri.module_name.is_none() {
        uri.module_path.clone_from(&environment.pkcs11_module);
    }
    Ok(PathBuf::from(uri.to_string()))
}

/// Whether the URI itself says where the PIN is.
#[cfg(feature = "pkcs11")]
pub(super) fn has_pin_source(place: &Path) -> bool {
    is_token(place) && parsed(place).is_ok_and(|uri| uri.pin_source.is_some())
}

#[cfg(feature = "pkcs11")]
pub(super) fn open(
    place: &Path,
    pin: Option<Password>,
    environment: &Environment,
) -> Result<CertificateStore, Failure> {
    let uri = parsed(place)?;
    let store = CertificateStore::in_token(&uri, pin)
        .map_err(|error| Failure::usage(error.to_string()).hint(FORM))?;
    Ok(match &environment.pkcs11_module {
        Some(module) => store.with_default_module(module),
        None => store,
    })
}

#[cfg(feature = "pkcs11")]
fn parsed(place: &Path) -> Result<Pkcs11Uri, Failure> {
    let text = place.to_str().unwrap_or_default();
    text.parse().map_err(|error| {
        let hint = match error {
            Pkcs11UriError::PinValue => {
                "change that PIN: it was seen by whoever sees the commands of this machine"
            }
            _ => FORM,
        };
        Failure::usage(format!("{error}")).hint(hint)
    })
}

#[cfg(feature = "pkcs11")]
const FORM: &str = "for example 'pkcs11:token=LABEL;object=NAME?module-path=/PATH/module.so'";

#[cfg(not(feature = "pkcs11"))]
pub(crate) fn remembered(_place: &Path, _environment: &Environment) -> Result<PathBuf, Failure> {
    Err(left_out())
}

#[cfg(not(feature = "pkcs11"))]
pub(super) fn has_pin_source(_place: &Path) -> bool {
    false
}

#[cfg(not(feature = "pkcs11"))]
pub(super) fn open(
    _place: &Path,
    _pin: Option<Password>,
    _environment: &Environment,
) -> Result<CertificateStore, Failure> {
    Err(left_out())
}

#[cfg(not(feature = "pkcs11"))]
fn left_out() -> Failure {
    Failure::usage("this countersign was built without hardware tokens")
        .hint("build it with the feature pkcs11")
}
