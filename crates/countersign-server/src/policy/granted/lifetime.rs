//! When does a granted token end?

use std::time::Duration;

use countersign_proto::{
    management::{GrantedForm, NewToken},
    time::UnixTime,
};

use super::{Facts, GrantRefusal, terms::invalid};

/// 9999-12-31T23:59:59Z: what is later has no date that others read (RFC 3339 §1).
const LAST: UnixTime = UnixTime::from_secs(253_402_300_799);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing: the default, or what is left of it.
    Default,
    For(Duration),
    Until(UnixTime),
    Never,
    /// As long as a predecessor was given, or what is left of that; `None` when it had no end.
    LikeBefore(Option<Duration>),
}

/// What is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Permitted {
    /// `None` when it may have no end.
    longest: Option<Duration>,
    /// Who says so.
    by: String,
}

/// What a grant asks for.
pub(super) fn asked(new: &NewToken) -> Result<Asked, GrantRefusal> {
    match (new.expires_at, new.lifetime_s, new.never_expires) {
        (None, None, false) => Ok(Asked::Default),
        (None, Some(seconds), false) => Ok(Asked::For(Duration::from_secs(seconds))),
        (Some(end), None, false) => Ok(Asked::Until(end)),
        (None, None, true) => Ok(Asked::Never),
        _ => Err(invalid(
            "expiry",
            "give one of expires_at, lifetime_s and never_expires, or none of them".to_owned(),
        )),
    }
}

/// The end of a token of this kind with these roles.
pub(super) fn end(
    facts: &Facts<'_>,
    new: &NewToken,
    roles: &[String],
    asked: Asked,
) -> Result<Option<UnixTime>, GrantRefusal> {
    let permitted = permitted(facts, new, roles);
    let own_end = facts.grantor.ends_at;
    // What was not asked for in numbers is as long as it may be.
    let clamped = |lifetime: Option<Duration>| {
        let lifetime = [lifetime, permitted.longest].into_iter().flatten().min();
        let end = lifetime.map(|lifetime| facts.now.plus(lifetime));
        [end, own_end].into_iter().flatten().min()
    };
    let end = match asked {
        Asked::Default => clamped(Some(facts.rules.lifetime(new.kind).default)),
        Asked::LikeBefore(lifetime) => clamped(lifetime),
        Asked::For(lifetime) => Some(facts.now.plus(lifetime)),
        Asked::Until(end) => Some(end),
        Asked::Never => None,
    };
    if end.is_some_and(|end| end <= facts.now) {
        return Err(invalid(
            "expiry",
            "has to be at least one second ahead".to_owned(),
        ));
    }
    let too_long = match (end, permitted.longest) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(end), Some(longest)) => end > facts.now.plus(longest),
    };
    if let Some(longest) = permitted.longest.filter(|_| too_long) {
        return Err(invalid(
            "expiry",
            format!(
                "{} may live at most {}, until {}",
                permitted.by,
                in_words(longest),
                facts.now.plus(longest)
            ),
        ));
    }
    if end.is_some_and(|end| end > LAST) {
        return Err(invalid(
            "expiry",
            format!("has to be before {LAST}; ask for an earlier end, or for none"),
        ));
    }
    match own_end {
        Some(own) if end.is_none_or(|end| end > own) => Err(GrantRefusal::Escalation(format!(
            "your own token ends at {own}, and grants none that ends later"
        ))),
        _ => Ok(end),
    }
}

/// A limit in the unit that it was most likely set in, and in the seconds that the API asks for.
pub(crate) fn in_words(length: Duration) -> String {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let seconds = length.as_secs();
    let (unit, name) = match seconds {
        it if it >= 2 * DAY && it % DAY == 0 => (DAY, "days"),
        it if it >= 2 * HOUR && it % HOUR == 0 => (HOUR, "hours"),
        _ => return format!("{seconds} seconds"),
    };
    format!("{} {name} ({seconds} seconds)", seconds / unit)
}

/// The shortest of what the kind and each of the roles permit.
fn permitted(facts: &Facts<'_>, new: &NewToken, roles: &[String]) -> Permitted {
    let longest = facts.rules.lifetime(new.kind).max;
    let of_kind = if new.form == GrantedForm::Jwt {
        // RFC 9068 §2.2. And no signature holds for longer than keys are kept, which are kept at
        // least as long as a token of its kind may live.
        Permitted {
            longest: Some(longest),
            by: "a JWT needs an end, and".to_owned(),
        }
    } else {
        let may_never_expire = facts.rules.may_never_expire.contains(&new.kind);
        Permitted {
            longest: (!may_never_expire).then_some(longest),
            by: format!("a token of kind {}", name(new)),
        }
    };
    let of_roles = roles.iter().filter_map(|role| {
        let seconds = facts.registry.role(role)?.token_lifetime_max_s?;
        Some(Permitted {
            longest: Some(Duration::from_secs(seconds)),
            by: format!("a token with the role `{}`", role.escape_debug()),
        })
    });
    of_roles
        .chain([of_kind])
        .min_by_key(|it| it.longest.unwrap_or(Duration::MAX))
        .unwrap_or(Permitted {
            longest: None,
            by: String::new(),
        })
}

fn name(new: &NewToken) -> &'static str {
    use countersign_proto::management::GrantedKind as K;
    match new.kind {
        K::Personal => "personal",
        K::App => "app",
        K::System => "system",
    }
}
