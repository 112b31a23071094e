//! Which keys sign what the invariants look at?

use std::sync::OnceLock;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::proto::{
    key::{Algorithm, LocalKey, SigningKey},
    time::UnixTime,
};

/// The first byte of an input that is content for the right key to sign.
pub const CONTENT: u8 = 1;

/// When it is.
pub(super) const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Of an HMAC.
pub(super) const SECRET: &[u8; 32] = b"known to both ends and no other!";

/// Signs the same bytes to the same signature (RFC 8032 §5.1.6). No vector is signed by it.
pub(super) fn ed25519() -> &'static LocalKey {
    const PEM: &str = include_str!("../../../testdata/clients/ed25519/ed25519.key");
    static KEY: OnceLock<LocalKey> = OnceLock::new();
    KEY.get_or_init(|| LocalKey::from_pem(PEM).expect("a key"))
}

/// Signs what a terminal says.
pub(super) fn p256() -> &'static LocalKey {
    const PEM: &str = include_str!("../../../testdata/clients/p256/p256.key");
    static KEY: OnceLock<LocalKey> = OnceLock::new();
    KEY.get_or_init(|| LocalKey::from_pem(PEM).expect("a key"))
}

/// The token of this header and these claims, whatever they are, by HMAC with SHA-256.
pub(super) fn by_hmac(header: &[u8], claims: &[u8]) -> String {
    let input = signing_input(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    finished(&input, hmac::sign(&key, input.as_bytes()).as_ref())
}

/// The same by the first algorithm of a key pair.
pub(super) fn by_pair(key: &LocalKey, header: &[u8], claims: &[u8]) -> String {
    let input = signing_input(header, claims);
    let algorithm: Algorithm = key.public_key().algorithms()[0];
    let signature = key.sign(algorithm, input.as_bytes()).expect("a signature");
    finished(&input, &signature)
}

/// Header and claims of an input: two bytes say how long the header is.
pub(super) fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    match input {
        [high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            rest.split_at(length.min(rest.len()))
        }
        _ => (&[], &[]),
    }
}

fn signing_input(header: &[u8], claims: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}")
}

fn finished(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
