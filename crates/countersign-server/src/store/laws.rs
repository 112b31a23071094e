//! Does a store keep what `Store` promises?
//!
//! Each law is a function on `Arc<dyn Store>`; [`laws_of`] makes a test of each for one store. The
//! numbers are those of the promises in the documentation of `Store`.

use std::{future::Future, sync::Arc, time::Duration};

use countersign_proto::{
    assertion::Purpose,
    management::{Application, Principal, Role},
    time::UnixTime,
};

use super::{
    DENIED_KEPT_AFTER_END, JtiRecord, NewAuditEntry, Outcome, Recorded, Store, StoreError,
    StoredKey,
};
use crate::registry::{Change, RegistryError};

/// A test of every law for the store that `$open` opens, empty. `$open` answers the store and
/// something that is kept until the end, such as the folder that it is in.
macro_rules! laws_of {
    ($open:path) => {
        $crate::store::laws::laws_of! { $open =>
            law_2_a_read_sees_every_write_that_was_acknowledged,
            law_3_of_a_thousand_equal_records_one_is_fresh,
            law_3_a_jti_is_fresh_once_for_each_client_and_purpose,
            law_3_a_jti_is_replayed_whatever_its_end,
            law_3_a_jti_is_remembered_until_its_end_and_forgotten_in_batches,
            law_3_what_was_forgotten_stays_refused_when_the_clock_is_set_back,
            law_3_replays_among_new_records_do_not_spoil_them,
            law_4_a_change_comes_with_its_audit_row,
            law_4_a_change_that_does_not_fit_changes_nothing,
            law_4_of_several_changes_all_are_made_or_none,
            law_4_changes_that_race_are_each_made_or_refused,
            law_5_a_dropped_future_leaves_everything_or_nothing,
            the_audit_is_read_in_pages_newest_first,
            a_denied_token_stays_denied_to_its_end_and_a_day,
            a_key_is_added_once_and_read_oldest_first,
            a_closed_store_says_so,
        }
    };
    ($open:path => $($law:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                let (store, _kept) = $open().await;
                $crate::store::laws::$law(store).await;
            }
        )*
    };
}
pub(super) use laws_of;

/// For a store that outlives its process: `reopen` closes nothing itself, it opens what is there.
pub(super) async fn law_1_what_was_acknowledged_is_there_again<F>(
    store: Arc<dyn Store>,
    reopen: impl FnOnce() -> F,
) where
    F: Future<Output = Arc<dyn Store>>,
{
    let registry = store
        .change(role("auditors"), audit("role.create"))
        .await
        .unwrap();
    assert_eq!(
        store.record_jti(jti("a", 100)).await.unwrap(),
        Recorded::Fresh
    );
    store
        .deny_token(
            "t1".to_owned(),
            UnixTime::from_secs(100),
            audit("token.revoke"),
        )
        .await
        .unwrap();
    store.add_issuer_key(key("k1", 5)).await.unwrap();
    store.record_jti(jti("old", 10)).await.unwrap();
    assert_eq!(store.cleanup(UnixTime::from_secs(11), 10).await.unwrap(), 1);
    store.close().await.unwrap();
    drop(store);

    let store = reopen().await;
    let again = store.registry().await.unwrap();
    assert_eq!(again.version(), registry.version());
    assert_eq!(again.role("auditors"), registry.role("auditors"));
    assert_eq!(
        store.record_jti(jti("a", 100)).await.unwrap(),
        Recorded::Replayed
    );
    assert_eq!(
        store.record_jti(jti("old", 10)).await.unwrap(),
        Recorded::Replayed
    );
    assert!(store.is_token_denied("t1").await.unwrap());
    assert_eq!(store.issuer_keys().await.unwrap(), [key("k1", 5)]);
    let actions = actions(&store).await;
    assert_eq!(actions, ["token.revoke", "role.create"]);
}

pub(super) async fn law_2_a_read_sees_every_write_that_was_acknowledged(store: Arc<dyn Store>) {
    for number in 1..=20_u64 {
        let name = format!("role {number}");
        store
            .change(role(&name), audit("role.create"))
            .await
            .unwrap();
        assert_eq!(store.registry_version().await.unwrap(), number);
        assert!(store.registry().await.unwrap().role(&name).is_some());
        store
            .deny_token(name.clone(), UnixTime::from_secs(9), audit("token.revoke"))
            .await
            .unwrap();
        assert!(store.is_token_denied(&name).await.unwrap());
        let newest = store.audit(None, 1).await.unwrap();
        assert_eq!(newest.items[0].action, "token.revoke");
        assert_eq!(newest.items[0].sequence, 2 * number);
    }
    store.ping().await.unwrap();
}

