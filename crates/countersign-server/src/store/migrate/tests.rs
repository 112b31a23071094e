//! Does everything arrive, in its order, and nothing where something is already?

use std::{path::PathBuf, sync::Arc};

use countersign_proto::{management::SigningKeyState, time::UnixTime};
use sqlx::{ConnectOptions as _, Row as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::{TABLES, migrate};
use crate::{
    Rules,
    config::PostgresUrl,
    store::{
        AccountRow, PastSecret, PostgresStore, Recorded, SqliteStore, Store, StoreError, StoredKey,
        laws::{
            actions, audit,
            granted::{grant, token},
            jti, key, put_keys, role,
            sessions::{active, advance, begin, pending},
            with_carol,
        },
        postgres::tests::cluster::Cluster,
    },
};

async fn sqlite() -> (Arc<dyn Store>, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
    (Arc::new(store), file, folder)
}

fn postgres() -> (PostgresUrl, String) {
    let database = Cluster::shared().database();
    let url = Cluster::shared().url(&database);
    let url = PostgresUrl::parse(&url, std::path::Path::new("/")).unwrap();
    (url, database)
}

async fn open(url: &PostgresUrl) -> Arc<dyn Store> {
    Arc::new(PostgresStore::open(url, Rules::default()).await.unwrap())
}

/// Something of everything.
async fn fill(store: &Arc<dyn Store>) {
    with_carol(store).await;
    for number in 0..3 {
        let name = format!("role {number}");
        store
            .change(role(&name), audit("role.create"))
            .await
            .unwrap();
    }
    store.record_jti(jti("forgotten", 10)).await.unwrap();
    store.cleanup(UnixTime::from_secs(11), 10).await.unwrap();
    store.record_jti(jti("kept", 4_000)).await.unwrap();
    store
        .deny_token(
            "denied".to_owned(),
            UnixTime::from_secs(4_000),
            audit("token.revoke"),
        )
        .await
        .unwrap();
    put_keys(store, vec![retired(), key("k1", 5)]).await;
    grant(store, token("granted")).await;
    begin(store, active("s")).await;
    begin(store, pending("t")).await;
    store.advance_session(advance("s", 0)).await.unwrap();
    store
        .put_account(account(), audit("password.set"))
        .await
        .unwrap();
    // More than one statement takes.
    for _ in 0..2_100 {
        store.append_audit(audit("token.issue")).await.unwrap();
    }
}

fn retired() -> StoredKey {
    StoredKey {
        sealed: Vec::new(),
        state: SigningKeyState::Retired,
        stopped_at: Some(UnixTime::from_secs(4)),
        retires_at: Some(UnixTime::from_secs(5)),
        ..key("k0", 1)
    }
}

fn account() -> AccountRow {
    AccountRow {
        principal: "carol".to_owned(),
        password: "hash".to_owned(),
        changed_at: UnixTime::from_secs(3),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_to_postgresql_in_its_order() {
    let (old, file, _folder) = sqlite().await;
    fill(&old).await;
    let registry = old.registry().await.unwrap();
    let sessions = old.sessions(None, None, 10).await.unwrap();
    let login = old.login("login of s").await.unwrap();
    let keys = old.issuer_keys().await.unwrap();
    assert_eq!(keys.keys, [retired(), key("k1", 5)]);
    let mut written = Vec::new();
    let mut after = None;
    loop {
        let page = old.audit(after, 500).await.unwrap();
        written.extend(page.items);
        match page.next {
            Some(next) => after = Some(next.parse().unwrap()),
            None => break,
        }
    }
    old.close().await.unwrap();

    let (url, _) = postgres();
    let moved = migrate(&file, &url).await.unwrap();
    let of = |table: &str| moved.0.iter().find(|(name, _)| *name == table).unwrap().1;
    assert_eq!(of("audit"), written.len() as u64);
    assert_eq!((of("session"), of("past_secret"), of("role")), (2, 1, 4));
    assert!(moved.0.iter().all(|(name, rows)| {
        *rows > 0 || ["application", "certificate", "mapping"].contains(name)
    }));

    let new = open(&url).await;
    let again = new.registry().await.unwrap();
    assert_eq!(again.version(), registry.version());
    assert!(again.roles().eq(registry.roles()));
    assert!(again.principals().eq(registry.principals()));
    for (replay, expected) in [
        (jti("kept", 4_000), Recorded::Replayed),
        (jti("forgotten", 10), Recorded::Replayed),
        (jti("new", 4_000), Recorded::Fresh),
    ] {
        assert_eq!(new.record_jti(replay).await.unwrap(), expected);
    }
    assert!(new.is_token_denied("denied").await.unwrap());
    assert_eq!(new.issuer_keys().await.unwrap(), keys);
    assert_eq!(new.sessions(None, None, 10).await.unwrap(), sessions);
    assert_eq!(new.login("login of s").await.unwrap(), login);
    assert_eq!(new.account("carol").await.unwrap(), Some(account()));
    let granted = new.token_by_digest(&token("granted").digest).await.unwrap();
    assert_eq!(granted, Some(token("granted")));
    let past = new.past_secret("s", &active("s").secret).await.unwrap();
    let expected = PastSecret {
        generation: 0,
        used_at: advance("s", 0).at,
        successor_used_at: None,
    };
    assert_eq!(past, Some(expected));
    // The chain goes on where it was.
    assert_eq!(new.advance_session(advance("s", 0)).await.unwrap(), None);
    let next = new.advance_session(advance("s", 1)).await.unwrap();
    assert_eq!(next.map(|session| session.generation), Some(2));
    // The audit goes on after its last number.
    let newest = new.audit(None, 1).await.unwrap().items.remove(0);
    assert_eq!(newest.sequence, written[0].sequence + 1);
    let mut after = Some(newest.sequence);
    for chunk in written.chunks(500) {
        let page = new.audit(after, 500).await.unwrap();
        assert_eq!(page.items, chunk);
        after = page.items.last().map(|entry| entry.sequence);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_store_moves_to_postgresql_too() {
    let (old, file, _folder) = sqlite().await;
    old.close().await.unwrap();
    let (url, _) = postgres();
    assert_eq!(migrate(&file, &url).await.unwrap().rows(), 5);
    let new = open(&url).await;
    new.append_audit(audit("token.issue")).await.unwrap();
    assert_eq!(new.audit(None, 1).await.unwrap().items[0].sequence, 1);
    new.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_is_not_empty_stays_as_it_is() {
    let (old, file, _folder) = sqlite().await;
    fill(&old).await;
    old.close().await.unwrap();
    let (url, _) = postgres();
    let there = open(&url).await;
    there.append_audit(audit("token.issue")).await.unwrap();
    let refused = migrate(&file, &url).await.unwrap_err().to_string();
    assert!(
        refused.contains("is not empty: it has 1 rows in audit") && refused.contains("createdb"),
        "{refused}"
    );
    assert_eq!(actions(&there).await, ["token.issue"]);
    assert_eq!(there.registry().await.unwrap().version(), 0);
    there.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_arrive_whole_in_postgresql_does_not_arrive_at_all() {
    let (old, file, _folder) = sqlite().await;
    fill(&old).await;
    old.close().await.unwrap();
    let (url, database) = postgres();
    open(&url).await.close().await.unwrap();
    for (breakage, table) in [
        // The last table of all swallows its row, or refuses it.
        (
            "CREATE RULE broken AS ON INSERT TO account DO INSTEAD NOTHING",
            "account",
        ),
        (
            "DROP RULE broken ON account; ALTER TABLE account ADD CHECK (changed_at > 100)",
            "account",
        ),
    ] {
        Cluster::shared().sql(&database, breakage);
        let refused = migrate(&file, &url).await.unwrap_err().to_string();
        assert!(
            refused.contains(table) && refused.starts_with(&url.to_string()),
            "{refused}"
        );
        let there = open(&url).await;
        assert_eq!(actions(&there).await, Vec::<String>::new());
        assert_eq!(there.registry().await.unwrap().version(), 0);
        there.close().await.unwrap();
    }
    // The file has not changed either.
    let old = SqliteStore::open(&file, Rules::default()).await.unwrap();
    assert_eq!(old.account("carol").await.unwrap(), Some(account()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_there_or_in_use_does_not_move_to_postgresql() {
    let (old, file, folder) = sqlite().await;
    let (url, _) = postgres();
    let refused = migrate(&file, &url).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Open(line) if line.contains("a.db: is in use by a platform; stop that first")),
        "{refused}"
    );
    old.append_audit(audit("token.issue")).await.unwrap();
    old.close().await.unwrap();
    let none = folder.path().join("none.db");
    let refused = migrate(&none, &url).await.unwrap_err().to_string();
    assert!(
        refused.contains("none.db: there is no such file"),
        "{refused}"
    );
    assert!(!none.exists());
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, but long enough".repeat(50)).unwrap();
    let refused = migrate(&text, &url).await.unwrap_err().to_string();
    assert!(
        refused.contains("notes.txt: is no SQLite database"),
        "{refused}"
    );
    assert_eq!(migrate(&file, &url).await.unwrap().rows(), 6);
}

#[tokio::test]
async fn no_table_and_no_column_is_forgotten() {
    let (_old, file, _folder) = sqlite().await;
    let mut connection = SqliteConnectOptions::new()
        .filename(&file)
        .connect()
        .await
        .unwrap();
    let rows = sqlx::query(
        "SELECT t.name, c.name, c.type FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
         WHERE t.type = 'table' AND t.name <> '_sqlx_migrations' ORDER BY 1, c.cid",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut there: Vec<(String, String, String)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let mut known: Vec<(String, String, String)> = TABLES
        .iter()
        .flat_map(|table| {
            table.columns.iter().map(|(column, kind)| {
                let kind = match kind {
                    super::Kind::Number => "INTEGER",
                    super::Kind::Text => "TEXT",
                    super::Kind::Bytes => "BLOB",
                };
                (table.name.to_owned(), (*column).to_owned(), kind.to_owned())
            })
        })
        .collect();
    there.sort();
    known.sort();
    assert_eq!(known, there);
}
