//! Are denied tokens remembered?

use std::{sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;

use super::{actions, audit};
use crate::store::{Changed, DENIED_KEPT_AFTER_END, Store};

// security.md 79
pub(in crate::store) async fn a_denied_token_stays_denied_to_its_end_and_a_day(
    store: Arc<dyn Store>,
) {
    let until = UnixTime::from_secs(1_000_000);
    assert!(!store.is_token_denied("t").await.unwrap());
    let mut watching = store.watch();
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
        store.token_version().await.unwrap(),
        1,
        "once: it was denied"
    );
    let told = Changed::next(&mut watching).await;
    assert_eq!(told, Some(Changed::Token("t".to_owned())));
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
