//! How are the tables brought up to date, and when are they refused?

use sqlx::{
    SqlSafeStr as _,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

/// The steps from nothing to the tables of this version: each with its name.
pub(in crate::store) struct Migrations(
    pub(in crate::store) &'static [(i64, &'static str, &'static str)],
);

impl Migrations {
    pub(in crate::store) fn migrator(&self) -> Migrator {
        let steps = self.0.iter().map(|(version, name, sql)| {
            Migration::new(
                *version,
                (*name).into(),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        });
        Migrator::with_migrations(steps.collect())
    }

    /// What is wrong, in words that help.
    pub(in crate::store) fn explain(&self, error: &MigrateError) -> String {
        match error {
            MigrateError::VersionMissing(version) => format!(
                "was written by a newer countersign (its tables have version {version}, this one \
                 knows {newest}); use the newer one, or bring back a backup",
                newest = self.newest()
            ),
            MigrateError::VersionMismatch(version) => format!(
                "its tables of version {version} are not those of any release; bring back a backup"
            ),
            other => format!("its tables cannot be brought up to date: {other}"),
        }
    }

    /// The version that these lead to.
    pub(in crate::store) fn newest(&self) -> i64 {
        let versions = self.0.iter().map(|(version, ..)| *version);
        versions.max().unwrap_or_default()
    }
}
