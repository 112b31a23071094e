//! Does exactly one token follow another, and does a rotation end in exactly one way?

use std::sync::Arc;

use countersign_proto::time::UnixTime;

use super::{
    actions, audit,
    granted::{grant, granting, later, now, token},
    revocation::revoke,
    with_carol,
};
use crate::store::{
    NewAuditEntry, ROTATED, ROTATION_ABORTED, Settlement, Store, StoreError, TokenCreated,
    TokenRotated, TokenRotation, TokenRow, TokenSelector,
};

pub(in crate::store) async fn a_rotation_gives_a_token_a_successor_that_lives_beside_it(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    assert!(rotates(&store, "a", "b").await);
    let [old, new] = both(&store, "a", "b").await;
    assert_eq!(old, in_grace("a", "b"));
    let expected = TokenRow {
        predecessor: Some("a".to_owned()),
        ..token("b")
    };
    assert_eq!(new, expected);
    assert!(old.is_live(later(99)) && !old.is_live(later(100)) && new.is_live(later(100)));
    assert_eq!(
        actions(&store).await,
        ["token.rotate", "token.grant", "principal.create"]
    );
}

pub(in crate::store) async fn law_11_of_fifty_equal_rotations_one_is_made(store: Arc<dyn Store>) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    let callers: Vec<_> = (0..50)
        .map(|number| {
            let store = Arc::clone(&store);
            let rotation = rotation("a", &format!("b{number:02}"));
            tokio::spawn(async move {
                let new = rotation.successor.id.clone();
                let made = store.rotate_token(rotation).await.unwrap().is_made();
                made.then_some(new)
            })
        })
        .collect();
    let mut made = Vec::new();
    for caller in callers {
        made.extend(caller.await.unwrap());
    }
    let [winner] = made.as_slice() else {
        panic!("{made:?}");
    };
    let old = store.token("a").await.unwrap().unwrap();
    assert_eq!(old.successor.as_ref(), Some(winner));
    for number in 0..50 {
        let id = format!("b{number:02}");
        let there = store.token(&id).await.unwrap().is_some();
        assert_eq!(there, id == *winner, "{id}");
    }
    assert_eq!(store.token_version().await.unwrap(), 1);
}

pub(in crate::store) async fn law_11_nothing_follows_a_token_that_is_over_or_has_a_successor(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let rows = [
        TokenRow {
            expires_at: Some(now()),
            ..token("expired")
        },
        TokenRow {
            revoked_at: Some(later(0)),
            ..token("revoked")
        },
        in_grace("rotated", "its successor"),
    ];
    for row in &rows {
        grant(&store, row.clone()).await;
    }
    for id in ["expired", "revoked", "rotated", "unknown"] {
        let made = rotates(&store, id, "new").await;
        assert!(!made, "{id}");
    }
    for row in rows {
        assert_eq!(store.token(&row.id).await.unwrap(), Some(row));
    }
    assert_eq!(store.token("new").await.unwrap(), None);
    assert_eq!(store.token_version().await.unwrap(), 0);
    assert!(!actions(&store).await.contains(&"token.rotate".to_owned()));
}

pub(in crate::store) async fn a_rotation_to_an_id_or_a_digest_that_is_taken_changes_nothing(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    grant(&store, token("taken")).await;
    let same_id = TokenRow {
        digest: b"another".to_vec(),
        ..token("taken")
    };
    let same_digest = TokenRow {
        digest: token("taken").digest,
        ..token("another")
    };
    for successor in [same_id, same_digest] {
        let rotation = TokenRotation {
            successor,
            ..rotation("a", "b")
        };
        let refused = store.rotate_token(rotation).await;
        assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    }
    assert_eq!(store.token("a").await.unwrap(), Some(token("a")));
    assert_eq!(store.token("taken").await.unwrap(), Some(token("taken")));
}

pub(in crate::store) async fn a_confirmed_rotation_ends_the_old_token(store: Arc<dyn Store>) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    for (of, expected) in [("a", false), ("b", true), ("b", false), ("c", false)] {
        let settled = settle(&store, of, Settlement::Confirmed).await;
        assert_eq!(settled, expected, "{of}");
    }
    let [old, new] = both(&store, "a", "b").await;
    assert_eq!((old.revoked_at, new.revoked_at), (Some(later(10)), None));
    assert_eq!(old.revocation_reason.as_deref(), Some(ROTATED));
    assert_eq!(old.successor.as_deref(), Some("b"));
    let settlements = actions(&store).await;
    let settlements = settlements.iter().filter(|it| *it == "token.settle");
    assert_eq!(settlements.count(), 1);
    // The chain goes on from the new one.
    assert!(rotates(&store, "b", "c").await);
}

