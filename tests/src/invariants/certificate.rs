//! What must hold of bytes that somebody calls a certificate?

use countersign::proto::{
    certificate::Certificate,
    jwk::{Jwk, required_members, thumbprint},
    key::PublicKey,
    showable::is_showable_as_it_is,
    thumbprint::Thumbprint,
};

use super::{distinguished_name, rereading::is_shown_safely};

/// Of DER as it is.
pub fn hold(input: &[u8]) {
    distinguished_name::of_der(input);
    if let Err(why) = PublicKey::from_spki(input) {
        is_shown_safely(&why);
    }
    let certificate = match Certificate::from_der(input) {
        Ok(certificate) => certificate,
        Err(why) => return is_shown_safely(&why),
    };
    assert_eq!(certificate.der(), input);
    // It is exactly one certificate: neither more nor less of it is one.
    assert!(Certificate::from_der(&[input, &[0]].concat()).is_err());
    assert!(Certificate::from_der(&input[..input.len() - 1]).is_err());
    let again = Certificate::all_from_pem(&certificate.to_pem()).expect("what was written");
    assert_eq!(again, std::slice::from_ref(&certificate));

    assert!(certificate.serial().len() <= 20);
    assert_ne!(certificate.serial().first(), Some(&0));
    assert!(!certificate.issuer().is_empty());
    distinguished_name::is_written_and_read(certificate.subject());
    distinguished_name::is_written_and_read(certificate.issuer());
    for name in certificate.subject_alt_names() {
        assert!(is_showable_as_it_is(name, usize::MAX), "{name:?}");
    }
    let _ = (certificate.leaf_policy(), certificate.key_usages());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input);
    assert!(matches!(certificate.sha256(), Thumbprint::Sha256(found) if found == digest.as_ref()));
    assert!(certificate.has_thumbprint(&certificate.sha1()));
    is_a_usable_key(certificate.public_key());
}

/// A public key is the same one in each of its forms.
pub(super) fn is_a_usable_key(key: &PublicKey) {
    assert_eq!(PublicKey::from_spki(key.spki()).as_ref(), Ok(key));
    assert!(!key.algorithms().is_empty());
    let jwk = Jwk::from_members(&required_members(key)).expect("what was written");
    assert_eq!(&jwk.key, key);
    assert_eq!(thumbprint(&jwk.key), thumbprint(key));
}
