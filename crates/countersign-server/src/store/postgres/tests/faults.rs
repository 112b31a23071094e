//! What is left when PostgreSQL goes away in the middle?

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use countersign_proto::time::UnixTime;
use tokio::task::JoinSet;

use super::{Work, cluster::Cluster, url};
use crate::{
    registry::Rules,
    store::{
        Changed, PostgresStore, Recorded, SessionAdvance, Store, StoreError,
        laws::{
            actions, audit, jti, role,
            sessions::{active, advance, begin},
            with_carol,
        },
        sql::Sql as _,
    },
};

async fn open(cluster: &Cluster, database: &str) -> Arc<dyn Store> {
    let url = url(&cluster.url(database));
    let store = PostgresStore::open(&url, Rules::default()).await.unwrap();
    Arc::new(store)
}

/// Ends the connections of one database, of those that `which` is true for.
fn terminate(cluster: &Cluster, database: &str, which: &str) -> usize {
    let sql = format!(
        "WITH them AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE datname = '{database}' \
         AND application_name = 'countersign' AND {which}) \
         SELECT count(*) FROM them WHERE pg_terminate_backend(pid)"
    );
    cluster.sql("postgres", &sql).parse().unwrap()
}

/// Calls until it goes well: how often it did not, each time with a fault.
async fn until_it_goes_well<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> (T, u32) {
    let mut faults = 0;
    loop {
        match call().await {
            Ok(answer) => return (answer, faults),
            Err(StoreError::Fault(_)) => faults += 1,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_heals_when_its_connections_to_postgresql_are_cut() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let store = open(cluster, &database).await;
    with_carol(&store).await;
    let mut watching = store.watch();
    for round in 0..3 {
        assert!(terminate(cluster, &database, "TRUE") > 0);
        let change = role(&format!("role {round}"));
        let (_, faults) =
            until_it_goes_well(async || store.change(change.clone(), audit("role.create")).await)
                .await;
        assert!(faults <= 11, "each connection fails once: {faults}");
        // Whoever listened may have missed something, and is told so.
        while Changed::next(&mut watching).await != Some(Changed::Anything) {}
    }
    let names = store.registry().await.unwrap();
    assert!((0..3).all(|round| names.role(&format!("role {round}")).is_some()));
}

// security.md 70
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_is_counted_once_when_postgresql_is_cut_between_commit_and_reply() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let store = open(&cluster, &database).await;
    with_carol(&store).await;
    begin(&store, active("s")).await;
    // From here on every commit waits for a standby that never comes: it is done, and not replied.
    let synchronous = |standby: &str| {
        let sql = format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'");
        cluster.sql("postgres", &sql);
        cluster.sql("postgres", "SELECT pg_reload_conf()");
        while cluster.sql("postgres", "SHOW synchronous_standby_names") != standby {}
    };
    synchronous("nobody");
    let refresh = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.advance_session(advance("s", 0)).await }
    });
    while terminate(&cluster, &database, "wait_event = 'SyncRep'") == 0 {}
    let cut = refresh.await.unwrap();
    assert!(matches!(cut, Err(StoreError::Fault(_))), "{cut:?}");
    synchronous("");
    // It was counted, and the same again is not.
    let (again, _) =
        until_it_goes_well(async || store.advance_session(advance("s", 0)).await).await;
    assert_eq!(again, None);
    let session = store.session("s").await.unwrap().unwrap();
    assert_eq!(
        (session.generation, session.jti),
        (1, "jti 1 of s".to_owned())
    );
    assert_eq!(actions(&store).await, ["token.refresh", "principal.create"]);
}

/// What the store said yes to.
#[derive(Default)]
struct Acknowledged {
    roles: BTreeSet<String>,
    jtis: BTreeSet<String>,
    generations: u32,
}

// security.md 36, 70, B2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_postgresql_crashes() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let nodes = [
        open(&cluster, &database).await,
        open(&cluster, &database).await,
    ];
    with_carol(&nodes[0]).await;
    let endless = crate::store::SessionRow {
        refresh_limit: 1_000_000,
        ..active("s")
    };
    begin(&nodes[0], endless).await;
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    for round in 0..2 {
        let mut writing = JoinSet::new();
        for (number, node) in nodes.iter().enumerate() {
            let (node, acknowledged) = (Arc::clone(node), Arc::clone(&acknowledged));
            writing.spawn(write(node, acknowledged, format!("{round} {number}")));
        }
        let before = done(&acknowledged);
        while done(&acknowledged) < before + 100 {
            tokio::task::yield_now().await;
        }
        let crash = || cluster.control(&["-m", "immediate", "restart"]);
        tokio::task::block_in_place(crash);
        writing.shutdown().await;
    }
    let node = &nodes[1];
    let (registry, _) = until_it_goes_well(async || node.registry().await).await;
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    let acknowledged = std::mem::take(&mut *{ acknowledged });
    assert!(acknowledged.roles.len() > 10 && acknowledged.jtis.len() > 10);
    for name in &acknowledged.roles {
        assert!(registry.role(name).is_some(), "{name}");
    }
    for name in &acknowledged.jtis {
        let again = node.record_jti(jti(name, 4_000_000)).await.unwrap();
        assert_eq!(again, Recorded::Replayed, "{name}");
    }
    let session = node.session("s").await.unwrap().unwrap();
    assert!(session.generation >= acknowledged.generations);
    // Each change and each refresh that is there has its audit row: of one moment, because what was
    // asked for last may still be on its way.
    let counted = cluster.sql(
        &database,
        "SELECT (SELECT count(*) - 1 FROM role), \
         (SELECT count(*) FROM audit WHERE action = 'role.create'), \
         (SELECT generation FROM session), \
         (SELECT count(*) FROM audit WHERE action = 'token.refresh')",
    );
    let counted: Vec<&str> = counted.split('|').collect();
    assert_eq!((counted[0], counted[2]), (counted[1], counted[3]));
}