pub(in crate::store) async fn the_first_use_ends_the_old_token_only_where_it_is_to(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    grant(&store, token("c")).await;
    let kept = TokenRotation {
        ends_at_first_use: false,
        ..rotation("c", "d")
    };
    assert!(store.rotate_token(kept).await.unwrap().is_made());
    for (of, expected) in [("b", true), ("b", false), ("d", false)] {
        let settled = settle(&store, of, Settlement::FirstUse).await;
        assert_eq!(settled, expected, "{of}");
    }
    let [old, new] = both(&store, "a", "b").await;
    assert_eq!(old.revocation_reason.as_deref(), Some(ROTATED));
    assert!(new.is_live(later(10)));
    let [old, new] = both(&store, "c", "d").await;
    assert!(old.is_live(later(10)) && new.is_live(later(10)));
    assert!(settle(&store, "d", Settlement::Confirmed).await);
}

pub(in crate::store) async fn an_aborted_rotation_leaves_the_old_token_as_it_was(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    for expected in [true, false] {
        let settled = settle(&store, "b", Settlement::Aborted).await;
        assert_eq!(settled, expected);
    }
    let [old, new] = both(&store, "a", "b").await;
    assert_eq!(old, token("a"));
    assert_eq!(new.revoked_at, Some(later(10)));
    assert_eq!(new.revocation_reason.as_deref(), Some(ROTATION_ABORTED));
    assert!(!settle(&store, "b", Settlement::Confirmed).await);
    assert!(rotates(&store, "a", "c").await);
}

/// Otherwise the token that was to take the place of the new one would live on, beside the old one.
pub(in crate::store) async fn rotations_of_one_line_are_aborted_the_last_first(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    assert!(rotates(&store, "b", "c").await);
    for (of, expected) in [("b", false), ("c", true), ("b", true)] {
        let settled = settle(&store, of, Settlement::Aborted).await;
        assert_eq!(settled, expected, "{of}");
    }
    assert_eq!(store.token("a").await.unwrap(), Some(token("a")));
    rotated(&store, "d", "e").await;
    assert!(rotates(&store, "e", "f").await);
    assert!(settle(&store, "e", Settlement::Confirmed).await);
}

pub(in crate::store) async fn a_rotation_whose_grace_has_ended_is_settled(store: Arc<dyn Store>) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    let end = in_grace("a", "b").grace_ends_at.unwrap();
    for how in [
        Settlement::Confirmed,
        Settlement::FirstUse,
        Settlement::Aborted,
    ] {
        let settled = store.settle_rotation("b", how, end, audit("token.settle"));
        assert!(!settled.await.unwrap(), "{how:?}");
    }
    let [old, new] = both(&store, "a", "b").await;
    assert_eq!(old, in_grace("a", "b"));
    assert!(new.is_live(end));
}

// Whoever confirms and whoever aborts at once do not both have their way.
pub(in crate::store) async fn law_11_of_many_settlements_one_is_made(store: Arc<dyn Store>) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    let callers: Vec<_> = (0..30)
        .map(|number| {
            let how = [
                Settlement::Confirmed,
                Settlement::Aborted,
                Settlement::FirstUse,
            ][number % 3];
            let store = Arc::clone(&store);
            tokio::spawn(async move { settle(&store, "b", how).await })
        })
        .collect();
    let mut made = 0;
    for caller in callers {
        made += u32::from(caller.await.unwrap());
    }
    assert_eq!(made, 1);
    let [old, new] = both(&store, "a", "b").await;
    assert_ne!(old.is_live(later(10)), new.is_live(later(10)));
}

/// A token and its successor count as one, so that a token can be rotated at the limit.
pub(in crate::store) async fn law_12_a_rotation_needs_no_room_and_makes_none(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    let created = async |id: &str, limit| {
        let created = store.create_token(token(id), limit, granting());
        created.await.unwrap()
    };
    assert_eq!(created("c", 1).await, TokenCreated::LimitReached);
    assert_eq!(created("c", 2).await, TokenCreated::Created);
    assert!(settle(&store, "b", Settlement::Aborted).await);
    assert_eq!(created("d", 2).await, TokenCreated::LimitReached);
}

