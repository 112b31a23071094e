//! Does a revocation reach all that goes back to a token, however often that was replaced since?

use std::sync::Arc;

use super::{
    audit,
    granted::{grant, granting, later, now, token},
    revocation::{by_certificate, lives, revoke, through, with_certificates},
    rotation::{rotated, rotation},
    with_carol,
};
use crate::{
    registry::Change,
    store::{Settlement, Store, TOKEN_KEPT_AFTER_END, TokenRotation, TokenRow, TokenSelector},
};

/// `a1`, replaced by `a2`, replaced by `a3`, which lives; each granted a token while it lived.
async fn with_a_line(store: &Arc<dyn Store>) {
    with_carol(store).await;
    grant(store, token("a1")).await;
    for (old, new) in [("a1", "a2"), ("a2", "a3")] {
        grant(store, through(old, token(&format!("by {old}")))).await;
        replace(store, old, new).await;
    }
    grant(store, through("a3", token("by a3"))).await;
}

pub(in crate::store) async fn with_a_token_goes_what_all_those_before_it_granted(
    store: Arc<dyn Store>,
) {
    with_a_line(&store).await;
    grant(&store, through("by a1", token("by that"))).await;
    grant(&store, token("other")).await;
    // What was replaced is over itself; the one in its place was not named.
    assert_eq!(revoke(&store, id("a2")).await, "by a1 by a2 by that");
    assert!(lives(&store, "a3").await && lives(&store, "by a3").await);
    grant(&store, through("by a3", token("late"))).await;
    assert_eq!(revoke(&store, id("a3")).await, "a3 by a3 late");
    assert!(lives(&store, "other").await);
}

pub(in crate::store) async fn with_a_token_goes_what_took_the_place_of_what_it_granted(
    store: Arc<dyn Store>,
) {
    with_a_line(&store).await;
    // Granted by a token that is over since, and replaced twice since.
    for (old, new) in [("by a1", "c2"), ("c2", "c3")] {
        replace(&store, old, new).await;
    }
    // A successor that was given up is no part of the line.
    rotated(&store, "d1", "d2").await;
    let abort = Settlement::Aborted;
    let settled = store.settle_rotation("d2", abort, now(), audit("token.settle"));
    assert!(settled.await.unwrap());
    assert_eq!(revoke(&store, id("d2")).await, "");
    assert_eq!(revoke(&store, id("a3")).await, "a3 by a2 by a3 c3");
    assert!(lives(&store, "d1").await);
}

/// A token in place of another carries the certificate of the first, but by another hand.
pub(in crate::store) async fn law_10_with_what_it_rests_on_goes_a_token_that_took_the_place_of_another(
    store: Arc<dyn Store>,
) {
    let [sha256, _] = with_certificates(&store).await;
    grant(&store, by_certificate(&sha256, token("1"))).await;
    let by_admin = TokenRotation {
        successor: TokenRow {
            created_by: "admin".to_owned(),
            ..by_certificate(&sha256, token("2"))
        },
        ..rotation("1", "2")
    };
    assert!(store.rotate_token(by_admin).await.unwrap().is_made());
    settle(&store, "2").await;
    let mapping = Change::DeleteMapping {
        id: "m0".to_owned(),
    };
    store.change(mapping, granting()).await.unwrap();
    assert!(!lives(&store, "2").await);
}

pub(in crate::store) async fn a_token_that_others_go_back_to_is_forgotten_after_them(
    store: Arc<dyn Store>,
) {
    with_a_line(&store).await;
    let late = later(1_000).plus(TOKEN_KEPT_AFTER_END);
    assert_eq!(store.cleanup(late, 100).await.unwrap(), 0);
    let all = "a3 by a1 by a2 by a3";
    assert_eq!(revoke(&store, id("a3")).await, all);
    // One after the other, and none is left over.
    let mut forgotten = Vec::new();
    while let more @ 1.. = store.cleanup(late, 100).await.unwrap() {
        forgotten.push(more);
    }
    assert_eq!(forgotten, [3, 1, 1, 1]);
    assert_eq!(store.token("a3").await.unwrap(), None);
}

async fn replace(store: &Arc<dyn Store>, old: &str, new: &str) {
    let origin = store.token(old).await.unwrap().unwrap().created_through;
    let rotation = TokenRotation {
        successor: TokenRow {
            created_through: origin,
            ..token(new)
        },
        ..rotation(old, new)
    };
    assert!(store.rotate_token(rotation).await.unwrap().is_made());
    settle(store, new).await;
}

async fn settle(store: &Arc<dyn Store>, successor: &str) {
    let how = Settlement::Confirmed;
    let settled = store.settle_rotation(successor, how, now(), audit("token.settle"));
    assert!(settled.await.unwrap());
}

fn id(id: &str) -> TokenSelector {
    TokenSelector::Id(id.to_owned())
}
