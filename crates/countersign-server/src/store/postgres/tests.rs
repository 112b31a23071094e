//! Does the store keep its promises on a real PostgreSQL?

use std::{path::Path, sync::Arc};

use super::{PostgresStore, Work};
use crate::{config::PostgresUrl, registry::Rules, store::Store};

#[path = "../../../../../tests/tests/parts/postgres.rs"]
pub(in crate::store) mod cluster;
use cluster::Cluster;

mod opening;

mod keys;

pub(in crate::store) mod nodes;

mod granted;

mod token_crowd;

mod faults;

mod plans;

mod restored;

mod on_postgresql {
    use super::*;
    use crate::store::laws::{self, laws_of};

    async fn empty() -> (Arc<dyn Store>, ()) {
        let database = Cluster::shared().database();
        (Arc::new(open(&database).await), ())
    }

    laws_of!(empty);

    #[tokio::test]
    async fn law_1_what_was_acknowledged_is_there_again() {
        let database = Cluster::shared().database();
        let store: Arc<dyn Store> = Arc::new(open(&database).await);
        laws::acknowledged::law_1_what_was_acknowledged_is_there_again(store, async || {
            Arc::new(open(&database).await) as Arc<dyn Store>
        })
        .await;
    }
}

async fn open(database: &str) -> PostgresStore {
    let url = url(&Cluster::shared().url(database));
    PostgresStore::open(&url, Rules::default()).await.unwrap()
}

fn url(text: &str) -> PostgresUrl {
    PostgresUrl::parse(text, Path::new("/")).unwrap()
}
