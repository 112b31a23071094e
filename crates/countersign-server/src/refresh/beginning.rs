//! What is a session when it begins?

use std::time::Duration;

use countersign_proto::{opaque::TokenId, scope::Scope, time::UnixTime, token::Binding};

use super::succession::{first_token, kept_of};
use crate::{
    config::{SessionRules, TokenLifetimes},
    refusal::Fault,
    secrets::Secrets,
    store::{SessionRow, SessionState},
};

/// How long a terminal may take to say that it has the token.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(60);

/// A login that was completed: what its session stands on.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    /// New: a UUIDv7, of which 74 bits are random.
    pub(crate) id: TokenId,
    /// `jti` of the first access token.
    pub(crate) jti: String,
    /// When.
    pub(crate) now: UnixTime,
    /// Whom it stands for.
    pub(crate) principal: String,
    /// Thumbprint of the terminal's proof key.
    pub(crate) proof: String,
    /// What the terminal asked for; empty for all that the roles permit.
    pub(crate) scope: Scope,
    /// How the value came from the browser to the terminal.
    pub(crate) binding: Binding,
    /// The browser's address.
    pub(crate) address: Option<String>,
    /// What the terminal says that it is.
    pub(crate) client: String,
    /// Who knew the person.
    pub(crate) provider: String,
}

/// The session, which is good for nothing until its terminal has acknowledged the token.
pub(crate) fn new_session(
    beginning: Beginning,
    rules: &SessionRules,
    lifetimes: &TokenLifetimes,
    secrets: &Secrets,
    prefix: &str,
) -> Result<SessionRow, Fault> {
    let (key_version, _) = secrets
        .refresh_key()
        .ok_or_else(|| Fault::new("the secrets hold no refresh key"))?;
    let first = first_token(secrets, prefix, &beginning.id, key_version)?;
    let kept = kept_of(secrets, &first)?;
    let now = beginning.now;
    let ends_at = now.plus(rules.absolute);
    Ok(SessionRow {
        id: beginning.id.to_string(),
        principal: beginning.principal,
        proof: beginning.proof,
        scope: beginning.scope.to_string(),
        binding: beginning.binding.name().to_owned(),
        address: beginning.address,
        client: beginning.client,
        provider: beginning.provider,
        created_at: now,
        ends_at,
        refresh_limit: rules.refresh_limit,
        generation: 0,
        state: SessionState::Pending,
        end_reason: None,
        ended_at: None,
        pending_until: now.plus(ACKNOWLEDGED_WITHIN),
        secret: kept.digest,
        pepper_version: kept.pepper_version,
        key_version,
        jti: beginning.jti,
        issued_at: now,
        expires_at: now.plus(lifetimes.interactive).min(ends_at),
        refreshed_at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::fixtures;

    const NOW: UnixTime = UnixTime::from_secs(1_795_336_200);

    fn begun(rules: SessionRules) -> SessionRow {
        let beginning = Beginning {
            id: TokenId::parse("02wq5mOzTzPWGCpJqKQcwj").unwrap(),
            jti: "first-jti".to_owned(),
            now: NOW,
            principal: "anna".to_owned(),
            proof: "thumbprint".to_owned(),
            scope: Scope::parse("audit:read").unwrap(),
            binding: Binding::Loopback,
            address: None,
            client: "countersign".to_owned(),
            provider: "built-in".to_owned(),
        };
        let secrets = fixtures::secrets(&[(3, [0x11; 32])], &[(2, [0x22; 32])]);
        new_session(
            beginning,
            &rules,
            &TokenLifetimes::default(),
            &secrets,
            "csn",
        )
        .unwrap()
    }

    // login.md R5
    #[test]
    fn a_session_begins_pending_and_uncounted() {
        let row = begun(SessionRules::default());
        assert_eq!(row.state, SessionState::Pending);
        assert_eq!((row.generation, row.refresh_limit), (0, 10));
        assert_eq!(row.pending_until, UnixTime::from_secs(1_795_336_260));
        assert_eq!(row.ends_at, UnixTime::from_secs(1_795_379_400));
        assert_eq!(row.expires_at, UnixTime::from_secs(1_795_339_800));
        assert_eq!((row.key_version, row.pepper_version), (3, 2));
        assert_eq!(
            (row.scope.as_str(), row.binding.as_str()),
            ("audit:read", "loopback")
        );
    }

    // security.md 68
    #[test]
    fn a_token_does_not_outlive_its_session() {
        let rules = SessionRules {
            absolute: Duration::from_secs(600),
            ..SessionRules::default()
        };
        assert_eq!(begun(rules).expires_at, UnixTime::from_secs(1_795_336_800));
    }
}
