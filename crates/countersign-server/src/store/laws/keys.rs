//! Are the keys of the issuer remembered, and changed by one at a time?

use std::sync::Arc;

use countersign_proto::{management::SigningKeyState, time::UnixTime};

use super::{actions, audit, key, put_keys};
use crate::store::{KeyChange, Store, StoredKey};

pub(in crate::store) async fn keys_are_read_oldest_first_as_they_were_written(
    store: Arc<dyn Store>,
) {
    assert_eq!(store.issuer_keys().await.unwrap().keys, []);
    put_keys(&store, vec![key("new", 9), key("old", 3)]).await;
    let found = store.issuer_keys().await.unwrap();
    assert_eq!(found.keys, [key("old", 3), key("new", 9)]);
    let retired = StoredKey {
        sealed: Vec::new(),
        state: SigningKeyState::Retired,
        stopped_at: Some(UnixTime::from_secs(11)),
        retires_at: Some(UnixTime::from_secs(12)),
        ..key("old", 3)
    };
    let change = KeyChange {
        version: found.version,
        keys: vec![retired.clone()],
        audit: vec![audit("key.retire"), audit("key.activate")],
    };
    assert!(store.change_issuer_keys(change).await.unwrap());
    let again = store.issuer_keys().await.unwrap();
    assert_eq!(again.keys, [retired, key("new", 9)]);
    assert_ne!(again.version, found.version);
    assert_eq!(actions(&store).await, ["key.activate", "key.retire"]);
}

pub(in crate::store) async fn law_13_of_many_changes_of_one_version_of_the_keys_one_is_made(
    store: Arc<dyn Store>,
) {
    for round in 0..5 {
        let before = store.issuer_keys().await.unwrap();
        let callers: Vec<_> = (0..20)
            .map(|number| {
                let store = Arc::clone(&store);
                let change = KeyChange {
                    version: before.version,
                    keys: vec![key(&format!("{round} {number}"), round)],
                    audit: vec![audit("key.announce")],
                };
                tokio::spawn(async move { store.change_issuer_keys(change).await.unwrap() })
            })
            .collect();
        let mut made = 0;
        for caller in callers {
            made += usize::from(caller.await.unwrap());
        }
        assert_eq!(made, 1);
        let after = store.issuer_keys().await.unwrap();
        assert_eq!(after.keys.len(), before.keys.len() + 1);
        assert_eq!(actions(&store).await.len(), after.keys.len());
    }
}