/// In one line there may be any number of tokens that live side by side: each beyond two counts.
pub(in crate::store) async fn law_12_a_line_of_rotations_takes_room_for_each_beyond_two(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    let kept = async |id: &str, successor: &str, limit: u32| {
        let kept = TokenRotation {
            ends_at_first_use: false,
            limit,
            ..rotation(id, successor)
        };
        store.rotate_token(kept).await.unwrap()
    };
    assert!(kept("a", "b", 1).await.is_made(), "it needs no room");
    assert_eq!(kept("b", "c", 1).await, TokenRotated::LimitReached);
    assert_eq!(store.token("c").await.unwrap(), None);
    let b = store.token("b").await.unwrap().unwrap();
    assert_eq!((b.successor, b.grace_ends_at), (None, None));
    assert!(kept("b", "c", 2).await.is_made());
    assert_eq!(kept("c", "d", 2).await, TokenRotated::LimitReached);
    let created = async |id: &str, limit| {
        let created = store.create_token(token(id), limit, granting());
        created.await.unwrap()
    };
    assert_eq!(created("x", 2).await, TokenCreated::LimitReached);
    assert_eq!(created("x", 3).await, TokenCreated::Created);
    // Of `a`, `b` and `c` the first is over now, so that the others are one.
    assert_eq!(revoke(&store, TokenSelector::Id("x".to_owned())).await, "x");
    let at_its_end = audit_at(later(100));
    let made = store.create_token(token("y"), 1, at_its_end).await.unwrap();
    assert_eq!(made, TokenCreated::LimitReached, "`c` alone is left");
}

/// Whoever is left alone by a successor that ended sooner counts again.
pub(in crate::store) async fn law_12_a_token_that_outlives_its_successor_counts(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    let short = TokenRow {
        expires_at: Some(later(10)),
        ..token("b")
    };
    let kept = TokenRotation {
        successor: short,
        ends_at_first_use: false,
        ..rotation("a", "b")
    };
    assert!(store.rotate_token(kept).await.unwrap().is_made());
    let made = store.create_token(token("c"), 1, audit_at(later(20)));
    assert_eq!(made.await.unwrap(), TokenCreated::LimitReached);
}

fn audit_at(at: UnixTime) -> NewAuditEntry {
    NewAuditEntry { at, ..granting() }
}

pub(in crate::store) async fn the_version_grows_with_what_ends_a_token_and_not_with_a_grant(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    assert_eq!(store.token_version().await.unwrap(), 0);
    grant(&store, token("a")).await;
    let describe = store.describe_token("a", "new", "", audit("token.describe"));
    assert!(describe.await.unwrap());
    assert!(!settle(&store, "a", Settlement::Confirmed).await);
    assert_eq!(store.token_version().await.unwrap(), 0);
    assert!(rotates(&store, "a", "b").await);
    assert_eq!(store.token_version().await.unwrap(), 1);
    assert!(!rotates(&store, "a", "c").await);
    assert_eq!(store.token_version().await.unwrap(), 1);
    assert!(settle(&store, "b", Settlement::Confirmed).await);
    assert_eq!(store.token_version().await.unwrap(), 2);
}

/// The old token is to end 100 s later, or at the first use of the new one.
pub(in crate::store) fn rotation(id: &str, successor: &str) -> TokenRotation {
    TokenRotation {
        id: id.to_owned(),
        successor: token(successor),
        grace_ends_at: later(100),
        ends_at_first_use: true,
        limit: 10,
        at: now(),
        audit: audit("token.rotate"),
    }
}

/// `id` as [`rotation`] leaves it.
fn in_grace(id: &str, successor: &str) -> TokenRow {
    TokenRow {
        successor: Some(successor.to_owned()),
        grace_ends_at: Some(later(100)),
        ends_at_first_use: true,
        ..token(id)
    }
}

pub(in crate::store) async fn rotated(store: &Arc<dyn Store>, id: &str, successor: &str) {
    grant(store, token(id)).await;
    assert!(rotates(store, id, successor).await);
}

/// Whether a successor was made.
async fn rotates(store: &Arc<dyn Store>, id: &str, successor: &str) -> bool {
    let rotated = store.rotate_token(rotation(id, successor));
    rotated.await.unwrap().is_made()
}

async fn settle(store: &Arc<dyn Store>, successor: &str, how: Settlement) -> bool {
    let settled = store.settle_rotation(successor, how, later(10), audit("token.settle"));
    settled.await.unwrap()
}

async fn both(store: &Arc<dyn Store>, old: &str, new: &str) -> [TokenRow; 2] {
    let read = async |id| store.token(id).await.unwrap().unwrap();
    [read(old).await, read(new).await]
}
