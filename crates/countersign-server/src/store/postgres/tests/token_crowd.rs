//! Do many who grant, rotate and end tokens at once keep out of each other's way on PostgreSQL?

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::{
    super::work::TOKENS_LOCK,
    cluster::Cluster,
    nodes::{at_once, two},
};
use crate::{
    registry::Change,
    store::{
        Store, StoreError, TOKEN_KEPT_AFTER_END, TokenCreated, TokenRow, TokenSelector, TokenUse,
        laws::{
            actions, audit,
            granted::{grant, granting, later, now, token},
            revocation::{by_certificate, mapping, with_certificates},
            rotation::rotation,
            with_carol,
        },
    },
};

/// Either the token is granted first, and goes with its mapping, or it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_granted_past_the_deletion_of_its_mapping_on_postgresql() {
    let [here, there] = two().await;
    let [sha256, _] = with_certificates(&here).await;
    for round in 0..20 {
        let row = by_certificate(&sha256, token(&format!("{round:02}")));
        let id = row.id.clone();
        let deletion = Change::DeleteMapping {
            id: format!("m{}", if round == 0 { 0 } else { round + 1 }),
        };
        let (created, deleted) = tokio::join!(
            there.create_token(row, 1_000, granting()),
            here.change(deletion, granting()),
        );
        deleted.unwrap();
        let row = there.token(&id).await.unwrap();
        match created {
            Ok(TokenCreated::Created) => assert!(!row.unwrap().is_live(now()), "{id}"),
            Err(StoreError::Registry(_)) => assert_eq!(row, None, "{id}"),
            other => panic!("{id}: {other:?}"),
        }
        let again = mapping(&format!("m{}", round + 2), &sha256, "carol");
        let again = Change::CreateMapping(again);
        here.change(again, audit("mapping.create")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_rotations_that_wait_leave_connections_to_read_with_on_postgresql() {
    let database = Cluster::shared().database();
    let store: Arc<dyn Store> = Arc::new(super::open(&database).await);
    with_carol(&store).await;
    for number in 0..50 {
        grant(&store, token(&format!("old {number:02}"))).await;
    }
    let mut ender = PgConnection::connect(&Cluster::shared().url(&database))
        .await
        .unwrap();
    let lock = format!("SELECT pg_advisory_lock({TOKENS_LOCK})");
    ender.execute(AssertSqlSafe(lock)).await.unwrap();
    let rotating: Vec<_> = (0..50)
        .map(|number| {
            let store = Arc::clone(&store);
            let rotation = rotation(&format!("old {number:02}"), &format!("new {number:02}"));
            tokio::spawn(async move { store.rotate_token(rotation).await })
        })
        .collect();
    while waiting(&mut ender).await == 0 {}
    for _ in 0..200 {
        assert!(store.token("old 00").await.unwrap().is_some());
    }
    assert!(waiting(&mut ender).await > 0, "they wait still");
    ender
        .execute("SELECT pg_advisory_unlock_all()")
        .await
        .unwrap();
    for rotated in rotating {
        assert!(rotated.await.unwrap().unwrap().is_made());
    }
}

/// How many wait for a lock like that of the tokens.
async fn waiting(connection: &mut PgConnection) -> i64 {
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    connection.fetch_one(waiting).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_clean_up_among_grants_forget_nothing_that_lives_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    for number in 0..60 {
        let over = TokenRow {
            expires_at: Some(later(number * 37 % 60)),
            ..token(&format!("over {number:03}"))
        };
        grant(&nodes[0], over).await;
        grant(&nodes[0], token(&format!("live {number:03}"))).await;
    }
    let late = later(61).plus(TOKEN_KEPT_AFTER_END);
    let revoked = at_once(&nodes, 160, move |number, node| async move {
        let live = |of: usize| format!("live {of:03}");
        match number / 2 % 4 {
            0 => node.cleanup(late, 5).await.map(|_| 0).unwrap(),
            1 => {
                grant(&node, token(&format!("new {number:03}"))).await;
                0
            }
            2 => {
                let uses = (0..60).map(|of| TokenUse {
                    id: live(of),
                    at: later(number as u64),
                    from: None,
                });
                node.record_token_uses(uses.collect()).await.unwrap();
                0
            }
            _ => {
                let one = TokenSelector::Id(live(number / 4));
                let revoked = node.revoke_tokens(one, "x", now(), audit("token.revoke"));
                revoked.await.unwrap().len()
            }
        }
    })
    .await;
    let revoked: usize = revoked.iter().sum();
    assert!(revoked > 0);
    while nodes[1].cleanup(late, 50).await.unwrap() > 0 {}
    for number in 0..60 {
        let over = nodes[0].token(&format!("over {number:03}")).await;
        assert_eq!(over.unwrap(), None, "{number}");
    }
    let mut living = 0;
    for number in 0..160 {
        for name in ["live", "new"] {
            let row = nodes[0].token(&format!("{name} {number:03}")).await;
            living += usize::from(row.unwrap().is_some_and(|row| row.is_live(late)));
        }
    }
    assert_eq!(living, 60 + 40 - revoked);
    let written = actions(&nodes[0]).await.len();
    assert_eq!(written, 1 + 120 + 40 + revoked, "the audit stays");
}
