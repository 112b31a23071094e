//! Does a session that begins without a login begin whole, once, and for a principal?

use std::sync::Arc;

use super::{
    actions, audit,
    sessions::{active, begin},
    with_carol,
};
use crate::store::{Changed, SessionRow, Store, StoreError};

pub(in crate::store) async fn law_4_a_session_begins_with_its_audit_row_and_wakes_whoever_watches(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let mut watching = store.watch();
    let begun = store.create_session(active("s"), audit("session.begin"));
    begun.await.unwrap();
    assert_eq!(store.session("s").await.unwrap(), Some(active("s")));
    assert_eq!(actions(&store).await, ["session.begin", "principal.create"]);
    assert_eq!(
        Changed::next(&mut watching).await,
        Some(Changed::Session("s".to_owned()))
    );
}

pub(in crate::store) async fn law_8_no_session_begins_for_somebody_who_is_no_principal(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    for name in ["mallory", "Carol", "platform"] {
        let row = SessionRow {
            principal: name.to_owned(),
            ..active("s")
        };
        let refused = store.create_session(row, audit("session.begin")).await;
        assert!(
            matches!(refused, Err(StoreError::Registry(_))),
            "{name}: {refused:?}"
        );
    }
    assert_eq!(store.session("s").await.unwrap(), None);
    assert_eq!(actions(&store).await, ["principal.create"]);
}

pub(in crate::store) async fn a_session_begins_once(store: Arc<dyn Store>) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    let another = SessionRow {
        client: "another".to_owned(),
        ..active("s")
    };
    let refused = store.create_session(another, audit("session.begin")).await;
    assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    assert_eq!(store.session("s").await.unwrap(), Some(active("s")));
    assert_eq!(actions(&store).await, ["principal.create"]);
}
