//! Is what was acknowledged there, and is it seen?

use std::{future::Future, sync::Arc};

use countersign_proto::time::UnixTime;

use super::{
    actions, audit, jti, key, put_keys, role,
    rotation::{rotated, rotation},
    sessions::{active, advance, begin},
    with_carol,
};
use crate::store::{AccountRow, Recorded, Store, StoreError};

/// For a store that outlives its process: `reopen` closes nothing itself, it opens what is there.
pub(in crate::store) async fn law_1_what_was_acknowledged_is_there_again<F>(
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
    put_keys(&store, vec![key("k1", 5)]).await;
    with_carol(&store).await;
    begin(&store, active("s")).await;
    store.advance_session(advance("s", 0)).await.unwrap();
    let session = store.session("s").await.unwrap();
    let account = AccountRow {
        principal: "carol".to_owned(),
        password: "hash".to_owned(),
        changed_at: UnixTime::from_secs(3),
    };
    store
        .put_account(account.clone(), audit("password.set"))
        .await
        .unwrap();
    rotated(&store, "granted", "its successor").await;
    let granted = store.token("granted").await.unwrap();
    store.record_jti(jti("old", 10)).await.unwrap();
    assert_eq!(store.cleanup(UnixTime::from_secs(11), 10).await.unwrap(), 1);
    store.close().await.unwrap();
    drop(store);

    let store = reopen().await;
    let again = store.registry().await.unwrap();
    assert_eq!(again.version(), registry.version() + 1);
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
    assert_eq!(store.issuer_keys().await.unwrap().keys, [key("k1", 5)]);
    let actions = actions(&store).await;
    assert_eq!(
        actions,
        [
            "token.rotate",
            "token.grant",
            "password.set",
            "token.refresh",
            "principal.create",
            "token.revoke",
            "role.create"
        ]
    );
    assert_eq!(store.session("s").await.unwrap(), session);
    let past = store.past_secret("s", &active("s").secret).await.unwrap();
    assert_eq!(past.map(|past| past.generation), Some(0));
    assert_eq!(store.advance_session(advance("s", 0)).await.unwrap(), None);
    assert_eq!(store.account("carol").await.unwrap(), Some(account));
    assert_eq!(store.token("granted").await.unwrap(), granted);
    assert_eq!(store.token_version().await.unwrap(), 2);
    let again = rotation("granted", "another");
    assert!(!store.rotate_token(again).await.unwrap().is_made());
    let login = store.login("login of s").await.unwrap().unwrap();
    assert_eq!(login.version, 1);
}

pub(in crate::store) async fn law_2_a_read_sees_every_write_that_was_acknowledged(
    store: Arc<dyn Store>,
) {
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

pub(in crate::store) async fn a_closed_store_says_so(store: Arc<dyn Store>) {
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