// security.md 36, B2
pub(super) async fn law_3_of_a_thousand_equal_records_one_is_fresh(store: Arc<dyn Store>) {
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record_jti(jti("same", 100)).await.unwrap() })
        })
        .collect();
    let mut fresh = 0;
    for caller in callers {
        fresh += u32::from(caller.await.unwrap() == Recorded::Fresh);
    }
    assert_eq!(fresh, 1);
}

// security.md 36
pub(super) async fn law_3_a_jti_is_fresh_once_for_each_client_and_purpose(store: Arc<dyn Store>) {
    let base = jti("x", 100);
    let mut other_client = base.clone();
    other_client.client_id = "other".to_owned();
    let mut other_purpose = base.clone();
    other_purpose.purpose = Purpose::Platform;
    let mut other_case = base.clone();
    other_case.jti = "X".to_owned();
    for expected in [Recorded::Fresh, Recorded::Replayed] {
        for record in [&base, &other_client, &other_purpose, &other_case] {
            assert_eq!(
                store.record_jti(record.clone()).await.unwrap(),
                expected,
                "{record:?}"
            );
        }
    }
}

// security.md 36
pub(super) async fn law_3_a_jti_is_replayed_whatever_its_end(store: Arc<dyn Store>) {
    assert_eq!(
        store.record_jti(jti("x", 100)).await.unwrap(),
        Recorded::Fresh
    );
    for end in [99, 101, u64::MAX] {
        assert_eq!(
            store.record_jti(jti("x", end)).await.unwrap(),
            Recorded::Replayed
        );
    }
}

// security.md B3
pub(super) async fn law_3_a_jti_is_remembered_until_its_end_and_forgotten_in_batches(
    store: Arc<dyn Store>,
) {
    for number in 0..10 {
        store
            .record_jti(jti(&number.to_string(), 100))
            .await
            .unwrap();
    }
    store.record_jti(jti("later", 200)).await.unwrap();
    store.append_audit(audit("token.issue")).await.unwrap();
    for before in [0, 99, 100] {
        assert_eq!(
            store
                .cleanup(UnixTime::from_secs(before), 100)
                .await
                .unwrap(),
            0,
            "{before}"
        );
    }
    assert_eq!(
        store.record_jti(jti("3", 100)).await.unwrap(),
        Recorded::Replayed
    );
    for expected in [4, 4, 2, 0] {
        assert_eq!(
            store.cleanup(UnixTime::from_secs(101), 4).await.unwrap(),
            expected
        );
    }
    assert_eq!(
        store.record_jti(jti("later", 200)).await.unwrap(),
        Recorded::Replayed
    );
    assert_eq!(
        store.record_jti(jti("3", 300)).await.unwrap(),
        Recorded::Fresh
    );
    assert_eq!(
        actions(&store).await,
        ["token.issue"],
        "the audit is never cleaned up"
    );
}

// security.md B2
pub(super) async fn law_3_what_was_forgotten_stays_refused_when_the_clock_is_set_back(
    store: Arc<dyn Store>,
) {
    store.record_jti(jti("a", 100)).await.unwrap();
    store.record_jti(jti("b", 120)).await.unwrap();
    // The clock runs far ahead, everything is forgotten, and the clock is set right again.
    assert_eq!(
        store
            .cleanup(UnixTime::from_secs(4_000_000_000), 100)
            .await
            .unwrap(),
        2
    );
    for replay in [jti("a", 100), jti("b", 120)] {
        assert_eq!(store.record_jti(replay).await.unwrap(), Recorded::Replayed);
    }
    // Only as far as something was forgotten: the platform heals within the life of an assertion.
    assert_eq!(
        store.record_jti(jti("c", 121)).await.unwrap(),
        Recorded::Fresh
    );
    assert_eq!(
        store.record_jti(jti("c", 121)).await.unwrap(),
        Recorded::Replayed
    );
}

pub(super) async fn law_3_replays_among_new_records_do_not_spoil_them(store: Arc<dyn Store>) {
    for number in 0..100 {
        store
            .record_jti(jti(&format!("old {number}"), 100))
            .await
            .unwrap();
    }
    let callers: Vec<_> = (0..300)
        .map(|number| {
            let store = Arc::clone(&store);
            // Each third is new, each third was there before, each third comes twice.
            let (name, expected) = match number % 3 {
                0 => (format!("new {number}"), Some(Recorded::Fresh)),
                1 => (format!("old {}", number / 3), Some(Recorded::Replayed)),
                _ => (format!("twice {}", number / 6), None),
            };
            tokio::spawn(async move {
                let found = store.record_jti(jti(&name, 100)).await.unwrap();
                if let Some(expected) = expected {
                    assert_eq!(found, expected, "{name}");
                }
                (name, found)
            })
        })
        .collect();
    let mut twice = std::collections::BTreeMap::<String, u32>::new();
    for caller in callers {
        let (name, found) = caller.await.unwrap();
        if name.starts_with("twice") {
            *twice.entry(name).or_default() += u32::from(found == Recorded::Fresh);
        }
    }
    assert_eq!(twice.len(), 50);
    assert!(twice.values().all(|fresh| *fresh == 1), "{twice:?}");
}

