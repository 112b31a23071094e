//! Are denied tokens and the keys of the issuer remembered?

use std::{sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;

use super::{actions, audit, key};
use crate::store::{DENIED_KEPT_AFTER_END, Store};

// security.md 79
pub(in crate::store) async fn a_denied_token_stays_denied_to_its_end_and_a_day(
    store: Arc<dyn Store>,
) {
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

pub(in crate::store) async fn a_key_is_added_once_and_read_oldest_first(store: Arc<dyn Store>) {
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
