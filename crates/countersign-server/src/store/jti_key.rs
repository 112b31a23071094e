//! By which short key is a `jti` remembered?

use aws_lc_rs::digest;
use countersign_proto::assertion::Purpose;

use super::{JtiPurpose, JtiRecord};

/// The first 128 bits of a SHA-256 over purpose, client and `jti`.
///
/// Short, so that the table stays small and quick whatever a client puts into its `jti`. Two
/// different records with one key would refuse an honest assertion; nobody finds such a pair for
/// somebody else's `jti` (2^128), and whoever finds one for their own refuses only themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct JtiKey(pub(super) [u8; 16]);

impl JtiKey {
    pub(super) fn of(record: &JtiRecord) -> JtiKey {
        let purpose = match record.purpose {
            JtiPurpose::Assertion(Purpose::Client) => 0_u8,
            JtiPurpose::Assertion(Purpose::Platform) => 1,
            JtiPurpose::Proof => 2,
            JtiPurpose::Notice => 3,
        };
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&[purpose]);
        // The length keeps client `a` with jti `bc` apart from client `ab` with jti `c`.
        context.update(&(record.client_id.len() as u64).to_be_bytes());
        context.update(record.client_id.as_bytes());
        context.update(record.jti.as_bytes());
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        JtiKey(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_proto::time::UnixTime;

    const CLIENT: JtiPurpose = JtiPurpose::Assertion(Purpose::Client);
    const PLATFORM: JtiPurpose = JtiPurpose::Assertion(Purpose::Platform);

    fn key(client_id: &str, purpose: JtiPurpose, jti: &str) -> JtiKey {
        JtiKey::of(&JtiRecord {
            client_id: client_id.to_owned(),
            purpose,
            jti: jti.to_owned(),
            forget_after: UnixTime::from_secs(1),
        })
    }

    #[test]
    fn client_purpose_and_jti_each_make_another_key() {
        let base = key("a", CLIENT, "bc");
        assert_ne!(base, key("ab", CLIENT, "c"));
        assert_ne!(base, key("a", PLATFORM, "bc"));
        assert_ne!(base, key("a", JtiPurpose::Proof, "bc"));
        assert_ne!(base, key("a", JtiPurpose::Notice, "bc"));
        assert_ne!(base, key("a", CLIENT, "BC"));
        assert_eq!(base, key("a", CLIENT, "bc"));
    }

    // printf '\0\0\0\0\0\0\0\0\1abc' | openssl dgst -sha256
    #[test]
    fn the_key_is_the_first_half_of_a_sha_256() {
        assert_eq!(
            key("a", CLIENT, "bc").0,
            [
                0xf0, 0xd4, 0xe2, 0xc4, 0x1c, 0xfc, 0x34, 0x2f, 0x3d, 0xf1, 0xf3, 0x97, 0xe6, 0x44,
                0xda, 0xe3
            ]
        );
    }
}