pub(super) async fn law_4_a_change_comes_with_its_audit_row(store: Arc<dyn Store>) {
    let registry = store
        .change(role("auditors"), audit("role.create"))
        .await
        .unwrap();
    assert_eq!(registry.version(), 1);
    assert!(registry.role("auditors").is_some());
    let page = store.audit(None, 10).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let entry = &page.items[0];
    assert_eq!((entry.sequence, entry.at), (1, UnixTime::from_secs(7)));
    assert_eq!(
        (entry.actor.as_str(), entry.subject.as_str()),
        ("admin", "somebody")
    );
    assert_eq!(
        (entry.action.as_str(), entry.outcome.as_str()),
        ("role.create", "ok")
    );
    assert_eq!(entry.address.as_deref(), Some("127.0.0.1"));
    assert_eq!(
        (&entry.token_id, &entry.certificate, &entry.reason),
        (&None, &None, &None)
    );
    assert_eq!(page.next, None);
}

pub(super) async fn law_4_a_change_that_does_not_fit_changes_nothing(store: Arc<dyn Store>) {
    store
        .change(role("auditors"), audit("role.create"))
        .await
        .unwrap();
    let refused = store.change(role("auditors"), audit("role.create")).await;
    let expected = RegistryError::Exists {
        what: "role",
        name: "auditors".to_owned(),
    };
    assert!(
        matches!(&refused, Err(StoreError::Registry(error)) if *error == expected),
        "{refused:?}"
    );
    assert_eq!(store.registry().await.unwrap().version(), 1);
    assert_eq!(actions(&store).await.len(), 1);
}

pub(super) async fn law_4_of_several_changes_all_are_made_or_none(store: Arc<dyn Store>) {
    let broken = Change::All(vec![role("one"), role("two"), role("one")]);
    assert!(store.change(broken, audit("bootstrap")).await.is_err());
    assert!(store.registry().await.unwrap().role("one").is_none());
    // Each leans on the one before.
    let whole = Change::All(vec![
        role("one"),
        principal("carol", "one"),
        application("billing"),
    ]);
    let registry = store.change(whole, audit("bootstrap")).await.unwrap();
    assert_eq!(registry.version(), 1);
    let read = store.registry().await.unwrap();
    assert!(read.principal("carol").is_some() && read.application("billing").is_some());
    assert_eq!(actions(&store).await, ["bootstrap"]);
}

pub(super) async fn law_4_changes_that_race_are_each_made_or_refused(store: Arc<dyn Store>) {
    let callers: Vec<_> = (0..60)
        .map(|number| {
            let store = Arc::clone(&store);
            // Each role is asked for twice: one of the two does not fit, and does not disturb.
            let change = role(&format!("role {}", number / 2));
            tokio::spawn(async move { store.change(change, audit("role.create")).await.is_ok() })
        })
        .collect();
    let mut made = 0;
    for caller in callers {
        made += u32::from(caller.await.unwrap());
    }
    assert_eq!(made, 30);
    let registry = store.registry().await.unwrap();
    assert_eq!(registry.version(), 30);
    assert_eq!(registry.roles().filter(|role| !role.built_in).count(), 30);
    assert_eq!(actions(&store).await.len(), 30);
}

pub(super) async fn law_5_a_dropped_future_leaves_everything_or_nothing(store: Arc<dyn Store>) {
    for number in 0..50 {
        let name = format!("role {number}");
        // Polled a different number of times, then dropped: before, during or after the write.
        let mut change = store.change(role(&name), audit("role.create"));
        for _ in 0..number % 5 {
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(change.as_mut().poll(context).is_ready())
            });
            if polled.await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(change);
    }
    // Everything that was handed over is committed when a later write is.
    store.ping().await.unwrap();
    let registry = store.registry().await.unwrap();
    let made = registry.roles().filter(|role| !role.built_in).count() as u64;
    assert_eq!(registry.version(), made);
    assert_eq!(actions(&store).await.len() as u64, made);
    assert!(made > 0, "some were polled to the end");
    assert!(made < 50, "some were never polled");
}

