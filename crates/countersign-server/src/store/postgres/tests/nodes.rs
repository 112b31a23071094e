//! Do two platforms on one PostgreSQL remember as one?

use std::{sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::cluster::Cluster;
use crate::store::{
    Changed, LoginRow, LoginUpdate, Recorded, Store, StoreError,
    laws::{
        actions, audit, jti,
        logins::{login, update},
        role,
        sessions::{active, advance, begin, pending},
        with_carol,
    },
};

/// Two nodes on one database.
pub(crate) async fn two() -> [Arc<dyn Store>; 2] {
    let database = Cluster::shared().database();
    [
        Arc::new(super::open(&database).await),
        Arc::new(super::open(&database).await),
    ]
}

/// Runs `call` for the numbers up to `count` at once, on each node in turn: what came out.
pub(super) async fn at_once<T, A>(
    nodes: &[Arc<dyn Store>; 2],
    count: usize,
    call: impl Fn(usize, Arc<dyn Store>) -> A,
) -> Vec<T>
where
    T: Send + 'static,
    A: Future<Output = T> + Send + 'static,
{
    let callers: Vec<_> = (0..count)
        .zip(nodes.iter().cycle())
        .map(|(number, node)| tokio::spawn(call(number, Arc::clone(node))))
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_make_the_tables_of_an_empty_postgresql_once() {
    for _ in 0..3 {
        let database = Cluster::shared().database();
        let (here, there) = tokio::join!(super::open(&database), super::open(&database));
        here.change(role("one"), audit("role.create"))
            .await
            .unwrap();
        assert!(there.registry().await.unwrap().role("one").is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_of_the_registry_is_lost_between_two_nodes_on_postgresql() {
    let nodes = two().await;
    let made = at_once(&nodes, 60, |number, node| async move {
        // Both nodes ask for each role.
        let change = role(&format!("role {}", number / 2));
        node.change(change, audit("role.create")).await.is_ok()
    })
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 30);
    for node in &nodes {
        let registry = node.registry().await.unwrap();
        assert_eq!(registry.version(), 30);
        assert_eq!(registry.roles().filter(|role| !role.built_in).count(), 30);
        assert_eq!(actions(node).await.len(), 30);
    }
}

// security.md 36, B2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jti_is_fresh_once_on_two_nodes_on_postgresql() {
    let nodes = two().await;
    for round in 0..20 {
        let recorded = at_once(&nodes, 600, move |number, node| async move {
            // Each key three times, in another order on each node.
            let key = [number, 600 - number][number % 2] % 200;
            let record = jti(&format!("key {round} {key}"), 100);
            (key, node.record_jti(record).await.unwrap())
        })
        .await;
        for key in 0..200 {
            let of = recorded.iter().filter(|(of, _)| *of == key);
            let fresh = of.clone().filter(|(_, found)| *found == Recorded::Fresh);
            assert_eq!((of.count(), fresh.count()), (3, 1), "{round} {key}");
        }
    }
}

// security.md 65, B15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_advances_exactly_to_its_limit_on_two_nodes_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    begin(&nodes[0], active("s")).await;
    let limit = active("s").refresh_limit;
    for generation in 0..=limit {
        let advanced = at_once(&nodes, 20, move |_, node| async move {
            node.advance_session(advance("s", generation))
                .await
                .unwrap()
        })
        .await;
        let given = advanced.iter().flatten().count();
        assert_eq!(given, usize::from(generation < limit), "of {generation}");
    }
    for node in &nodes {
        let session = node.session("s").await.unwrap().unwrap();
        assert_eq!(session.generation, limit);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_updated_by_one_of_two_nodes_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    nodes[0].create_login(login("a")).await.unwrap();
    let updated = at_once(&nodes, 20, |number, node| async move {
        let update = LoginUpdate {
            new_session: Some(pending(&format!("s{number:02}"))),
            audit: vec![audit("token.issue")],
            ..update(login("a"))
        };
        node.update_login(update).await.unwrap()
    })
    .await;
    assert_eq!(updated.iter().filter(|done| **done).count(), 1);
    let sessions = nodes[1].sessions(None, None, 100).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
    assert_eq!(nodes[1].login("a").await.unwrap().unwrap().version, 1);
}

/// Either the session begins before its principal is deleted and ends with it, or it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_signs_in_past_the_deletion_of_their_principal_on_postgresql() {
    let nodes = two().await;
    let [here, there] = &nodes;
    for round in 0..20 {
        with_nobody_but_carol(here).await;
        let id = format!("{round:02}");
        there.create_login(login(&id)).await.unwrap();
        let begin = LoginUpdate {
            new_session: Some(active(&id)),
            ..update(login(&id))
        };
        let deletion = crate::registry::Change::DeletePrincipal {
            name: "carol".to_owned(),
        };
        let (begun, deleted) = tokio::join!(
            there.update_login(begin),
            here.change(deletion, audit("principal.delete"))
        );
        deleted.unwrap();
        match begun {
            Ok(begun) => {
                assert!(begun);
                let session = there.session(&id).await.unwrap().unwrap();
                assert!(session.ended_at.is_some(), "round {round}: {session:?}");
            }
            Err(StoreError::Registry(_)) => {
                assert_eq!(there.session(&id).await.unwrap(), None);
            }
            Err(error) => panic!("round {round}: {error}"),
        }
    }
}

async fn with_nobody_but_carol(node: &Arc<dyn Store>) {
    if node.registry().await.unwrap().role("clerks").is_none() {
        return with_carol(node).await;
    }
    let carol = crate::store::laws::principal("carol", "clerks");
    node.change(carol, audit("principal.create")).await.unwrap();
}

// security.md 79
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_one_node_wakes_the_other_on_postgresql() {
    let [here, there] = two().await;
    let mut watching = there.watch();
    with_carol(&here).await;
    assert_eq!(Changed::next(&mut watching).await, Some(Changed::Registry));
    assert!(there.registry().await.unwrap().principal("carol").is_some());
    here.create_login(login("a")).await.unwrap();
    let acknowledged = LoginRow {
        body: "{\"seen\":true}".to_owned(),
        ..login("a")
    };
    assert!(here.update_login(update(acknowledged)).await.unwrap());
    assert_eq!(
        Changed::next(&mut watching).await,
        Some(Changed::Login("a".to_owned()))
    );
    assert_eq!(there.login("a").await.unwrap().unwrap().version, 1);
    begin(&here, active("s")).await;
    Changed::next(&mut watching).await;
    Changed::next(&mut watching).await;
    let end = here.end_session("s", "x", UnixTime::from_secs(9), audit("session.end"));
    end.await.unwrap();
    assert_eq!(
        Changed::next(&mut watching).await,
        Some(Changed::Session("s".to_owned()))
    );
}

// security.md B3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cleaners_at_once_forget_everything_once_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    let records = 600;
    at_once(&nodes, records, |number, node| async move {
        let record = jti(&number.to_string(), 100 + number as u64 % 7);
        node.record_jti(record).await.unwrap();
    })
    .await;
    for number in 0..40 {
        begin(&nodes[0], pending(&format!("{number:02}"))).await;
    }
    let late = pending("s")
        .pending_until
        .plus(Duration::from_secs(1_000_000));
    // While others go on to write.
    let forgotten = at_once(&nodes, 40, move |number, node| async move {
        if number % 4 == 3 {
            let record = jti(&format!("new {number}"), 4_000_000);
            assert_eq!(node.record_jti(record).await.unwrap(), Recorded::Fresh);
            return 0;
        }
        node.cleanup(late, 25).await.unwrap()
    })
    .await;
    let mut all: u64 = forgotten.iter().sum();
    while let more @ 1.. = nodes[1].cleanup(late, 25).await.unwrap() {
        all += more;
    }
    // Records, logins, and sessions that nobody acknowledged.
    assert_eq!(all, records as u64 + 40 + 40);
    let ended = actions(&nodes[0]).await;
    let ended = ended.iter().filter(|action| *action == "session.end");
    assert_eq!(ended.count(), 40, "each ended with one audit row");
}

/// The cleaner has deleted the record and not committed yet; a replay comes and waits for it.
// security.md B2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_forgotten_at_the_same_moment_stays_refused_on_postgresql() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let store: Arc<dyn Store> = Arc::new(super::open(&database).await);
    let record = jti("a", 100);
    store.record_jti(record.clone()).await.unwrap();
    let mut cleaner = PgConnection::connect(&cluster.url(&database))
        .await
        .unwrap();
    for sql in [
        "BEGIN",
        "DELETE FROM jti",
        "UPDATE counter SET value = 100 WHERE name = 'forgotten_up_to'",
    ] {
        cleaner.execute(sql).await.unwrap();
    }
    let replay = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.record_jti(record).await.unwrap() }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock'";
    while cluster.sql(&database, waiting) == "0" {}
    cleaner.execute("COMMIT").await.unwrap();
    assert_eq!(replay.await.unwrap(), Recorded::Replayed);
}

#[tokio::test]
async fn while_one_node_cleans_up_the_others_do_not_wait_on_postgresql() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let store = super::open(&database).await;
    store.record_jti(jti("a", 100)).await.unwrap();
    let mut cleaner = PgConnection::connect(&cluster.url(&database))
        .await
        .unwrap();
    // "counters", eight bytes as one number
    let lock =
        "BEGIN; SELECT pg_advisory_xact_lock(('x' || encode('counters', 'hex'))::bit(64)::bigint)";
    cleaner.execute(lock).await.unwrap();
    let now = UnixTime::from_secs(1_000);
    assert_eq!(store.cleanup(now, 10).await.unwrap(), 0);
    cleaner.execute("COMMIT").await.unwrap();
    assert_eq!(store.cleanup(now, 10).await.unwrap(), 1);
}
