//! Does PostgreSQL find by its indexes what is asked for?

use super::{super::work::Work, cluster::Cluster};
use crate::store::sql::plans::{
    Dialect, Explained, the_audit_is_read, tokens_are_found, tokens_end, tokens_live,
};

const DIALECT: Dialect = Dialect {
    explain: "EXPLAIN (COSTS OFF)",
    step: 0,
    is_scan,
    bytes: "BYTEA",
    keys: ["granted_token_pkey", "granted_token_digest_key"],
};

fn is_scan(step: &str) -> bool {
    ["granted_token", "audit"].iter().any(|table| {
        let scanned = step.split("Seq Scan on ").nth(1);
        scanned.is_some_and(|what| what.split(' ').next() == Some(table))
    })
}

async fn filled() -> Explained<Work> {
    let store = super::open(&Cluster::shared().database()).await;
    let connection = store.shared.pool.acquire().await.unwrap();
    Explained::filled(Work::on(connection), DIALECT).await
}

#[tokio::test]
async fn many_tokens_and_a_long_audit_are_not_looked_through_on_postgresql() {
    let mut asked = filled().await;
    tokens_are_found(&mut asked).await;
    the_audit_is_read(&mut asked).await;
    tokens_live(&mut asked).await;
    tokens_end(&mut asked).await;
}