pub(super) async fn the_audit_is_read_in_pages_newest_first(store: Arc<dyn Store>) {
    let nothing = store.audit(None, 3).await.unwrap();
    assert_eq!((nothing.items.len(), nothing.next), (0, None));
    for _ in 0..7 {
        store.append_audit(audit("token.issue")).await.unwrap();
    }
    let mut after = None;
    let mut pages = Vec::new();
    loop {
        let page = store.audit(after, 3).await.unwrap();
        pages.push(
            page.items
                .iter()
                .map(|entry| entry.sequence)
                .collect::<Vec<_>>(),
        );
        match page.next {
            Some(next) => after = Some(next.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(pages, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
}

// security.md 79
pub(super) async fn a_denied_token_stays_denied_to_its_end_and_a_day(store: Arc<dyn Store>) {
    let until = UnixTime::from_secs(1_000_000);
    assert!(!store.is_token_denied("t").await.unwrap());
    store
        .deny_token("t".to_owned(), until, audit("token.revoke"))
        .await
        .unwrap();
    store
        .deny_token(
            "t".to_owned(),
            UnixTime::from_secs(1),
            audit("token.revoke"),
        )
        .await
        .unwrap();
    assert!(store.is_token_denied("t").await.unwrap());
    assert!(!store.is_token_denied("T").await.unwrap());
    assert_eq!(
        store
            .cleanup(until.plus(DENIED_KEPT_AFTER_END), 10)
            .await
            .unwrap(),
        0
    );
    assert!(store.is_token_denied("t").await.unwrap());
    let later = until
        .plus(DENIED_KEPT_AFTER_END)
        .plus(Duration::from_secs(1));
    assert_eq!(store.cleanup(later, 0).await.unwrap(), 0);
    assert_eq!(store.cleanup(later, 10).await.unwrap(), 1);
    assert!(!store.is_token_denied("t").await.unwrap());
    assert_eq!(actions(&store).await.len(), 2);
}

pub(super) async fn a_key_is_added_once_and_read_oldest_first(store: Arc<dyn Store>) {
    store.add_issuer_key(key("new", 9)).await.unwrap();
    store.add_issuer_key(key("old", 3)).await.unwrap();
    let mut changed = key("new", 9);
    changed.sealed = vec![0];
    store.add_issuer_key(changed).await.unwrap();
    assert_eq!(
        store.issuer_keys().await.unwrap(),
        [key("old", 3), key("new", 9)]
    );
}

pub(super) async fn a_closed_store_says_so(store: Arc<dyn Store>) {
    store.record_jti(jti("a", 100)).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::Closed)));
    assert!(matches!(
        store.record_jti(jti("b", 1)).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(store.registry().await, Err(StoreError::Closed)));
    assert!(matches!(
        store.audit(None, 1).await,
        Err(StoreError::Closed)
    ));
}

async fn actions(store: &Arc<dyn Store>) -> Vec<String> {
    let page = store.audit(None, 500).await.unwrap();
    page.items.into_iter().map(|entry| entry.action).collect()
}

pub(super) fn jti(name: &str, forget_after: u64) -> JtiRecord {
    JtiRecord {
        client_id: "billing".to_owned(),
        purpose: Purpose::Client,
        jti: name.to_owned(),
        forget_after: UnixTime::from_secs(forget_after),
    }
}

pub(super) fn audit(action: &'static str) -> NewAuditEntry {
    NewAuditEntry {
        at: UnixTime::from_secs(7),
        actor: "admin".to_owned(),
        subject: "somebody".to_owned(),
        action,
        outcome: Outcome::Ok,
        token_id: None,
        certificate: None,
        address: Some("127.0.0.1".to_owned()),
        reason: None,
    }
}

pub(super) fn role(name: &str) -> Change {
    Change::CreateRole(Role {
        name: name.to_owned(),
        description: String::new(),
        permissions: vec!["audit:read".to_owned()],
        built_in: false,
    })
}

fn principal(name: &str, role: &str) -> Change {
    Change::CreatePrincipal(Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: vec![role.to_owned()],
        enabled: true,
    })
}

fn application(client_id: &str) -> Change {
    Change::CreateApplication(Application {
        client_id: client_id.to_owned(),
        name: String::new(),
        scopes: Vec::new(),
        audience: None,
        dpop_bound_access_tokens: false,
        accept_token_endpoint_audience: false,
        assertion_lifetime_max_s: None,
        enabled: true,
    })
}

fn key(kid: &str, created_at: u64) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        created_at: UnixTime::from_secs(created_at),
        key_version: 1,
        sealed: vec![1, 2, 3],
    }
}
