//! When does a token end, and which end is refused?

use std::time::Duration;

use super::*;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + seconds)
}

fn living(seconds: u64) -> NewToken {
    NewToken {
        lifetime_s: Some(seconds),
        ..new(GrantedKind::App)
    }
}

fn until(end: UnixTime) -> NewToken {
    NewToken {
        expires_at: Some(end),
        ..new(GrantedKind::App)
    }
}

fn endless(kind: GrantedKind) -> NewToken {
    NewToken {
        never_expires: true,
        ..new(kind)
    }
}

fn end_by(by: &By, rules: &TokenRules, new: &NewToken) -> Result<Option<UnixTime>, GrantRefusal> {
    with_facts(by, rules, |facts| grant(facts, new)).map(|terms| terms.expires_at)
}

fn end(new: &NewToken) -> Result<Option<UnixTime>, GrantRefusal> {
    end_by(&by("anna"), &TokenRules::default(), new)
}

const YEAR: u64 = 365 * DAY;

#[test]
fn an_end_is_inside_the_limit_or_refused_with_the_limit() {
    assert_eq!(end(&new(GrantedKind::App)), Ok(Some(at(90 * DAY))));
    assert_eq!(end(&living(1)), Ok(Some(at(1))));
    assert_eq!(end(&living(YEAR)), Ok(Some(at(YEAR))));
    assert_eq!(end(&until(at(1))), Ok(Some(at(1))));
    assert_eq!(end(&until(at(YEAR))), Ok(Some(at(YEAR))));
    is_invalid(end(&living(0)), "expiry", "one second ahead");
    is_invalid(end(&until(NOW)), "expiry", "one second ahead");
    is_invalid(
        end(&until(UnixTime::from_secs(0))),
        "expiry",
        "one second ahead",
    );
    let limit = format!("at most 365 days (31536000 seconds), until {}", at(YEAR));
    is_invalid(end(&living(YEAR + 1)), "expiry", &limit);
    is_invalid(end(&until(at(YEAR + 1))), "expiry", &limit);
    is_invalid(end(&living(u64::MAX)), "expiry", &limit);
    is_invalid(end(&endless(GrantedKind::App)), "expiry", &limit);
}

#[test]
fn at_most_one_end_is_asked_for() {
    let two = [
        NewToken {
            lifetime_s: Some(60),
            ..until(at(60))
        },
        NewToken {
            never_expires: true,
            ..until(at(60))
        },
        NewToken {
            never_expires: true,
            ..living(60)
        },
    ];
    for new in two {
        is_invalid(end(&new), "expiry", "give one of");
    }
}

#[test]
fn each_kind_has_its_own_default_and_limit() {
    let mut rules = TokenRules::default();
    rules.app.default = Duration::from_secs(60);
    rules.app.max = Duration::from_secs(120);
    let anna = by("anna");
    assert_eq!(
        end_by(&anna, &rules, &new(GrantedKind::App)),
        Ok(Some(at(60)))
    );
    assert_eq!(end_by(&anna, &rules, &living(120)), Ok(Some(at(120))));
    is_invalid(
        end_by(&anna, &rules, &living(121)),
        "expiry",
        "at most 120 seconds",
    );
    let personal = NewToken {
        kind: GrantedKind::Personal,
        ..living(121)
    };
    assert_eq!(end_by(&anna, &rules, &personal), Ok(Some(at(121))));
}

#[test]
fn a_limit_is_told_in_the_largest_unit_that_says_it_exactly() {
    for (seconds, words) in [
        (1, "1 seconds"),
        (3600, "3600 seconds"),
        (7199, "7199 seconds"),
        (7200, "2 hours (7200 seconds)"),
        (86_400, "24 hours (86400 seconds)"),
        (90_000, "25 hours (90000 seconds)"),
        (2 * DAY, "2 days (172800 seconds)"),
        (2 * DAY + 1, "172801 seconds"),
    ] {
        assert_eq!(in_words(Duration::from_secs(seconds)), words);
    }
}

