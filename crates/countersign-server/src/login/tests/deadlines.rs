//! What does time alone do to a login?

use super::*;

fn signed_in() -> Login {
    let mut login = both_ways();
    login
        .sign_in("tx".to_owned(), identity("anna"), seen(), START)
        .unwrap();
    login
}

fn approved(binding: Binding) -> Login {
    let mut login = signed_in();
    login
        .approve("tx", release(Binding::Loopback, "v"), START)
        .unwrap();
    if binding == Binding::Code {
        login
            .approve("tx", release(Binding::Code, "v"), START)
            .unwrap();
    }
    login
}

fn bound() -> Login {
    let mut login = approved(Binding::Loopback);
    login.confirm(1, Binding::Loopback, "v", START).unwrap();
    login
}

fn issued() -> Login {
    let mut login = bound();
    login.accept(1, "session".to_owned(), after(60)).unwrap();
    login
}

fn away() -> Login {
    let mut login = both_ways();
    login.leave(1, START);
    login
}

#[test]
fn each_state_has_its_time() {
    type Row = (&'static str, Login, u64, Stage, Stage);
    let table: [Row; 7] = [
        (
            "the whole",
            both_ways(),
            600,
            Stage::Created,
            Stage::Expired,
        ),
        ("review", signed_in(), 120, Stage::SignedIn, Stage::Opened),
        (
            "a value over loopback",
            approved(Binding::Loopback),
            60,
            Stage::Approved,
            Stage::SignedIn,
        ),
        (
            "a code",
            approved(Binding::Code),
            180,
            Stage::Approved,
            Stage::SignedIn,
        ),
        ("to accept", bound(), 60, Stage::Bound, Stage::Expired),
        (
            "to acknowledge",
            issued(),
            60,
            Stage::Issued,
            Stage::Expired,
        ),
        ("to come back", away(), 120, Stage::Created, Stage::Expired),
    ];
    for (name, login, seconds, until, from) in table {
        assert_eq!(login.next_deadline(), Some(after(seconds)), "{name}");
        for (at, expected) in [(seconds - 1, until), (seconds, from)] {
            let mut login = login.clone();
            login.pass(after(at));
            assert_eq!(login.stage(), expected, "{name}, after {at} s");
        }
    }
}

// login.md R4
#[test]
fn a_value_that_nobody_brought_in_time_is_dead() {
    let mut login = approved(Binding::Code);
    login.pass(after(180));
    assert_eq!(told(&login, 4), ["value_expired"]);
    assert_eq!(
        login.confirm(1, Binding::Code, "v", after(180)),
        Err(Unfit::NotExpected)
    );
    assert_eq!(login.view("tx"), Some(View::Review), "it is asked again");
    login
        .approve("tx", release(Binding::Loopback, "w"), after(190))
        .unwrap();
    login
        .confirm(1, Binding::Loopback, "w", after(191))
        .unwrap();
    assert_eq!(login.stage(), Stage::Bound);
}

#[test]
fn whoever_waits_too_long_signs_in_again() {
    let mut login = signed_in();
    login.pass(after(120));
    assert_eq!(login.view("tx"), Some(View::Late));
    let late = login.approve("tx", release(Binding::Loopback, "v"), after(121));
    assert_eq!(late, Err(Unfit::Stranger));
    login
        .sign_in("again".to_owned(), identity("anna"), seen(), after(130))
        .unwrap();
    login
        .approve("again", release(Binding::Loopback, "v"), after(131))
        .unwrap();
}

#[test]
fn a_long_sleep_is_as_good_as_many_looks() {
    let mut once = approved(Binding::Code);
    let mut often = once.clone();
    for second in 0..599 {
        often.pass(after(second));
    }
    once.pass(after(598));
    assert_eq!(once, often);
}

#[test]
fn whoever_comes_back_in_time_has_all_of_it_again() {
    let mut login = away();
    login.pass(after(119));
    assert_eq!(login.resume(1), Ok(2));
    login.pass(after(500));
    assert_eq!(login.stage(), Stage::Created);
}

#[test]
fn the_loss_of_an_old_connection_is_no_loss() {
    let mut login = both_ways();
    login.resume(1).unwrap();
    login.leave(1, START);
    assert_eq!(login.next_deadline(), Some(after(600)));
}

#[test]
fn what_is_over_waits_for_nothing() {
    let mut login = issued();
    login.receive(1).unwrap();
    assert_eq!(login.next_deadline(), None);
    login.pass(after(10_000));
    assert_eq!(login.stage(), Stage::Done);
}
