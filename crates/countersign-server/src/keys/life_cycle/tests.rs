//! Is each step of a key's life due exactly when it is?

use std::time::Duration;

use countersign_proto::{
    key::Algorithm,
    management::SigningKeyState::{self, Active, Announced, Retired, Retiring},
    time::UnixTime,
};

use super::{Older, Plan, Wanted, due, emergency, retirement};
use crate::{config::SigningRules, store::StoredKey};

const DAY: u64 = 86_400;

fn rules() -> SigningRules {
    SigningRules {
        algorithm: Algorithm::ES256,
        rotate_every: Duration::from_secs(90 * DAY),
        announce: Duration::from_secs(DAY),
        retire_after: Duration::from_secs(365 * DAY),
        secret_file: None,
    }
}

fn at(days: u64) -> UnixTime {
    UnixTime::from_secs(days * DAY)
}

fn key(kid: &str, state: SigningKeyState, active_at: UnixTime) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        created_at: active_at,
        key_version: 1,
        sealed: vec![1],
        state,
        active_at,
        stopped_at: None,
        retires_at: None,
    }
}

/// What the plan does: each step with its key, and what is made.
fn steps(plan: &Plan) -> (Vec<String>, Option<Wanted>) {
    let step = |(key, action): &(StoredKey, &str)| format!("{action} {}", key.kid);
    (plan.changed.iter().map(step).collect(), plan.wanted)
}

#[test]
fn the_first_key_of_an_empty_platform_signs_at_once() {
    let plan = due(&[], &rules(), at(5));
    assert_eq!(steps(&plan), (vec![], Some(Wanted::Active)));
}

#[test]
fn a_key_is_announced_so_early_that_it_signs_when_its_turn_comes() {
    let keys = [key("a", Active, at(100))];
    let early = UnixTime::from_secs(189 * DAY - 1);
    assert!(due(&keys, &rules(), early).is_empty());
    let plan = due(&keys, &rules(), at(189));
    assert_eq!(steps(&plan), (vec![], Some(Wanted::Announced(at(190)))));
}

#[test]
fn an_announced_key_signs_from_its_time_on_and_the_older_one_verifies_for_as_long_as_is_set() {
    let keys = [key("a", Active, at(100)), key("b", Announced, at(190))];
    let early = UnixTime::from_secs(190 * DAY - 1);
    assert!(due(&keys, &rules(), early).is_empty());
    let plan = due(&keys, &rules(), at(191));
    let expected = vec!["key.stop a".to_owned(), "key.activate b".to_owned()];
    assert_eq!(steps(&plan), (expected, None));
    let [(old, _), (new, _)] = plan.changed.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!((new.state, new.active_at), (Active, at(191)));
    assert_eq!((old.state, old.stopped_at), (Retiring, Some(at(191))));
    assert_eq!(old.retires_at, Some(at(191 + 365)));
    assert!(!old.sealed.is_empty());
}

#[test]
fn a_key_is_retired_at_its_time_and_its_private_part_is_gone() {
    let old = StoredKey {
        stopped_at: Some(at(190)),
        retires_at: Some(at(555)),
        ..key("a", Retiring, at(100))
    };
    let keys = [old, key("b", Active, at(500))];
    let early = UnixTime::from_secs(555 * DAY - 1);
    assert!(due(&keys, &rules(), early).is_empty());
    let plan = due(&keys, &rules(), at(555));
    assert_eq!(steps(&plan), (vec!["key.retire a".to_owned()], None));
    let (retired, _) = &plan.changed[0];
    assert_eq!(
        (retired.state, retired.stopped_at),
        (Retired, Some(at(190)))
    );
    assert!(retired.sealed.is_empty());
    assert!(
        due(
            &[retired.clone(), key("b", Active, at(500))],
            &rules(),
            at(556)
        )
        .is_empty()
    );
}

// Stores of older versions know active keys alone.
#[test]
fn of_several_active_keys_the_last_signs_and_the_others_stop() {
    let keys = [key("a", Active, at(100)), key("b", Active, at(120))];
    let plan = due(&keys, &rules(), at(130));
    assert_eq!(steps(&plan), (vec!["key.stop a".to_owned()], None));
}

#[test]
fn a_key_of_another_algorithm_is_followed_by_one_that_is_announced_first() {
    let other = StoredKey {
        algorithm: "RS256".to_owned(),
        ..key("a", Active, at(100))
    };
    let plan = due(&[other], &rules(), at(101));
    assert_eq!(steps(&plan), (vec![], Some(Wanted::Announced(at(102)))));
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_due() {
    let keys = [key("a", Active, at(100)), key("b", Announced, at(190))];
    assert!(due(&keys, &rules(), at(3)).is_empty());
}

#[test]
fn in_an_emergency_a_new_key_signs_and_one_that_was_announced_never_does() {
    let keys = [
        key("r", Retired, at(1)),
        key("o", Retiring, at(50)),
        key("a", Active, at(100)),
        key("b", Announced, at(190)),
    ];
    let plan = emergency(&keys, Older::Verify, &rules(), at(150));
    let expected = vec!["key.stop a".to_owned(), "key.retire b".to_owned()];
    assert_eq!(steps(&plan), (expected, Some(Wanted::Active)));
    let plan = emergency(&keys, Older::Retire, &rules(), at(150));
    let expected = ["o", "a", "b"].map(|kid| format!("key.retire {kid}"));
    assert_eq!(steps(&plan), (expected.to_vec(), Some(Wanted::Active)));
    assert!(plan.changed.iter().all(|(key, _)| key.sealed.is_empty()));
    let by_hand = retirement(&keys[1], at(150));
    assert_eq!(steps(&by_hand), (vec!["key.retire o".to_owned()], None));
}
