//! Does a store open that was written before a role was built in?

use std::sync::Arc;

use countersign_proto::management::Role;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, sqlite::SqliteConnectOptions};

use super::{
    PostgresStore, SqliteStore, Store,
    laws::{audit, principal, with_carol},
    postgres::tests::cluster::Cluster,
};
use crate::{
    config::PostgresUrl,
    registry::{Change, Rules},
};

/// What such a store holds: a role of that name, and somebody who has it.
const BEFORE: [&str; 2] = [
    "UPDATE role SET name = 'Developer', body = replace(body, '\"clerks\"', '\"Developer\"') \
     WHERE name = 'clerks'",
    "UPDATE principal SET body = replace(body, '\"clerks\"', '\"Developer\"')",
];

/// The store before, a way to run SQL in it, and the store after.
async fn it_opens_and_loses_nothing(
    before: Arc<dyn Store>,
    written: impl AsyncFnOnce(),
    open: impl AsyncFn() -> Arc<dyn Store>,
) {
    with_carol(&before).await;
    let clerks = before.registry().await.unwrap();
    let clerks = Role::clone(clerks.role("clerks").unwrap());
    before.close().await.unwrap();
    written().await;

    let store = open().await;
    let registry = store.registry().await.unwrap();
    let theirs = Role {
        name: "Developer".to_owned(),
        ..clerks
    };
    assert_eq!(**registry.role("Developer").unwrap(), theirs);
    assert_eq!(registry.principal("carol").unwrap().roles, ["Developer"]);
    let dave = principal("dave", "Developer");
    store.change(dave, audit("principal.create")).await.unwrap();
    let changed = Role {
        description: "theirs still".to_owned(),
        ..theirs
    };
    let change = Change::UpdateRole(changed.clone());
    store.change(change, audit("role.update")).await.unwrap();
    store.close().await.unwrap();
    let store = open().await;
    let registry = store.registry().await.unwrap();
    assert_eq!(**registry.role("Developer").unwrap(), changed);

    let nobody_has_it = ["carol", "dave"].map(|name| Change::DeletePrincipal {
        name: name.to_owned(),
    });
    let deleted = Change::DeleteRole {
        name: "Developer".to_owned(),
    };
    let changes = nobody_has_it.into_iter().chain([deleted]).collect();
    let registry = store.change(Change::All(changes), audit("role.delete"));
    assert!(registry.await.unwrap().role("Developer").unwrap().built_in);
    store.close().await.unwrap();
    let registry = open().await.registry().await.unwrap();
    assert!(registry.role("Developer").unwrap().built_in);
}

#[tokio::test]
async fn sqlite_with_a_role_that_was_built_in_later_opens_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let open = async || {
        let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
        Arc::new(store) as Arc<dyn Store>
    };
    let written = async || {
        let options = SqliteConnectOptions::new().filename(&file);
        let mut connection = options.connect().await.unwrap();
        for sql in BEFORE {
            connection.execute(sql).await.unwrap();
        }
        connection.close().await.unwrap();
    };
    it_opens_and_loses_nothing(open().await, written, open).await;
}

#[tokio::test]
async fn postgresql_with_a_role_that_was_built_in_later_opens_and_loses_nothing() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url(&database);
    let url = PostgresUrl::parse(&url, std::path::Path::new("/")).unwrap();
    let open = async || {
        let store = PostgresStore::open(&url, Rules::default()).await.unwrap();
        Arc::new(store) as Arc<dyn Store>
    };
    let written = async || {
        for sql in BEFORE {
            cluster.sql(&database, sql);
        }
    };
    it_opens_and_loses_nothing(open().await, written, open).await;
}
