//! Is nothing granted by what does not stand any more?

use std::sync::Arc;

use super::{
    audit,
    granted::{grant, granting, now, token},
    revocation::{
        assert_refused, by_application, by_certificate, mapping, through, with_certificates,
        with_dave,
    },
    rotation::{rotated, rotation},
    sessions::{active, begin},
    with_carol,
};
use crate::{
    registry::Change,
    store::{Settlement, Store, TokenRotation, TokenRow},
};

pub(in crate::store) async fn law_10_nothing_is_granted_by_a_mapping_or_an_application_that_is_gone(
    store: Arc<dyn Store>,
) {
    let [sha256, _] = with_certificates(&store).await;
    with_dave(&store).await;
    grant(&store, by_certificate(&sha256, token("1"))).await;
    let deletion = Change::DeleteMapping {
        id: "m0".to_owned(),
    };
    let of_dave = Change::CreateMapping(mapping("m2", &sha256, "dave"));
    let change = Change::All(vec![deletion, of_dave]);
    store.change(change, granting()).await.unwrap();
    for (row, what) in [
        (by_certificate(&sha256, token("2")), "mapping"),
        (
            through("a session", by_certificate(&sha256, token("2"))),
            "mapping",
        ),
        (by_application("Billing", token("2")), "application"),
    ] {
        let refused = store.create_token(row, 10, granting()).await;
        assert_refused(refused.map(drop), what);
    }
    assert_eq!(store.token("2").await.unwrap(), None);
    let by_dave = TokenRow {
        created_by: "dave".to_owned(),
        ..by_certificate(&sha256, token("3"))
    };
    grant(&store, by_application("billing", by_dave)).await;
}

pub(in crate::store) async fn law_10_nothing_is_granted_in_a_session_that_has_ended(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    grant(&store, through("s", token("1"))).await;
    let ended = store.end_session("s", "by an administrator", now(), audit("session.end"));
    assert!(ended.await.unwrap());
    let refused = store.create_token(through("s", token("2")), 10, granting());
    assert_refused(refused.await.map(drop), "session");
    assert_eq!(store.token("2").await.unwrap(), None);
    // What is there goes on, and is replaced still.
    let next = TokenRotation {
        successor: through("s", token("3")),
        ..rotation("1", "3")
    };
    assert!(store.rotate_token(next).await.unwrap().is_made());
}

/// Whoever was granted a token has no certificate himself.
pub(in crate::store) async fn law_10_a_granted_token_grants_by_what_it_rests_on_itself(
    store: Arc<dyn Store>,
) {
    let [sha256, _] = with_certificates(&store).await;
    with_dave(&store).await;
    grant(&store, by_certificate(&sha256, token("1"))).await;
    let by_dave = |id: &str| TokenRow {
        created_by: "dave".to_owned(),
        ..by_certificate(&sha256, through("1", token(id)))
    };
    grant(&store, by_dave("2")).await;
    let deletion = Change::DeleteMapping {
        id: "m0".to_owned(),
    };
    store.change(deletion, granting()).await.unwrap();
    let refused = store.create_token(by_dave("3"), 10, granting()).await;
    assert_refused(refused.map(drop), "token");
    let two = store.token("2").await.unwrap().unwrap();
    assert!(!two.is_live(now()));
}

pub(in crate::store) async fn what_was_granted_with_a_token_that_was_replaced_is_rotated_still(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    rotated(&store, "a1", "a2").await;
    grant(&store, through("a1", token("b1"))).await;
    let how = Settlement::Confirmed;
    let settled = store.settle_rotation("a2", how, now(), audit("token.settle"));
    assert!(settled.await.unwrap());
    let refused = store.create_token(through("a1", token("c")), 10, granting());
    assert_refused(refused.await.map(drop), "token");
    let next = TokenRotation {
        successor: through("a1", token("b2")),
        ..rotation("b1", "b2")
    };
    assert!(store.rotate_token(next).await.unwrap().is_made());
}
