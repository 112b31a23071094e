//! Which settings would an administrator want to be reminded of?
//!
//! Each is permitted, and has its uses; and somebody may have forgotten that it is on.

use std::time::Duration;

use crate::config::{BindingPolicy, Settings, StoreUrl};

/// A session that lives longer outlives the memory of who began it.
const LONG_SESSION: Duration = Duration::from_secs(30 * 86_400);
/// More guesses a minute from one source are hardly slowed.
const MANY_FAILURES: u32 = 600;

/// A setting, and why it is weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weakness {
    pub(super) setting: &'static str,
    pub(super) why: &'static str,
}

/// Those that are in force.
pub(super) fn of(settings: &Settings) -> Vec<Weakness> {
    let judged = [
        (
            settings.lab_shared_certificate,
            "lab.shared_certificate",
            "one certificate may sign for a client and for the platform, turn it off outside a laboratory",
        ),
        (
            settings.store == StoreUrl::Memory,
            "store.url",
            "everything is forgotten when the process ends, revocations and the audit too",
        ),
        (
            !settings.tells_sources_apart(),
            "listen.behind_proxy",
            "sources cannot be told apart, so none is limited and none is on record, give listen.trusted_proxies",
        ),
        (
            settings.session.binding == BindingPolicy::Code,
            "session.binding",
            "a person can be talked out of a code by somebody who sent him a link",
        ),
        (
            settings.session.absolute > LONG_SESSION,
            "session.absolute_s",
            "a session may live longer than 30 days",
        ),
        (
            !settings.tokens.may_never_expire.is_empty(),
            "tokens.may_never_expire",
            "a token without an end is good until somebody thinks of it",
        ),
        (
            settings.limits.failures_per_source_per_minute > MANY_FAILURES,
            "limits.failures_per_source_per_minute",
            "guessing is hardly slowed",
        ),
        (
            !settings.exempt.are_none(),
            "limits.exempt",
            "whoever is in these networks is not limited",
        ),
    ];
    let in_force = judged.into_iter().filter(|(is_so, ..)| *is_so);
    in_force
        .map(|(_, setting, why)| Weakness { setting, why })
        .collect()
}

#[cfg(test)]
mod tests {
    use countersign_proto::management::GrantedKind;

    use super::*;
    use crate::networks::Networks;

    fn named(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
        let mut settings = Settings::in_memory("http://127.0.0.1:8085".parse().unwrap());
        settings.store = StoreUrl::Sqlite("countersign.db".into());
        change(&mut settings);
        of(&settings).into_iter().map(|it| it.setting).collect()
    }

    #[test]
    fn the_defaults_are_not_weak() {
        assert!(named(|_| {}).is_empty());
    }

    #[test]
    fn each_weak_setting_is_named() {
        let everybody = |text| Networks::parse([text]).unwrap();
        assert_eq!(
            named(|it| it.lab_shared_certificate = true),
            ["lab.shared_certificate"]
        );
        assert_eq!(named(|it| it.store = StoreUrl::Memory), ["store.url"]);
        assert_eq!(named(|it| it.behind_proxy = true), ["listen.behind_proxy"]);
        assert_eq!(
            named(|it| it.session.binding = BindingPolicy::Code),
            ["session.binding"]
        );
        assert_eq!(
            named(|it| it.session.absolute = Duration::from_secs(2_592_001)),
            ["session.absolute_s"]
        );
        assert_eq!(
            named(|it| it.tokens.may_never_expire = vec![GrantedKind::System]),
            ["tokens.may_never_expire"]
        );
        assert_eq!(
            named(|it| it.limits.failures_per_source_per_minute = 601),
            ["limits.failures_per_source_per_minute"]
        );
        assert_eq!(
            named(|it| it.exempt = everybody("10.0.0.0/8")),
            ["limits.exempt"]
        );
        let proxied = named(|it| {
            it.behind_proxy = true;
            it.trusted_proxies.networks = everybody("10.0.0.1");
        });
        assert!(proxied.is_empty(), "{proxied:?}");
    }
}
