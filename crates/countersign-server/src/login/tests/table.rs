//! What may happen in which state?

use super::*;

/// A login in each state, with one transaction `tx` of anna where there is one, and the value
/// `v` where there is one. What may be is on offer.
fn in_state(stage: Stage) -> Login {
    let mut login = both_ways();
    if stage == Stage::Created {
        return login;
    }
    login.open(seen()).unwrap();
    match stage {
        Stage::Denied => login.deny().unwrap(),
        Stage::Reported => assert_eq!(login.report(), Ok(None)),
        Stage::Cancelled => assert_eq!(login.cancel(1), Ok(None)),
        Stage::Expired => login.pass(after(600)),
        Stage::Failed => login.refuse(Failure::UnknownPrincipal).unwrap(),
        _ => {}
    }
    if stage == Stage::Opened || login.is_over() {
        return login;
    }
    login
        .sign_in("tx".to_owned(), identity("anna"), seen(), START)
        .unwrap();
    if stage == Stage::SignedIn {
        return login;
    }
    login
        .approve("tx", release(Binding::Loopback, "v"), START)
        .unwrap();
    if stage == Stage::Approved {
        return login;
    }
    login.confirm(1, Binding::Loopback, "v", START).unwrap();
    if stage == Stage::Bound {
        return login;
    }
    login.accept(1, "session".to_owned(), after(60)).unwrap();
    if stage == Stage::Issued {
        return login;
    }
    assert_eq!(login.receive(1), Ok("session".to_owned()));
    login
}

const STAGES: [Stage; 12] = [
    Stage::Created,
    Stage::Opened,
    Stage::SignedIn,
    Stage::Approved,
    Stage::Bound,
    Stage::Issued,
    Stage::Done,
    Stage::Denied,
    Stage::Reported,
    Stage::Cancelled,
    Stage::Expired,
    Stage::Failed,
];

type Step = fn(&mut Login) -> Result<(), Unfit>;

