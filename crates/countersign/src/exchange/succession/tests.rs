//! Does what works stay in use until something newer works?

use super::*;
use crate::scripted::Pair;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn at(seconds: u64) -> Moment {
    Moment {
        now: NOW.plus(Duration::from_secs(seconds)),
        elapsed: Duration::from_secs(seconds),
    }
}

fn made(name: &str) -> Credential {
    Pair::new(name).credential()
}

fn newest(credential: &Credential) -> Current {
    Current::only(credential.clone())
}

/// The subject of what is chosen at this second.
fn chosen(succession: &Succession, current: &Current, second: u64) -> String {
    let chosen = succession.choose(current, at(second));
    chosen.chain().leaf().subject().to_string()
}

/// Refuses `credential` and answers the subject of what is to be tried instead.
fn refused(
    succession: &Succession,
    credential: &Credential,
    current: &Current,
    second: u64,
) -> Option<String> {
    let tried = [thumbprint(credential)];
    match succession.refuse(&tried, credential, current, at(second), u32::MAX) {
        Next::Try(next) => Some(next.chain().leaf().subject().to_string()),
        Next::Nothing => None,
    }
}

#[test]
fn a_new_certificate_is_tried_by_one_caller_while_others_sign_with_what_works() {
    let (old, new) = (made("old"), made("new"));
    let succession = Succession::default();
    succession.believe(&old);
    let current = newest(&new);
    assert_eq!(chosen(&succession, &current, 0), "CN=new");
    assert_eq!(chosen(&succession, &current, 0), "CN=old");
    assert_eq!(chosen(&succession, &current, 9), "CN=old");
    // Nothing was heard of the trial.
    assert_eq!(chosen(&succession, &current, 10), "CN=new");
    succession.believe(&new);
    assert_eq!(chosen(&succession, &current, 10), "CN=new");
}

#[test]
fn a_refused_certificate_is_tried_again_after_pauses_that_double_up_to_five_minutes() {
    let (old, new) = (made("old"), made("new"));
    let succession = Succession::default();
    succession.believe(&old);
    let current = newest(&new);
    let mut second = 0;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let begun = second;
        while chosen(&succession, &current, second) != "CN=new" {
            second += 1;
        }
        pauses.push(second - begun);
        assert_eq!(
            refused(&succession, &new, &current, second).as_deref(),
            Some("CN=old")
        );
    }
    assert_eq!(pauses, [0, 5, 10, 20, 40, 80, 160, 300, 300]);
}

#[test]
fn what_works_no_more_brings_back_at_once_what_was_set_aside() {
    let (old, new) = (made("old"), made("new"));
    let succession = Succession::default();
    succession.believe(&old);
    let current = newest(&new);
    succession.choose(&current, at(0));
    refused(&succession, &new, &current, 0);
    assert_eq!(chosen(&succession, &current, 1), "CN=old");
    assert_eq!(
        refused(&succession, &old, &current, 1).as_deref(),
        Some("CN=new")
    );
}

#[test]
fn when_all_are_refused_each_call_asks_once_and_they_take_turns() {
    let (old, new) = (made("old"), made("new"));
    let succession = Succession::default();
    succession.believe(&old);
    let current = newest(&new);
    let mut turns = Vec::new();
    let mut requests = 0;
    for second in 0..60 {
        let mut tried = Vec::new();
        let mut credential = succession.choose(&current, at(second));
        loop {
            requests += 1;
            turns.push(credential.chain().leaf().subject().to_string());
            tried.push(thumbprint(&credential));
            match succession.refuse(&tried, &credential, &current, at(second), u32::MAX) {
                Next::Try(next) => credential = next,
                Next::Nothing => break,
            }
        }
    }
    assert!(requests < 60 + 6, "{requests} requests of 60 calls");
    for name in ["CN=old", "CN=new"] {
        let times = turns.iter().filter(|turn| *turn == name).count();
        assert!(times > 10, "{name} was tried {times} times");
    }
}

#[test]
fn the_one_before_stands_in_for_a_newest_that_never_worked() {
    let (old, new) = (made("service"), made("service"));
    let current = Current {
        predecessor: Some(old.clone()),
        ..newest(&new)
    };
    let succession = Succession::default();
    let first = succession.choose(&current, at(0));
    assert_eq!(thumbprint(&first), thumbprint(&new));
    let tried = [thumbprint(&new)];
    let next = succession.refuse(&tried, &new, &current, at(0), 0);
    let Next::Try(next) = next else {
        panic!("{next:?}");
    };
    assert_eq!(thumbprint(&next), thumbprint(&old));
}

#[test]
fn what_worked_is_not_gone_back_to_after_its_end() {
    let old = Pair::valid("old", (2020, 2027)).credential();
    let new = made("new");
    let succession = Succession::default();
    succession.believe(&old);
    // It was valid when the files were looked at.
    let current = Current {
        predecessor: Some(old.clone()),
        ..newest(&new)
    };
    assert_eq!(chosen(&succession, &current, 0), "CN=new");
    assert_eq!(refused(&succession, &new, &current, 0), None);
    assert_eq!(chosen(&succession, &current, 0), "CN=new");
    assert!(succession.last_good(NOW).is_none());
}

#[test]
fn a_clock_that_was_set_back_sets_nothing_aside_for_longer_than_a_pause() {
    let (old, new) = (made("old"), made("new"));
    let succession = Succession::default();
    succession.believe(&old);
    let current = newest(&new);
    succession.choose(&current, at(10_000));
    refused(&succession, &new, &current, 10_000);
    assert_eq!(chosen(&succession, &current, 10_000), "CN=old");
    assert_eq!(chosen(&succession, &current, 0), "CN=new");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_nobody_registered_is_asked_about_seldom_and_spoken_of_once() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use crate::{
        Client, CredentialSource,
        credential::logged::Log,
        scripted::{APP, Answer, ISSUER, Scripted, TestClock, granted, refused},
    };

    let log = Log::begin();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.pem");
    let (old, new) = (Pair::new("old"), Pair::new("new"));
    old.write(&file);
    let old_kid = old.chain().leaf().sha1().to_hex();
    let registered = Arc::new(AtomicBool::new(false));
    let refusals = Arc::new(AtomicUsize::new(0));
    let server = Scripted::new({
        let (registered, refusals) = (registered.clone(), refusals.clone());
        move |number, asked| {
            let by_old = asked.assertion().header["kid"] == old_kid.as_str();
            match by_old || registered.load(Ordering::SeqCst) {
                true => Answer::Is(granted(&format!("token-{number}"))),
                false => {
                    refusals.fetch_add(1, Ordering::SeqCst);
                    Answer::Is(refused(401, "invalid_client"))
                }
            }
        }
    });
    let client = Client::builder(ISSUER, APP, CredentialSource::files(&file, None, None))
        .transport(server)
        .clock(TestClock::new())
        .build()
        .unwrap();
    client.token().await.unwrap();
    new.write(&file);
    for _ in 0..3_600 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let token = client.token().await.unwrap();
        assert_eq!(token.issue_cert_subject, "CN=old");
    }
    // 5 and 10 seconds and so on to 160, half of each at least, and then every five minutes, or half.
    let refused = refusals.load(Ordering::SeqCst);
    assert!((12..=32).contains(&refused), "{refused} in an hour");
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("was refused; another one is there"),
        "{lines:?}"
    );

    registered.store(true, Ordering::SeqCst);
    tokio::time::advance(Duration::from_secs(300)).await;
    // Whoever takes what is cached renews it with the new one.
    let token = client.token().await.unwrap();
    assert_eq!(token.issue_cert_subject, "CN=new");
}
