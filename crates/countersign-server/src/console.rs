//! What does a browser hold that has signed in to the console, and what is kept of it?
//!
//! A session of the console is one of the sessions that are listed and ended, with a binding of its
//! own. It has no terminal, no refresh and no token: its browser holds a pass in a cookie, and the
//! store a digest of the pass's secret. The digest has a context of its own, so that nothing which
//! another endpoint takes can fit it, and a pass fits nothing else.

mod pass;
pub(crate) use pass::Pass;

use std::net::IpAddr;

use countersign_proto::time::UnixTime;

use crate::{
    config::ConsoleRules,
    refusal::Fault,
    secrets::Secrets,
    store::{SessionRow, SessionState},
};

/// `binding` of a session of the console: what no login can ask for.
pub(crate) const BINDING: &str = "console";
/// What such a session, and whoever it stands for, signs in as.
pub(crate) const CLIENT_ID: &str = "countersign:console";
/// `client` of such a session.
const CLIENT: &str = "console";

/// What a session stands on when it begins.
pub(crate) struct Beginning<'a> {
    /// Whom it stands for.
    pub(crate) principal: &'a str,
    /// Who knew the person.
    pub(crate) provider: &'a str,
    /// Where the browser is.
    pub(crate) address: Option<IpAddr>,
    /// When.
    pub(crate) now: UnixTime,
}

/// A session and the pass of its browser. Both are new, whatever the browser held before
/// (security.md 101).
///
/// # Errors
/// The machine has no randomness, or the secrets are not whole.
pub(crate) fn begin(
    beginning: &Beginning<'_>,
    rules: &ConsoleRules,
    secrets: &Secrets,
) -> Result<(SessionRow, Pass), Fault> {
    let now = beginning.now;
    let pass = Pass::generate(now)?;
    let (pepper_version, pepper) = secrets
        .pepper()
        .ok_or_else(|| Fault::new("the secrets hold no pepper"))?;
    let ends_at = now.plus(rules.session);
    let row = SessionRow {
        id: pass.id().to_string(),
        principal: beginning.principal.to_owned(),
        // There is no key, and no thumbprint is empty: no proof is by it.
        proof: String::new(),
        scope: String::new(),
        binding: BINDING.to_owned(),
        address: beginning.address.map(|address| address.to_string()),
        client: CLIENT.to_owned(),
        provider: beginning.provider.to_owned(),
        created_at: now,
        ends_at,
        refresh_limit: 0,
        generation: 0,
        state: SessionState::Active,
        end_reason: None,
        ended_at: None,
        pending_until: now,
        secret: pass.digest(pepper),
        pepper_version,
        key_version: 0,
        jti: pass.id().to_string(),
        issued_at: now,
        expires_at: ends_at,
        refreshed_at: now,
    };
    Ok((row, pass))
}

/// Whether this pass opens this session now.
pub(crate) fn opens(
    pass: &Pass,
    row: &SessionRow,
    rules: &ConsoleRules,
    secrets: &Secrets,
    now: UnixTime,
) -> bool {
    row.binding == BINDING
        && row.id == pass.id().to_string()
        && row.state == SessionState::Active
        && now < row.ends_at
        && now < pass.used_at().plus(rules.idle)
        && secrets
            .pepper_of(row.pepper_version)
            .is_some_and(|pepper| pass.is_of(&row.secret, pepper))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::secrets::fixtures;

    const NOW: UnixTime = UnixTime::from_secs(1_795_336_200);

    fn secrets() -> Secrets {
        fixtures::secrets(&[(1, [0x11; 32])], &[(2, [0x22; 32])])
    }

    fn begun() -> (SessionRow, Pass) {
        let beginning = Beginning {
            principal: "anna",
            provider: "Acme",
            address: None,
            now: NOW,
        };
        begin(&beginning, &ConsoleRules::default(), &secrets()).unwrap()
    }

    fn opens_at(pass: &Pass, row: &SessionRow, now: UnixTime) -> bool {
        opens(pass, row, &ConsoleRules::default(), &secrets(), now)
    }

    #[test]
    fn a_session_of_the_console_cannot_be_refreshed_and_ends_after_a_working_day() {
        let (row, pass) = begun();
        assert_eq!((row.refresh_limit, row.generation), (0, 0));
        assert_eq!(row.binding, "console");
        assert_eq!(countersign_proto::token::Binding::from_name(BINDING), None);
        assert_eq!(row.ends_at, NOW.plus(Duration::from_secs(8 * 3600)));
        assert_eq!(row.state, SessionState::Active);
        assert!(opens_at(&pass, &row, NOW));
    }

    // security.md 101
    #[test]
    fn every_session_has_an_id_and_a_secret_of_its_own() {
        let ((one, of_one), (other, of_other)) = (begun(), begun());
        assert_ne!(one.id, other.id);
        assert_ne!(one.secret, other.secret);
        assert!(!opens_at(&of_one, &other, NOW));
        assert!(!opens_at(&of_other, &one, NOW));
        let swapped = SessionRow {
            secret: other.secret,
            ..one
        };
        assert!(!opens_at(&of_one, &swapped, NOW));
    }

    #[test]
    fn a_pass_opens_nothing_that_is_over_or_is_no_session_of_the_console() {
        let (row, pass) = begun();
        let second = Duration::from_secs(1);
        let idle = NOW.plus(Duration::from_secs(1800));
        assert!(opens_at(&pass, &row, idle.minus(second)));
        assert!(!opens_at(&pass, &row, idle));
        let used = pass.used_again(row.ends_at.minus(second));
        assert!(opens_at(&used, &row, row.ends_at.minus(second)));
        assert!(!opens_at(&used, &row, row.ends_at));
        for other in [
            SessionRow {
                state: SessionState::Ended,
                ..row.clone()
            },
            SessionRow {
                state: SessionState::Pending,
                ..row.clone()
            },
            SessionRow {
                binding: "loopback".to_owned(),
                ..row.clone()
            },
            SessionRow {
                pepper_version: 3,
                ..row.clone()
            },
        ] {
            assert!(!opens_at(&pass, &other, NOW), "{other:?}");
        }
    }
}
