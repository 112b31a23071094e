//! How does the registry stand in tables?

use std::sync::Arc;

use countersign_proto::{management::RegisteredCertificate, time::UnixTime};
use serde::de::DeserializeOwned;

use super::{
    Abreast, Columns, Made, Request, Sql, json, sessions, token_ends, token_roles, values,
};
use crate::{
    registry::{CertificateEntry, Change, Registry, RegistryRows, Rules},
    store::{Changed, NewAuditEntry, PRINCIPAL_DELETED, StoreError, resting},
};

/// Reads the whole registry. The caller sees to it that nobody changes it meanwhile, or that what
/// is read is of one moment.
pub(in crate::store) async fn load(
    connection: &mut impl Sql,
    rules: Rules,
) -> Result<Registry, StoreError> {
    let version = version(connection).await?;
    let rows = rows(connection).await?;
    Ok(Registry::from_rows(rules, version, rows)?)
}

pub(in crate::store) async fn version(connection: &mut impl Sql) -> Result<u64, StoreError> {
    let row = connection
        .row(
            "SELECT value FROM counter WHERE name = 'registry_version'",
            values![],
        )
        .await?;
    row.map_or_else(|| Err(no_version()), |row| row.number(0))
}

fn no_version() -> StoreError {
    StoreError::Fault("the registry has no version".to_owned())
}

async fn rows(connection: &mut impl Sql) -> Result<RegistryRows, StoreError> {
    Ok(RegistryRows {
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
    })
}

/// Whether a certificate is known and revoked.
pub(super) async fn is_revoked(
    connection: &mut impl Sql,
    sha256: &str,
) -> Result<bool, StoreError> {
    let rows = connection
        .rows(
            "SELECT body FROM certificate WHERE sha256 = $1",
            values![sha256],
        )
        .await?;
    let records: Vec<RegisteredCertificate> = rows.iter().map(record).collect::<Result<_, _>>()?;
    Ok(records.iter().any(|record| record.revoked_at.is_some()))
}

async fn bodies<T: DeserializeOwned>(
    connection: &mut impl Sql,
    sql: &'static str,
) -> Result<Vec<T>, StoreError> {
    let rows = connection.rows(sql, values![]).await?;
    rows.iter().map(record).collect()
}

fn record<T: DeserializeOwned>(row: &impl Columns) -> Result<T, StoreError> {
    serde_json::from_str(&row.text(0)?)
        .map_err(|error| StoreError::Fault(format!("a row of the registry does not read: {error}")))
}

/// A change with its audit row.
#[derive(Clone, Debug)]
pub(in crate::store) struct RegistryChange {
    change: Arc<Change>,
    audit: NewAuditEntry,
}

impl RegistryChange {
    pub(in crate::store) fn new(change: Change, audit: NewAuditEntry) -> RegistryChange {
        RegistryChange {
            change: Arc::new(change),
            audit,
        }
    }
}

impl Request for RegistryChange {
    type Answer = Registry;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<Registry, StoreError> {
        // First of all: from here to the end of the transaction nobody else changes the registry.
        let counted = connection
            .row(
                "UPDATE counter SET value = value + 1 WHERE name = 'registry_version' \
                 RETURNING value",
                values![],
            )
            .await?
            .ok_or_else(no_version)?;
        let version = counted.number(0)?.saturating_sub(1);
        let seen = &made.registry;
        let now = if seen.version() == version {
            Arc::clone(seen)
        } else {
            // Another process changed it.
            let rows = rows(connection).await?;
            Arc::new(Registry::from_rows(seen.rules(), version, rows)?)
        };
        let next = now.apply(&self.change)?;
        let mut ended = Vec::new();
        let mut changes = vec![&*self.change];
        while let Some(change) = changes.pop() {
            match change {
                // Taken from the end, so the first must come last.
                Change::All(several) => changes.extend(several.iter().rev()),
                Change::DeletePrincipal { name } => {
                    ended.extend(delete_principal(connection, name, self.audit.at).await?);
                }
                one => write(connection, one, &next).await?,
            }
        }
        // Last of all that is written but the audit: whoever grants a token holds its owner first.
        for (ground, reason) in resting::taken_away(&self.change, &now) {
            token_ends::revoke(connection, made, ground, reason, self.audit.at).await?;
        }
        for role in resting::roles_deleted(&self.change) {
            token_roles::take_away(connection, made, role, self.audit.at).await?;
        }
        connection.append_audit(vec![self.audit]).await?;
        made.registry = Arc::new(next.clone());
        made.changes.push(Changed::Registry);
        made.changes.extend(ended.into_iter().map(Changed::Session));
        Ok(next)
    }
}

