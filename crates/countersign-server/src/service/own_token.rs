//! Was this signed by us, and is its time not over?
//!
//! Another node may have begun to sign with a key that this one has not read yet: then the store is
//! asked, at most once a second, however many tokens come that name keys which nobody knows.

use countersign_proto::{
    jws::UnverifiedJws,
    time::UnixTime,
    token::{TokenClaims, TokenError},
};

use crate::{Platform, store::StoreError};

/// The claims of a token of this platform for the first of `audiences` that it is for; `None` when
/// it is none, whatever the reason. What stands behind it is another question.
pub(crate) async fn verified(
    platform: &Platform,
    token: &str,
    audiences: &[&str],
    now: UnixTime,
) -> Result<Option<TokenClaims>, StoreError> {
    match verify(platform, token, audiences, now) {
        Err(TokenError::UnknownKey) if learn_key(platform, token, now).await? => {
            Ok(verify(platform, token, audiences, now).ok())
        }
        known => Ok(known.ok()),
    }
}

fn verify(
    platform: &Platform,
    token: &str,
    audiences: &[&str],
    now: UnixTime,
) -> Result<TokenClaims, TokenError> {
    let keys = platform.keys();
    let mut refusal = TokenError::Audience;
    for audience in audiences {
        let key_of = |kid: &str| keys.verifying(kid, now);
        match TokenClaims::verify(token, key_of, platform.issuer(), audience, now) {
            Err(error) => refusal = error,
            good => return good,
        }
    }
    Err(refusal)
}

/// Reads the keys again for one that is not known. Whether it is known then.
pub(super) async fn learn_key(
    platform: &Platform,
    token: &str,
    now: UnixTime,
) -> Result<bool, StoreError> {
    let Ok(jws) = UnverifiedJws::parse(token) else {
        return Ok(false);
    };
    let Some(kid) = jws.header().kid.as_deref() else {
        return Ok(false);
    };
    // One that is known here and not used any more is not unknown.
    if platform.keys().know(kid) || !platform.may_look_for_keys(now) {
        return Ok(false);
    }
    platform.read_keys().await?;
    Ok(platform.keys().know(kid))
}