#[test]
fn a_token_without_an_end_and_one_of_twenty_years_work_where_they_are_permitted() {
    let mut rules = TokenRules::default();
    rules.app.max = Duration::from_secs(20 * YEAR);
    let anna = by("anna");
    assert_eq!(
        end_by(&anna, &rules, &living(20 * YEAR)),
        Ok(Some(at(20 * YEAR)))
    );
    is_invalid(
        end_by(&anna, &rules, &living(20 * YEAR + 1)),
        "expiry",
        "at most",
    );
    rules.may_never_expire = vec![GrantedKind::Personal];
    assert_eq!(
        end_by(&anna, &rules, &endless(GrantedKind::Personal)),
        Ok(None)
    );
    is_invalid(
        end_by(&anna, &rules, &endless(GrantedKind::App)),
        "expiry",
        "kind app",
    );
    // Any end is sooner than none; who does not ask gets the default.
    let long = NewToken {
        kind: GrantedKind::Personal,
        ..living(100 * YEAR)
    };
    assert_eq!(end_by(&anna, &rules, &long), Ok(Some(at(100 * YEAR))));
    let default = end_by(&anna, &rules, &new(GrantedKind::Personal));
    assert_eq!(default, Ok(Some(at(90 * DAY))));
    let jwt = NewToken {
        form: GrantedForm::Jwt,
        ..endless(GrantedKind::App)
    };
    rules.may_never_expire = vec![GrantedKind::App];
    is_invalid(end_by(&anna, &rules, &jwt), "expiry", "a JWT needs an end");
    let longest = rules.app.max.as_secs();
    let lives = |seconds| NewToken {
        never_expires: false,
        lifetime_s: Some(seconds),
        ..jwt.clone()
    };
    assert!(end_by(&anna, &rules, &lives(longest)).is_ok());
    // Its key would be gone before it.
    let refused = end_by(&anna, &rules, &lives(longest + 1));
    is_invalid(
        refused,
        "expiry",
        "a JWT needs an end, and may live at most",
    );
}

/// The key that signed it is kept for the longest life of its kind, and no longer.
#[test]
fn a_jwt_has_a_limit_though_its_kind_may_have_no_end() {
    let rules = TokenRules {
        may_never_expire: vec![GrantedKind::App],
        ..TokenRules::default()
    };
    let anna = by("anna");
    let jwt = |seconds| NewToken {
        form: GrantedForm::Jwt,
        ..living(seconds)
    };
    assert_eq!(end_by(&anna, &rules, &jwt(YEAR)), Ok(Some(at(YEAR))));
    let longer = end_by(&anna, &rules, &jwt(YEAR + 1));
    is_invalid(longer, "expiry", "at most 365 days");
    let opaque = end_by(&anna, &rules, &living(YEAR + 1));
    assert_eq!(opaque, Ok(Some(at(YEAR + 1))));
}

#[test]
fn an_end_that_no_date_can_say_is_refused() {
    let rules = TokenRules {
        may_never_expire: vec![GrantedKind::App],
        ..TokenRules::default()
    };
    // 9999-12-31T23:59:59Z, the last that RFC 3339 writes.
    let last = UnixTime::from_secs(253_402_300_799);
    let anna = by("anna");
    assert_eq!(end_by(&anna, &rules, &until(last)), Ok(Some(last)));
    let left = last.since(NOW).as_secs();
    for seconds in [left + 1, u64::MAX] {
        is_invalid(end_by(&anna, &rules, &living(seconds)), "expiry", "9999");
    }
}

#[test]
fn the_shortest_limit_of_the_roles_counts_whichever_it_is() {
    let fritz = by("fritz");
    let mut rules = TokenRules::default();
    assert_eq!(
        end_by(&fritz, &rules, &new(GrantedKind::App)),
        Ok(Some(at(3600)))
    );
    assert_eq!(end_by(&fritz, &rules, &living(3600)), Ok(Some(at(3600))));
    is_invalid(
        end_by(&fritz, &rules, &living(3601)),
        "expiry",
        "role `Brief` may live at most 3600",
    );
    let named = NewToken {
        roles: list(&["Reader", "Brief"]),
        ..living(3601)
    };
    is_invalid(end_by(&fritz, &rules, &named), "expiry", "at most 3600");
    let without = NewToken {
        roles: list(&["Reader"]),
        ..living(3601)
    };
    assert_eq!(end_by(&fritz, &rules, &without), Ok(Some(at(3601))));
    rules.may_never_expire = vec![GrantedKind::App];
    is_invalid(
        end_by(&fritz, &rules, &endless(GrantedKind::App)),
        "expiry",
        "`Brief`",
    );
}

#[test]
fn a_granted_token_grants_none_that_ends_later_than_itself() {
    let rules = TokenRules::default();
    let anna = By {
        ends_at: Some(at(1000)),
        ..by("anna")
    };
    assert_eq!(end_by(&anna, &rules, &living(1000)), Ok(Some(at(1000))));
    is_escalation(end_by(&anna, &rules, &living(1001)), "your own token ends");
    is_escalation(
        end_by(&anna, &rules, &until(at(1001))),
        "your own token ends",
    );
    assert_eq!(
        end_by(&anna, &rules, &new(GrantedKind::App)),
        Ok(Some(at(1000)))
    );
    let endless_rules = TokenRules {
        may_never_expire: vec![GrantedKind::App],
        ..TokenRules::default()
    };
    let never = end_by(&anna, &endless_rules, &endless(GrantedKind::App));
    is_escalation(never, "your own token ends");
}