/// Writes a record under its key. The names of the table and its key are ours, never from outside.
macro_rules! put {
    ($connection:expr, $table:literal, $key:literal, $name:expr, $record:expr) => {
        $connection
            .execute(
                concat!(
                    "INSERT INTO ",
                    $table,
                    " (",
                    $key,
                    ", body) VALUES ($1, $2) ON CONFLICT (",
                    $key,
                    ") DO UPDATE SET body = excluded.body"
                ),
                values![$name.as_str(), json($record)?],
            )
            .await
            .map(drop)
    };
}

macro_rules! delete {
    ($connection:expr, $table:literal, $key:literal, $name:expr) => {
        $connection
            .execute(
                concat!("DELETE FROM ", $table, " WHERE ", $key, " = $1"),
                values![$name.as_str()],
            )
            .await
            .map(drop)
    };
}

/// Writes one change, which fits, as the rows that it is in `next`.
async fn write(
    connection: &mut impl Sql,
    change: &Change,
    next: &Registry,
) -> Result<(), StoreError> {
    match change {
        Change::CreateApplication(it) | Change::UpdateApplication(it) => {
            put!(connection, "application", "client_id", it.client_id, it)
        }
        Change::DeleteApplication { client_id } => {
            delete!(connection, "application", "client_id", client_id)
        }
        Change::RegisterCertificate(it) => put_certificates(connection, next, &it.sha256).await,
        Change::RevokeCertificate { sha256, .. } => {
            put_certificates(connection, next, sha256).await
        }
        Change::CreatePrincipal(it) | Change::UpdatePrincipal(it) => {
            put!(connection, "principal", "name", it.name, it)
        }
        Change::CreateRole(it) | Change::UpdateRole(it) => {
            put!(connection, "role", "name", it.name, it)
        }
        Change::DeleteRole { name } => delete!(connection, "role", "name", name),
        Change::CreateMapping(it) => connection
            .execute(
                "INSERT INTO mapping (id, client_id, certificate, principal, body) \
                 VALUES ($1, $2, $3, $4, $5)",
                values![
                    it.id.as_str(),
                    it.client_id.as_str(),
                    it.certificate.as_str(),
                    it.principal.as_str(),
                    json(it)?,
                ],
            )
            .await
            .map(drop),
        Change::DeleteMapping { id } => delete!(connection, "mapping", "id", id),
        // Handled by the caller.
        Change::DeletePrincipal { .. } | Change::All(_) => Ok(()),
    }
}

/// Its account goes with it. The ids of the sessions that end.
async fn delete_principal(
    connection: &mut impl Sql,
    name: &str,
    at: UnixTime,
) -> Result<Vec<String>, StoreError> {
    // The principal first: who holds it is beginning a session, which must be seen.
    connection
        .execute("DELETE FROM principal WHERE name = $1", values![name])
        .await?;
    let (name, reason) = (name.to_owned(), PRINCIPAL_DELETED.to_owned());
    sessions::mark_all_ended(connection, name, reason, at).await
}

async fn put_certificates(
    connection: &mut impl Sql,
    next: &Registry,
    sha256: &str,
) -> Result<(), StoreError> {
    for entry in next.certificate_rows(sha256) {
        let CertificateEntry { record, .. } = &**entry;
        connection
            .execute(
                "INSERT INTO certificate (sha256, usage, sha1, client_id, body) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (sha256, usage) DO UPDATE SET body = excluded.body",
                values![
                    record.sha256.as_str(),
                    entry.usage_name(),
                    record.sha1.as_str(),
                    record.client_id.as_str(),
                    json(record)?,
                ],
            )
            .await?;
    }
    Ok(())
}
