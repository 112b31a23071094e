//! Is a `jti` fresh once?

use std::sync::Arc;

use countersign_proto::{assertion::Purpose, time::UnixTime};

use super::{actions, audit, jti};
use crate::store::{JtiPurpose, Recorded, Store};

// security.md 36, B2
pub(in crate::store) async fn law_3_of_a_thousand_equal_records_one_is_fresh(
    store: Arc<dyn Store>,
) {
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
pub(in crate::store) async fn law_3_a_jti_is_fresh_once_for_each_client_and_purpose(
    store: Arc<dyn Store>,
) {
    let base = jti("x", 100);
    let mut other_client = base.clone();
    other_client.client_id = "other".to_owned();
    let mut other_purpose = base.clone();
    other_purpose.purpose = JtiPurpose::Assertion(Purpose::Platform);
    let mut notice = base.clone();
    notice.purpose = JtiPurpose::Notice;
    let mut other_case = base.clone();
    other_case.jti = "X".to_owned();
    for expected in [Recorded::Fresh, Recorded::Replayed] {
        for record in [&base, &other_client, &other_purpose, &notice, &other_case] {
            assert_eq!(
                store.record_jti(record.clone()).await.unwrap(),
                expected,
                "{record:?}"
            );
        }
    }
}

// security.md 36
pub(in crate::store) async fn law_3_a_jti_is_replayed_whatever_its_end(store: Arc<dyn Store>) {
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
pub(in crate::store) async fn law_3_a_jti_is_remembered_until_its_end_and_forgotten_in_batches(
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
pub(in crate::store) async fn law_3_what_was_forgotten_stays_refused_when_the_clock_is_set_back(
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

pub(in crate::store) async fn law_3_replays_among_new_records_do_not_spoil_them(
    store: Arc<dyn Store>,
) {
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