#[test]
fn each_thing_happens_in_its_states_and_in_no_other() {
    use Stage as S;
    use Unfit as U;
    // For each: what becomes of it in CREATED, OPENED, SIGNED_IN, APPROVED, BOUND, ISSUED, and in
    // what state it is then.
    type Row = (&'static str, Step, [Result<S, Unfit>; 6]);
    let table: [Row; 11] = [
        (
            "open",
            |it| it.open(seen()),
            [
                Ok(S::Opened),
                Ok(S::Opened),
                Ok(S::SignedIn),
                Ok(S::Approved),
                Err(U::NotExpected),
                Err(U::NotExpected),
            ],
        ),
        (
            "sign in",
            |it| it.sign_in("other".to_owned(), identity("bert"), seen(), START),
            [
                Ok(S::SignedIn),
                Ok(S::SignedIn),
                Ok(S::SignedIn),
                Ok(S::Approved),
                Err(U::NotExpected),
                Err(U::NotExpected),
            ],
        ),
        (
            "approve",
            |it| it.approve("tx", release(Binding::Loopback, "w"), START),
            [
                Err(U::Stranger),
                Err(U::Stranger),
                Ok(S::Approved),
                Ok(S::Approved),
                Err(U::NotExpected),
                Err(U::NotExpected),
            ],
        ),
        (
            "show a code",
            |it| it.approve("tx", release(Binding::Code, "w"), START),
            [
                Err(U::Stranger),
                Err(U::Stranger),
                Err(U::NotExpected),
                Ok(S::Approved),
                Err(U::NotExpected),
                Err(U::NotExpected),
            ],
        ),
        (
            "confirm",
            |it| it.confirm(1, Binding::Loopback, "v", START),
            [
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Ok(S::Bound),
                Err(U::NotExpected),
                Err(U::NotExpected),
            ],
        ),
        (
            "accept",
            |it| it.accept(1, "another session".to_owned(), after(60)),
            [
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Ok(S::Issued),
                Err(U::NotExpected),
            ],
        ),
        (
            "reject",
            |it| it.reject(1),
            [
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Ok(S::Failed),
                Err(U::NotExpected),
            ],
        ),
        (
            "received",
            |it| it.receive(1).map(|_| ()),
            [
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Err(U::NotExpected),
                Ok(S::Done),
            ],
        ),
        (
            "cancel",
            |it| it.cancel(1).map(|_| ()),
            [Ok(S::Cancelled); 6],
        ),
        ("report", |it| it.report().map(|_| ()), [Ok(S::Reported); 6]),
        (
            "deny",
            Login::deny,
            [
                Ok(S::Denied),
                Ok(S::Denied),
                Ok(S::Denied),
                Ok(S::Denied),
                Err(U::NotExpected),
                Err(U::NotExpected),
            ],
        ),
    ];
    for (name, step, expected) in table {
        for (stage, expected) in STAGES.into_iter().zip(expected) {
            let mut login = in_state(stage);
            assert_eq!(login.stage(), stage);
            let before = login.clone();
            let result = step(&mut login);
            assert_eq!(
                result.map(|()| login.stage()),
                expected,
                "{name} in {stage:?}"
            );
            if expected.is_err() {
                assert_eq!(login, before, "{name} in {stage:?} changes nothing");
            }
        }
        for stage in &STAGES[6..] {
            let mut login = in_state(*stage);
            let before = login.clone();
            assert_eq!(step(&mut login), Err(U::Over), "{name} in {stage:?}");
            assert_eq!(login, before, "nothing happens after the end");
        }
    }
}

#[test]
fn the_terminal_is_told_everything_in_order() {
    assert_eq!(
        told(&in_state(Stage::Done), 0),
        [
            "session",
            "opened",
            "signed_in",
            "need_confirm",
            "confirmed",
            "identity",
            "token",
            "bye"
        ]
    );
    let login = in_state(Stage::Done);
    let numbers: Vec<u64> = login.events_after(5).map(|event| event.seq).collect();
    assert_eq!(numbers, [6, 7, 8]);
    assert_eq!(login.last_seq(), 8);
}

// login.md R1
#[test]
fn the_principal_is_that_of_the_browser_that_made_the_value() {
    for (first, second, brought, expected) in [
        ("anna", "bert", "v of anna", "anna"),
        ("anna", "bert", "v of bert", "bert"),
        ("bert", "anna", "v of anna", "anna"),
    ] {
        let mut login = same_device();
        for name in [first, second] {
            login
                .sign_in(format!("tx of {name}"), identity(name), seen(), START)
                .unwrap();
        }
        for name in [first, second] {
            let value = release(Binding::Loopback, &format!("v of {name}"));
            login
                .approve(&format!("tx of {name}"), value, START)
                .unwrap();
        }
        login.confirm(1, Binding::Loopback, brought, START).unwrap();
        let accepted = login.acceptable(1).unwrap();
        assert_eq!(accepted.identity.principal, expected);
        let other = if expected == first { second } else { first };
        assert_eq!(login.view(&format!("tx of {other}")), Some(View::Elsewhere));
        assert_eq!(
            login.view(&format!("tx of {expected}")),
            Some(View::Confirmed)
        );
    }
}

// login.md R3
#[test]
fn only_the_newest_connection_counts() {
    let mut login = in_state(Stage::Approved);
    assert_eq!(login.resume(2), Ok(2));
    let refused = Err(Unfit::Superseded);
    assert_eq!(login.confirm(1, Binding::Loopback, "v", START), refused);
    login.confirm(2, Binding::Loopback, "v", START).unwrap();
    assert_eq!(login.accept(1, "session".to_owned(), after(60)), refused);
    assert_eq!(login.reject(1), refused);
    assert_eq!(login.cancel(1), Err(Unfit::Superseded));
    login.accept(2, "session".to_owned(), after(60)).unwrap();
    assert_eq!(login.receive(1), Err(Unfit::Superseded));
    assert_eq!(login.receive(2), Ok("session".to_owned()));
}

#[test]
fn whoever_resumes_has_been_told_something_and_not_more_than_there_was() {
    let mut login = in_state(Stage::Approved);
    for seq in [0, 5, u64::MAX] {
        assert_eq!(login.resume(seq), Err(Unfit::NotExpected), "{seq}");
    }
    assert_eq!(login.resume(4), Ok(2));
    assert_eq!(login.epoch(), 2);
}

// login.md R4
#[test]
fn there_is_no_value_before_it_was_allowed() {
    for stage in [Stage::Created, Stage::Opened, Stage::SignedIn] {
        let login = in_state(stage);
        let release = login.transaction("tx").and_then(Transaction::release);
        assert_eq!(release, None, "{stage:?}");
    }
    let login = in_state(Stage::Approved);
    assert!(login.transaction("tx").unwrap().release().is_some());
}

// login.md R4
#[test]
fn a_value_is_dead_when_another_took_its_place_and_when_it_was_used() {
    let mut login = in_state(Stage::Approved);
    login
        .approve("tx", release(Binding::Code, "code"), START)
        .unwrap();
    login.confirm(1, Binding::Loopback, "v", START).unwrap();
    assert_eq!(login.stage(), Stage::Approved, "v is dead");
    login.confirm(1, Binding::Code, "code", START).unwrap();
    assert_eq!(login.stage(), Stage::Bound);
    assert_eq!(login.transaction("tx").unwrap().release(), None);
}

// login.md R4
#[test]
fn a_value_counts_only_by_the_way_that_it_was_made_for() {
    let mut login = in_state(Stage::Approved);
    login.confirm(1, Binding::Code, "v", START).unwrap();
    assert_eq!(login.stage(), Stage::Approved);
    assert_eq!(told(&login, 4), ["not_confirmed"]);
}

// login.md R6
#[test]
fn on_the_same_device_no_code_is_ever_made() {
    let mut login = same_device();
    login
        .sign_in("tx".to_owned(), identity("anna"), seen(), START)
        .unwrap();
    let code = || release(Binding::Code, "code");
    assert_eq!(login.approve("tx", code(), START), Err(Unfit::NotOffered));
    login
        .approve("tx", release(Binding::Loopback, "v"), START)
        .unwrap();
    assert_eq!(login.approve("tx", code(), START), Err(Unfit::NotOffered));
    login.confirm(1, Binding::Code, "code", START).unwrap();
    assert_eq!(login.stage(), Stage::Approved);
}

// security.md 98
#[test]
fn wrong_values_end_it_at_the_third() {
    let mut login = in_state(Stage::Approved);
    for left in [2, 1, 0] {
        login.confirm(1, Binding::Code, "wrong", START).unwrap();
        assert_eq!(login.tries_left, left);
    }
    assert_eq!(login.stage(), Stage::Failed);
    assert_eq!(
        told(&login, 4),
        [
            "not_confirmed",
            "not_confirmed",
            "not_confirmed",
            "too_many_tries"
        ]
    );
    let fourth = login.confirm(1, Binding::Loopback, "v", START);
    assert_eq!(fourth, Err(Unfit::Over));
}

// security.md 98
#[test]
fn a_new_value_brings_no_new_tries() {
    let mut login = in_state(Stage::Approved);
    for number in 0..3 {
        let value = release(Binding::Loopback, &format!("v{number}"));
        login.approve("tx", value, START).unwrap();
        login.confirm(1, Binding::Loopback, "wrong", START).unwrap();
    }
    assert_eq!(login.stage(), Stage::Failed);
}

#[test]
fn what_ends_with_a_session_ends_the_session() {
    assert_eq!(
        in_state(Stage::Issued).cancel(1),
        Ok(Some("session".to_owned()))
    );
    assert_eq!(
        in_state(Stage::Issued).report(),
        Ok(Some("session".to_owned()))
    );
}

#[test]
fn a_login_does_not_grow_without_end() {
    let mut login = same_device();
    let mut sign_in =
        |number: u32| login.sign_in(format!("tx{number}"), identity("anna"), seen(), START);
    for number in 0..SIGN_INS {
        sign_in(number).unwrap();
    }
    assert_eq!(sign_in(SIGN_INS), Err(Unfit::TooMany));
    let mut approve = |number: u32| {
        let value = release(Binding::Loopback, &format!("v{number}"));
        login.approve("tx0", value, START)
    };
    for number in 0..APPROVALS {
        approve(number).unwrap();
    }
    assert_eq!(approve(APPROVALS), Err(Unfit::TooMany));
}

#[test]
fn a_login_is_the_same_after_it_was_kept() {
    for stage in STAGES {
        let login = in_state(stage);
        let kept = serde_json::to_string(&login).unwrap();
        assert_eq!(serde_json::from_str::<Login>(&kept).unwrap(), login);
    }
}
