//! Migrations on SQLite: whoever runs them holds the data folder, so nobody else does.

use std::collections::HashSet;

use kernel::Timestamp;

use super::Session;
use crate::db::{DbError, Migration};

impl Session {
    /// The names of the steps that were applied, ever.
    pub(in crate::db) fn applied(&self) -> Result<HashSet<String>, DbError> {
        self.connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS server_migrations (name text PRIMARY KEY, applied_at bigint NOT NULL)",
        )?;
        let mut names = self.connection.prepare("SELECT name FROM server_migrations")?;
        let names = names.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names)
    }

    /// Applies one step, in the transaction of the unit that runs this: step and note of it stay together, or neither.
    pub(in crate::db) fn apply(&self, migration: &Migration, now: Timestamp) -> Result<(), DbError> {
        let failed =
            |cause: rusqlite::Error| DbError::Migration(migration.name().to_owned(), cause.to_string());
        self.connection.execute_batch(&migration.sqlite()).map_err(failed)?;
        let note = "INSERT INTO server_migrations (name, applied_at) VALUES (?1, ?2)";
        self.connection.execute(note, (migration.name(), now.timestamp_micros())).map_err(failed)?;
        Ok(())
    }
}
