//! Does what an operator runs after pg_restore end what must not come back to life?

use std::{fs, sync::Arc};

use countersign_proto::time::UnixTime;

use super::cluster::{Cluster, root};
use crate::store::{
    RESTORED, SessionState, Store,
    laws::{
        logins::login,
        sessions::{active, begin},
        with_carol,
    },
};

#[tokio::test]
async fn the_sql_of_the_page_on_backups_ends_what_a_copy_cannot_know_of_on_postgresql() {
    let page = fs::read_to_string(root().join("docs/how-to/back-up.md")).unwrap();
    let (_, rest) = page.split_once("```sql\n").unwrap();
    let (sql, _) = rest.split_once("```").unwrap();

    let cluster = Cluster::shared();
    let database = cluster.database();
    let store: Arc<dyn Store> = Arc::new(super::open(&database).await);
    with_carol(&store).await;
    begin(&store, active("kept")).await;
    store.create_login(login("under way")).await.unwrap();
    assert_eq!(store.believed_from(), UnixTime::from_secs(0));
    drop(store);

    let now = || {
        let seconds = cluster.sql(&database, "SELECT extract(epoch FROM now())::bigint");
        UnixTime::from_secs(seconds.parse().unwrap())
    };
    let before = now();
    // Whoever is not sure runs it again.
    for _ in 0..2 {
        cluster.sql(&database, sql);
    }

    let store = super::open(&database).await;
    let session = store.session("kept").await.unwrap().unwrap();
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.end_reason.as_deref(), Some(RESTORED));
    assert!(store.login("under way").await.unwrap().is_none());
    let ahead = countersign_proto::assertion::FUTURE_MAX;
    assert!(store.believed_from() >= before.plus(ahead));
    assert!(store.believed_from() <= now().plus(ahead));
}
