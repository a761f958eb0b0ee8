//! The schema, brought up to date at start: named steps of all modules, in the order of their names.

use std::collections::HashSet;

use rusqlite::Connection;

use super::DbError;

/// One step of the schema. Steps only go forward, and old code must survive them: add first, drop later.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    name: &'static str,
    steps: Steps,
}

#[derive(Debug, Clone, Copy)]
enum Steps {
    /// The same text for both databases.
    Portable(&'static str),
    /// A variant for each.
    Each { sqlite: &'static str, postgres: &'static str },
    /// The index behind `search=`.
    Search { table: &'static str, column: &'static str },
}

/// What a start did to the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Names of the steps that were applied, in order.
    pub names: Vec<String>,
}

impl Migration {
    /// A step that both databases read. Types: `uuid text keytext bigint boolean bytea "double precision"`, where
    /// `keytext` is text compared byte by byte.
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, steps: Steps::Portable(sql) }
    }

    /// A step that the databases need said differently.
    pub const fn each(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Self {
        Self { name, steps: Steps::Each { sqlite, postgres } }
    }

    /// The trigram index behind `search=` on that column of that table.
    pub const fn search(name: &'static str, table: &'static str, column: &'static str) -> Self {
        Self { name, steps: Steps::Search { table, column } }
    }

    /// The step's name: `mYYYYMMDD_nn_module_purpose`. The order of the names is the order of the steps.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    fn sqlite(&self) -> String {
        match self.steps {
            Steps::Portable(sql) => sql.replace("keytext", "text"),
            Steps::Each { sqlite, .. } => sqlite.to_owned(),
            Steps::Search { table, column } => search_index(table, column),
        }
    }

    /// The step as PostgreSQL reads it.
    pub fn postgres(&self) -> String {
        match self.steps {
            Steps::Portable(sql) => sql.replace("keytext", "text COLLATE \"C\""),
            Steps::Each { postgres, .. } => postgres.to_owned(),
            Steps::Search { table, column } => {
                format!("CREATE INDEX {table}_search ON {table} USING gin ({column} gin_trgm_ops)")
            }
        }
    }
}

/// A trigram index beside the table (FTS5 with external content), kept by triggers.
fn search_index(table: &str, column: &str) -> String {
    format!(
        "CREATE VIRTUAL TABLE {table}_search USING fts5(
            {column}, content='{table}', content_rowid='rowid', tokenize='trigram'
        );
        INSERT INTO {table}_search({table}_search) VALUES ('rebuild');
        CREATE TRIGGER {table}_search_insert AFTER INSERT ON {table} BEGIN
            INSERT INTO {table}_search(rowid, {column}) VALUES (new.rowid, new.{column});
        END;
        CREATE TRIGGER {table}_search_delete AFTER DELETE ON {table} BEGIN
            INSERT INTO {table}_search({table}_search, rowid, {column}) VALUES ('delete', old.rowid, old.{column});
        END;
        CREATE TRIGGER {table}_search_update AFTER UPDATE OF {column} ON {table} BEGIN
            INSERT INTO {table}_search({table}_search, rowid, {column}) VALUES ('delete', old.rowid, old.{column});
            INSERT INTO {table}_search(rowid, {column}) VALUES (new.rowid, new.{column});
        END;"
    )
}

/// Applies what is missing, in the transaction of the unit that runs this, under the writer's lock.
pub(super) fn run(connection: &Connection, migrations: &[Migration]) -> Result<Applied, DbError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS server_migrations (name text PRIMARY KEY, applied_at bigint NOT NULL)",
    )?;
    let mut known = connection.prepare("SELECT name FROM server_migrations")?;
    let mut present: HashSet<String> = known.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut ordered: Vec<_> = migrations.to_vec();
    ordered.sort_unstable_by_key(Migration::name);

    let mut applied = Applied::default();
    for migration in ordered {
        if present.remove(migration.name) {
            continue;
        }
        apply(connection, &migration)
            .map_err(|cause| DbError::Migration(migration.name.to_owned(), cause.to_string()))?;
        applied.names.push(migration.name.to_owned());
    }
    for newer in present {
        tracing::warn!(
            name = newer,
            "the schema has a step that this version doesn't know; a newer one was here"
        );
    }
    Ok(applied)
}

fn apply(connection: &Connection, migration: &Migration) -> rusqlite::Result<()> {
    connection.execute_batch(&migration.sqlite())?;
    connection.execute(
        "INSERT INTO server_migrations (name, applied_at) VALUES (?1, unixepoch() * 1000000)",
        [migration.name],
    )?;
    Ok(())
}
