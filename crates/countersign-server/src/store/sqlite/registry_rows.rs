//! How does the registry stand in tables?

use std::sync::Arc;

use countersign_proto::time::UnixTime;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{batch, execute, fault, unsigned};
use crate::{
    registry::{CertificateEntry, Change, Registry, RegistryRows, Rules},
    store::{NewAuditEntry, PRINCIPAL_DELETED, StoreError, sql::sessions},
};

/// Reads the whole registry in one transaction.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    rules: Rules,
) -> Result<Registry, StoreError> {
    execute(connection, "BEGIN").await?;
    let read = read_all(connection).await;
    execute(connection, "ROLLBACK").await?;
    let (version, rows) = read?;
    Ok(Registry::from_rows(rules, version, rows)?)
}

/// Applies a change to the registry as it is in this transaction, and writes it with its audit row.
/// The ids of the sessions that end with it are added to `ended`.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    seen: &Arc<Registry>,
    change: &Change,
    audit: NewAuditEntry,
    ended: &mut Vec<String>,
) -> Result<Registry, StoreError> {
    let version = read_version(connection).await?;
    let now = if seen.version() == version {
        Arc::clone(seen)
    } else {
        // Another process changed it.
        let (version, rows) = read_all(connection).await?;
        Arc::new(Registry::from_rows(seen.rules(), version, rows)?)
    };
    let next = now.apply(change)?;
    let mut changes = vec![change];
    while let Some(change) = changes.pop() {
        match change {
            // Taken from the end, so the first must come last.
            Change::All(several) => changes.extend(several.iter().rev()),
            Change::DeletePrincipal { name } => {
                ended.extend(delete_principal(connection, name, audit.at).await?);
            }
            one => write(connection, one, &next).await?,
        }
    }
    execute(
        connection,
        "UPDATE counter SET value = value + 1 WHERE name = 'registry_version'",
    )
    .await?;
    batch::append_audit(connection, vec![audit]).await?;
    Ok(next)
}

async fn read_all(connection: &mut SqliteConnection) -> Result<(u64, RegistryRows), StoreError> {
    let version = read_version(connection).await?;
    let rows = RegistryRows {
        applications: bodies(
            connection,
            "SELECT body FROM application ORDER BY client_id",
        )
        .await?,
        certificates: bodies(
            connection,
            "SELECT body FROM certificate ORDER BY sha256, usage",
        )
        .await?,
        principals: bodies(connection, "SELECT body FROM principal ORDER BY name").await?,
        roles: bodies(connection, "SELECT body FROM role ORDER BY name").await?,
        mappings: bodies(connection, "SELECT body FROM mapping ORDER BY id").await?,
    };
    Ok((version, rows))
}

async fn read_version(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let version: i64 =
        sqlx::query_scalar("SELECT value FROM counter WHERE name = 'registry_version'")
            .fetch_one(connection)
            .await
            .map_err(fault)?;
    Ok(unsigned(version))
}

async fn bodies<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<Vec<T>, StoreError> {
    let texts: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(connection)
        .await
        .map_err(fault)?;
    texts
        .iter()
        .map(|text| {
            serde_json::from_str(text).map_err(|error| {
                StoreError::Fault(format!("a row of `{sql}` does not read: {error}"))
            })
        })
        .collect()
}

/// Writes one change, which fits, as the rows that it is in `next`.
async fn write(
    connection: &mut SqliteConnection,
    change: &Change,
    next: &Registry,
) -> Result<(), StoreError> {
    match change {
        Change::CreateApplication(it) | Change::UpdateApplication(it) => {
            put(connection, "application", "client_id", &it.client_id, it).await
        }
        Change::DeleteApplication { client_id } => {
            delete(connection, "application", "client_id", client_id).await
        }
        Change::RegisterCertificate(it) => put_certificates(connection, next, &it.sha256).await,
        Change::RevokeCertificate { sha256, .. } => put_certificates(connection, next, sha256).await,
        Change::CreatePrincipal(it) | Change::UpdatePrincipal(it) => {
            put(connection, "principal", "name", &it.name, it).await
        }
        Change::CreateRole(it) | Change::UpdateRole(it) => {
            put(connection, "role", "name", &it.name, it).await
        }
        Change::DeleteRole { name } => delete(connection, "role", "name", name).await,
        Change::CreateMapping(it) => sqlx::query(
            "INSERT INTO mapping (id, client_id, certificate, principal, body) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(it.id.clone())
        .bind(it.client_id.clone())
        .bind(it.certificate.clone())
        .bind(it.principal.clone())
        .bind(json(it)?)
        .execute(connection)
        .await
        .map(drop)
        .map_err(fault),
        Change::DeleteMapping { id } => delete(connection, "mapping", "id", id).await,
        // Handled by the caller.
        Change::DeletePrincipal { .. } | Change::All(_) => Ok(()),
    }
}

/// Its account goes with it. The ids of the sessions that end.
async fn delete_principal(
    connection: &mut SqliteConnection,
    name: &str,
    at: UnixTime,
) -> Result<Vec<String>, StoreError> {
    delete(connection, "principal", "name", name).await?;
    let (name, reason) = (name.to_owned(), PRINCIPAL_DELETED.to_owned());
    sessions::mark_all_ended(connection, name, reason, at).await
}

async fn put_certificates(
    connection: &mut SqliteConnection,
    next: &Registry,
    sha256: &str,
) -> Result<(), StoreError> {
    for entry in next.certificate_rows(sha256) {
        let CertificateEntry { record, .. } = &**entry;
        sqlx::query(
            "INSERT INTO certificate (sha256, usage, sha1, client_id, body) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (sha256, usage) DO UPDATE SET body = excluded.body",
        )
        .bind(record.sha256.clone())
        .bind(entry.usage_name())
        .bind(record.sha1.clone())
        .bind(record.client_id.clone())
        .bind(json(record)?)
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    }
    Ok(())
}

/// `table` and `key` are ours, never from outside.
async fn put<T: Serialize>(
    connection: &mut SqliteConnection,
    table: &'static str,
    key: &'static str,
    name: &str,
    record: &T,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO {table} ({key}, body) VALUES (?, ?) ON CONFLICT ({key}) DO UPDATE SET body = excluded.body"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(name.to_owned())
        .bind(json(record)?)
        .execute(connection)
        .await
        .map(drop)
        .map_err(fault)
}

async fn delete(
    connection: &mut SqliteConnection,
    table: &'static str,
    key: &'static str,
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM {table} WHERE {key} = ?"
    )))
    .bind(name.to_owned())
    .execute(connection)
    .await
    .map(drop)
    .map_err(fault)
}

fn json<T: Serialize>(record: &T) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Fault(error.to_string()))
}