fn done(acknowledged: &Mutex<Acknowledged>) -> usize {
    let acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    acknowledged.roles.len() + acknowledged.jtis.len()
}

/// Writes one after the other until it is stopped, and notes what was acknowledged.
async fn write(node: Arc<dyn Store>, acknowledged: Arc<Mutex<Acknowledged>>, prefix: String) {
    let note = |change: &dyn Fn(&mut Acknowledged)| {
        change(&mut acknowledged.lock().unwrap_or_else(PoisonError::into_inner));
    };
    for number in 0.. {
        let name = format!("{prefix} {number}");
        let change = node.change(role(&name), audit("role.create")).await;
        if change.is_ok() {
            note(&|noted| noted.roles.extend([name.clone()]));
        }
        if node.record_jti(jti(&name, 4_000_000)).await.is_ok() {
            note(&|noted| noted.jtis.extend([name.clone()]));
        }
        if let Ok(Some(session)) = node.session("s").await {
            let next = SessionAdvance {
                at: UnixTime::from_secs(30),
                secret: name.clone().into_bytes(),
                ..advance("s", session.generation)
            };
            if let Ok(Some(advanced)) = node.advance_session(next).await {
                note(&|noted| noted.generations = noted.generations.max(advanced.generation));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_left_in_the_middle_is_closed_on_postgresql() {
    let cluster = Cluster::shared();
    let url = url(&cluster.url(&cluster.database()));
    let store = PostgresStore::open(&url, Rules::default()).await.unwrap();
    let pool = &store.shared.pool;
    // To the end of a call, to the middle of a transaction, and to the middle of a statement.
    for (place, closed) in [(0, false), (1, true), (2, true)] {
        let mut work = Work::on(pool.acquire().await.unwrap());
        let (size, idle) = (pool.size(), pool.num_idle());
        match place {
            0 => work.begin("SELECT 1; BEGIN").await.unwrap(),
            1 => work.begin("BEGIN").await.unwrap(),
            _ => {
                let long = work.rows("SELECT 1::BIGINT FROM pg_sleep(100)", Vec::new());
                let cut = tokio::time::timeout(Duration::from_millis(20), long).await;
                assert!(cut.is_err());
            }
        }
        match place {
            0 => work.commit().await.unwrap(),
            _ => drop(work),
        }
        while pool.size() == size && pool.num_idle() == idle {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.size() < size, closed, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_leave_the_store_as_it_was_on_postgresql() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let (store, other) = (
        open(cluster, &database).await,
        open(cluster, &database).await,
    );
    with_carol(&store).await;
    begin(&store, active("s")).await;
    for round in 0..60 {
        // So that the registry is read anew.
        let change = role(&format!("role {round}"));
        other.change(change, audit("role.create")).await.unwrap();
        // Each is dropped in another place.
        let patience = Duration::from_micros(100 * round);
        let _ = tokio::time::timeout(patience, store.registry()).await;
        let _ = tokio::time::timeout(patience, store.session("s")).await;
        let _ = tokio::time::timeout(patience, store.advance_session(advance("s", 99))).await;
    }
    assert_eq!(store.registry().await.unwrap().version(), 61);
    assert_eq!(store.session("s").await.unwrap(), Some(active("s")));
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND application_name = 'countersign' AND xact_start IS NOT NULL";
    while cluster.sql(&database, left) != "0" {}
}

#[tokio::test]
async fn audit_rows_are_neither_deleted_nor_changed_by_hand_on_postgresql() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let store = open(cluster, &database).await;
    store.append_audit(audit("token.issue")).await.unwrap();
    for sql in [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'nobody'",
        "TRUNCATE audit",
    ] {
        let output = cluster.try_sql(&database, sql);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("audit rows are kept"), "{sql}: {said}");
    }
    assert_eq!(actions(&store).await, ["token.issue"]);
}

#[tokio::test]
async fn a_text_with_a_nul_is_not_found_and_is_no_fault_on_postgresql() {
    let cluster = Cluster::shared();
    let store = open(cluster, &cluster.database()).await;
    assert_eq!(store.session("\0").await.unwrap(), None);
    assert!(!store.is_token_denied("a\0b").await.unwrap());
    let strange = crate::store::NewAuditEntry {
        subject: "a\0b".to_owned(),
        ..audit("token.refuse")
    };
    store.append_audit(strange).await.unwrap();
    let written = store.audit(None, 1).await.unwrap().items.remove(0);
    assert_eq!(written.subject, "a\u{fffd}b");
}
