//! Migrations on PostgreSQL: of several nodes that start together one applies them, the others wait for it.

use std::collections::HashSet;

use kernel::Timestamp;

use super::{
    Postgres,
    session::{Manner, Session},
};
use crate::db::{Applied, DbError, Migration, Value, migrate, session::Params};

const NONE: Params<'static> = Params { org: None, own: &[] };

impl Postgres {
    /// Applies what is missing, on a connection of its own, which holds the lock as long as it lives.
    pub(in crate::db) fn migrate(
        &self,
        migrations: &[Migration],
        now: Timestamp,
    ) -> Result<Applied, DbError> {
        let session = Session::connect(&self.0.address)?;
        session.begins(Manner::Snapshot);
        let applied = session.migrate(migrations, now);
        session.roll_back();
        session.close();
        applied
    }
}

impl Session {
    fn migrate(&self, migrations: &[Migration], now: Timestamp) -> Result<Applied, DbError> {
        // What others committed while this node waited must be seen, so no statement of this shares a snapshot.
        self.lock_schema()?;
        self.batch(
            "CREATE TABLE IF NOT EXISTS server_migrations (
                name text COLLATE \"C\" PRIMARY KEY, applied_at bigint NOT NULL
            )",
        )?;
        let present: Vec<(String,)> = self.alone("SELECT name FROM server_migrations", NONE)?;
        let present: HashSet<String> = present.into_iter().map(|(name,)| name).collect();
        let missing = migrate::missing(present, migrations)?;
        if !missing.is_empty() {
            self.provide_trigrams()?;
        }
        let mut applied = Applied::default();
        for migration in missing {
            self.apply(&migration, now)?;
            applied.names.push(migration.name().to_owned());
        }
        Ok(applied)
    }

    /// Holds the lock of this schema's migrations until the connection ends.
    fn lock_schema(&self) -> Result<(), DbError> {
        const NAME: &str = "hashtextextended(current_schema() || ' migrations', 0)";
        let got: Vec<(bool,)> = self.alone(&format!("SELECT pg_try_advisory_lock({NAME})"), NONE)?;
        if !got.iter().any(|(got,)| *got) {
            tracing::info!("another node brings the schema up to date; waiting for it");
            self.batch(&format!("SELECT pg_advisory_lock({NAME})"))?;
        }
        Ok(())
    }

    /// The extension behind `search=`. Installing it is allowed to whoever may create things in the database, if the
    /// server has it (Debian: postgresql-contrib).
    fn provide_trigrams(&self) -> Result<(), DbError> {
        let present: Vec<(i64,)> =
            self.alone("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'", NONE)?;
        if !present.is_empty() {
            return Ok(());
        }
        self.batch("CREATE EXTENSION IF NOT EXISTS pg_trgm").map_err(|cause| {
            let problem = format!("it needs the extension pg_trgm, which can't be installed: {cause}");
            DbError::Migration("CREATE EXTENSION pg_trgm".to_owned(), problem)
        })
    }

    /// Applies one step: step and note of it stay together, or neither.
    fn apply(&self, migration: &Migration, now: Timestamp) -> Result<(), DbError> {
        let failed = |cause: DbError| DbError::Migration(migration.name().to_owned(), cause.to_string());
        let note = "INSERT INTO server_migrations (name, applied_at) VALUES ($1, $2)";
        let own = [Value::Text(migration.name()), Value::Integer(now.timestamp_micros())];
        self.begins(Manner::Unit);
        let done = self
            .execute(note, Params { org: None, own: &own })
            .and_then(|_| self.batch(&migration.postgres()))
            .map_err(failed)
            .and_then(|()| self.commit().map_err(|(_, cause)| failed(cause)));
        self.roll_back();
        done
    }

    /// Runs one statement that sees what stands now.
    fn alone<R: crate::db::Record>(&self, sql: &str, params: Params<'_>) -> Result<Vec<R>, DbError> {
        self.begins(Manner::Single);
        self.each(sql, params, usize::MAX)
    }
}
