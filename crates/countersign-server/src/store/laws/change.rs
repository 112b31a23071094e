//! Is a change made whole, with its audit row, or not at all?

use std::sync::Arc;

use countersign_proto::time::UnixTime;

use super::{actions, application, audit, principal, role};
use crate::{
    registry::{Change, RegistryError},
    store::{Store, StoreError},
};

pub(in crate::store) async fn law_4_a_change_comes_with_its_audit_row(store: Arc<dyn Store>) {
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

pub(in crate::store) async fn law_4_a_change_that_does_not_fit_changes_nothing(
    store: Arc<dyn Store>,
) {
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

pub(in crate::store) async fn law_4_of_several_changes_all_are_made_or_none(store: Arc<dyn Store>) {
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

pub(in crate::store) async fn law_4_changes_that_race_are_each_made_or_refused(
    store: Arc<dyn Store>,
) {
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

pub(in crate::store) async fn law_5_a_dropped_future_leaves_everything_or_nothing(
    store: Arc<dyn Store>,
) {
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
    // What was handed over may still be on its way: look until nothing moves between two looks.
    let made = loop {
        store.ping().await.unwrap();
        let registry = store.registry().await.unwrap();
        let written = actions(&store).await.len() as u64;
        if store.registry_version().await.unwrap() == registry.version() {
            let made = registry.roles().filter(|role| !role.built_in).count() as u64;
            assert_eq!((registry.version(), written), (made, made));
            break made;
        }
    };
    assert!(made > 0, "some were polled to the end");
    assert!(made < 50, "some were never polled");
}
