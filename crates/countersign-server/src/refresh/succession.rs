//! Which refresh token follows which, and by what is one known again?

use aws_lc_rs::hmac;
use countersign_proto::opaque::{OpaqueKind, OpaqueToken, TokenId};
use zeroize::Zeroizing;

use crate::{
    refusal::Fault,
    secrets::Secrets,
    tokens::digest::{self, Kept},
};

/// The refresh token that a session begins with. It can be made again, and is never stored.
pub(crate) fn first_token(
    secrets: &Secrets,
    prefix: &str,
    session: &TokenId,
    key_version: u32,
) -> Result<OpaqueToken, Fault> {
    let key = refresh_key(secrets, key_version)?;
    let id = session.to_string();
    derive(&key, prefix, session, &[b"first", id.as_bytes()])
}

/// The refresh token that follows `presented`, which makes it that of `generation`.
pub(crate) fn successor(
    secrets: &Secrets,
    prefix: &str,
    presented: &OpaqueToken,
    generation: u32,
    key_version: u32,
) -> Result<OpaqueToken, Fault> {
    let session = presented.id();
    let id = session.to_string();
    let parts: [&[u8]; 3] = [id.as_bytes(), &generation.to_be_bytes(), presented.secret()];
    derive(&refresh_key(secrets, key_version)?, prefix, session, &parts)
}

/// What the store is to keep of a token that is new.
pub(crate) fn kept_of(secrets: &Secrets, token: &OpaqueToken) -> Result<Kept, Fault> {
    digest::of(secrets, token.expose())
}

/// The digest of a token under the pepper of this version.
pub(crate) fn digest_of(
    secrets: &Secrets,
    token: &OpaqueToken,
    pepper_version: u32,
) -> Result<Vec<u8>, Fault> {
    digest::under(secrets, pepper_version, token.expose())
}

/// The digests of a token under every pepper, the newest first.
pub(crate) fn digests_of(secrets: &Secrets, token: &OpaqueToken) -> Vec<Vec<u8>> {
    digest::under_every_pepper(secrets, token.expose())
}

fn refresh_key(secrets: &Secrets, version: u32) -> Result<hmac::Key, Fault> {
    let key = secrets.refresh_key_of(version).ok_or_else(|| {
        Fault::new(format!(
            "the secrets file does not hold refresh key {version}"
        ))
    })?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key))
}

fn derive(
    key: &hmac::Key,
    prefix: &str,
    session: &TokenId,
    parts: &[&[u8]],
) -> Result<OpaqueToken, Fault> {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    let mut secret = Zeroizing::new([0; 32]);
    if tag.as_ref().len() != secret.len() {
        return Err(Fault::new("a tag of another length"));
    }
    secret.copy_from_slice(tag.as_ref());
    Ok(OpaqueToken::compose(
        prefix,
        OpaqueKind::Refresh,
        session,
        &secret,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::fixtures;

    const PREFIX: &str = "csn";

    fn session() -> TokenId {
        TokenId::parse("02wq5mOzTzPWGCpJqKQcwj").unwrap()
    }

    // Python's hmac and zlib, with a refresh key of 32 times 0x11 and a pepper of 32 times 0x22:
    // s0 = HMAC(key, "first" + id), s1 = HMAC(key, id + u32(1) + s0).
    const FIRST: &str =
        "csn_rt_02wq5mOzTzPWGCpJqKQcwjj7HwfYr75nnrVBQZywhozc3nYt2bmKMFumbyICHGPU03Qki4o";
    const SECOND: &str =
        "csn_rt_02wq5mOzTzPWGCpJqKQcwj3F3zRsihYnipJMCAJfH3MMHYbxK9DLSaumRzCXoVlpI3PMD98";
    const DIGEST_OF_FIRST: &str =
        "a9dcfb9a0038bc9b232cb9158025b48d997c667b057691f5ca8b59806f393a52";

    // security.md 61
    #[test]
    fn tokens_and_digests_are_those_that_another_implementation_makes() {
        let secrets = fixtures::secrets(&[(1, [0x11; 32])], &[(1, [0x22; 32])]);
        let first = first_token(&secrets, PREFIX, &session(), 1).unwrap();
        assert_eq!(first.expose(), FIRST);
        let second = successor(&secrets, PREFIX, &first, 1, 1).unwrap();
        assert_eq!(second.expose(), SECOND);
        let kept = kept_of(&secrets, &first).unwrap();
        let hexadecimal: String = kept
            .digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hexadecimal, DIGEST_OF_FIRST);
    }

    #[test]
    fn a_label_before_a_token_changes_nothing() {
        let secrets = fixtures::secrets(&[(1, [0x11; 32])], &[(1, [0x22; 32])]);
        let labelled = OpaqueToken::parse(&format!("laptop--{FIRST}"), PREFIX).unwrap();
        assert_eq!(
            successor(&secrets, PREFIX, &labelled, 1, 1)
                .unwrap()
                .expose(),
            SECOND
        );
        let plain = OpaqueToken::parse(FIRST, PREFIX).unwrap();
        assert_eq!(kept_of(&secrets, &labelled), kept_of(&secrets, &plain));
    }

    #[test]
    fn every_part_makes_another_token() {
        let secrets = fixtures::secrets(&[(1, [0x11; 32]), (2, [0x12; 32])], &[(1, [0; 32])]);
        let other = TokenId::from_bytes([7; 16]);
        let first = first_token(&secrets, PREFIX, &session(), 1).unwrap();
        let of_other = first_token(&secrets, PREFIX, &other, 1).unwrap();
        let mut secrets_seen = vec![
            *first.secret(),
            *of_other.secret(),
            *first_token(&secrets, PREFIX, &session(), 2)
                .unwrap()
                .secret(),
            *successor(&secrets, PREFIX, &first, 1, 1).unwrap().secret(),
            *successor(&secrets, PREFIX, &first, 2, 1).unwrap().secret(),
            *successor(&secrets, PREFIX, &first, 1, 2).unwrap().secret(),
            *successor(&secrets, PREFIX, &of_other, 1, 1)
                .unwrap()
                .secret(),
        ];
        secrets_seen.sort_unstable();
        secrets_seen.dedup();
        assert_eq!(secrets_seen.len(), 7);
    }

    #[test]
    fn a_token_is_known_under_the_pepper_of_its_time() {
        let before = fixtures::secrets(&[(1, [0x11; 32])], &[(1, [0x22; 32])]);
        let after = fixtures::secrets(&[(1, [0x11; 32])], &[(1, [0x22; 32]), (2, [0x23; 32])]);
        let token = first_token(&before, PREFIX, &session(), 1).unwrap();
        let old = kept_of(&before, &token).unwrap();
        let new = kept_of(&after, &token).unwrap();
        assert_eq!((old.pepper_version, new.pepper_version), (1, 2));
        assert_eq!(digest_of(&after, &token, 1).unwrap(), old.digest);
        assert_eq!(digests_of(&after, &token), [new.digest, old.digest]);
    }

    #[test]
    fn a_version_that_is_missing_is_ours_to_repair() {
        let secrets = fixtures::secrets(&[(1, [0x11; 32])], &[(1, [0x22; 32])]);
        let token = first_token(&secrets, PREFIX, &session(), 1).unwrap();
        for fault in [
            first_token(&secrets, PREFIX, &session(), 2).unwrap_err(),
            successor(&secrets, PREFIX, &token, 1, 2).unwrap_err(),
            digest_of(&secrets, &token, 2).unwrap_err(),
        ] {
            assert!(fault.to_string().contains("2"), "{fault}");
        }
    }
}
