//! How do the platform's signing keys follow each other?

use std::{path::PathBuf, time::Duration};

use countersign_proto::key::Algorithm;

/// `[signing]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRules {
    /// `signing.algorithm`: what a new key signs by.
    pub algorithm: Algorithm,
    /// `signing.rotate_every_s`: how long a key signs.
    pub rotate_every: Duration,
    /// `signing.announce_s`: how long a key is published before it signs.
    pub announce: Duration,
    /// `signing.retire_after_s`: how long a key verifies after it stopped to sign. No token lives
    /// longer.
    pub retire_after: Duration,
    /// `signing.secret_file`: what signs app tokens in the form of a JWT in place of the issuer's key.
    pub secret_file: Option<PathBuf>,
}

impl Default for SigningRules {
    fn default() -> SigningRules {
        const DAY: u64 = 86_400;
        SigningRules {
            algorithm: Algorithm::ES256,
            rotate_every: Duration::from_secs(90 * DAY),
            announce: Duration::from_secs(DAY),
            retire_after: Duration::from_secs(365 * DAY),
            secret_file: None,
        }
    }
}
