//! Which secrets do the tests derive from?

use zeroize::Zeroizing;

use super::{Secret, Secrets};

/// Secrets with these refresh keys and peppers, by ascending versions.
pub(crate) fn secrets(refresh_keys: &[(u32, [u8; 32])], peppers: &[(u32, [u8; 32])]) -> Secrets {
    let list = |given: &[(u32, [u8; 32])]| {
        let secret = |&(version, value): &(u32, [u8; 32])| Secret {
            version,
            value: Zeroizing::new(value),
        };
        given.iter().map(secret).collect()
    };
    let mut secrets = Secrets::ephemeral().unwrap();
    secrets.refresh_key = list(refresh_keys);
    secrets.pepper = list(peppers);
    secrets
}
