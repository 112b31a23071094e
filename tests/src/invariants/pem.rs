//! What must hold of a text with certificates and keys in it (RFC 7468)?

use countersign::proto::{
    certificate::Certificate,
    jwt::{PrivateKey, PublishedKey, Signer, TrustedKeys, key_set},
    key::{LocalKey, SigningKey as _},
};

use super::{certificate::is_a_usable_key, rereading::is_shown_safely};

/// Of text as it is.
pub fn hold(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(certificates) = Certificate::all_from_pem(text) {
        assert!(!certificates.is_empty());
        let written: String = certificates.iter().map(Certificate::to_pem).collect();
        assert_eq!(
            Certificate::all_from_pem(&written).as_ref(),
            Ok(&certificates)
        );
    }
    if let Err(why) = Certificate::all_from_pem(text) {
        is_shown_safely(&why);
    }
    let (local, private) = (LocalKey::from_pem(text), PrivateKey::from_pem(text));
    if let Ok(key) = &private {
        is_a_usable_key(key.public_key());
        let again = PrivateKey::from_pem(&key.to_pem()).expect("what was written");
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.pkcs8(), key.pkcs8());
        let local = local.as_ref().expect("the same text");
        assert_eq!(local.public_key(), key.public_key());
        assert!(!format!("{key:?}{local:?}").contains(&key.to_pem()[40..60]));
    }
    for why in [local.as_ref().err(), private.as_ref().err()]
        .into_iter()
        .flatten()
    {
        is_shown_safely(why);
    }
    for why in [
        Signer::from_pem(text).err(),
        TrustedKeys::from_pem(text).err(),
    ]
    .iter()
    .flatten()
    {
        is_shown_safely(why);
    }
    if let Ok(keys) = PublishedKey::all_from_pem(text)
        && let Ok(set) = key_set(&keys)
    {
        assert!(TrustedKeys::from_jwk_set(set.to_string().as_bytes()).is_ok());
    }
}
