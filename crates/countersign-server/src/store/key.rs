//! What does the store keep of a key that signs tokens?

use countersign_proto::{management::SigningKeyState, time::UnixTime};

use super::NewAuditEntry;

/// A key of the issuer as it is stored: encrypted under the key-encryption key, which is not in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name in the JWK set.
    pub kid: String,
    /// Its `alg`.
    pub algorithm: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// Which key-encryption key.
    pub key_version: u32,
    /// nonce ‖ ciphertext ‖ tag; nothing of a key that is retired.
    pub sealed: Vec<u8>,
    /// Where it stands.
    pub state: SigningKeyState,
    /// When it begins to sign, or began.
    pub active_at: UnixTime,
    /// When it stopped to sign.
    pub stopped_at: Option<UnixTime>,
    /// When it stops to verify, or stopped.
    pub retires_at: Option<UnixTime>,
}

/// The keys of the issuer as they were at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredKeys {
    /// Counts the changes.
    pub version: u64,
    /// Oldest first.
    pub keys: Vec<StoredKey>,
}

/// A change of the keys, to be made unless somebody else has made one since they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// That of the keys that were read.
    pub version: u64,
    /// Those that are new or have changed, each as it is then.
    pub keys: Vec<StoredKey>,
    /// What is written down when it is made.
    pub audit: Vec<NewAuditEntry>,
}
