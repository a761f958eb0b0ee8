//! The schema, brought up to date at start: named steps of all modules, in the order of their names.

use std::collections::HashSet;

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
    /// That index from now on takes new rows in later.
    SearchLater { table: &'static str, column: &'static str },
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

    /// The index that [`Self::search`] made takes new rows in when [`Db::index_texts`](super::Db::index_texts) says so, on
    /// SQLite: for a table that is written much more often than it is searched.
    pub const fn search_later(name: &'static str, table: &'static str, column: &'static str) -> Self {
        Self { name, steps: Steps::SearchLater { table, column } }
    }

    /// The step's name: `mYYYYMMDD_nn_module_purpose`. The order of the names is the order of the steps.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The step as SQLite reads it.
    pub(super) fn sqlite(&self) -> String {
        match self.steps {
            Steps::Portable(sql) => sql.replace("keytext", "text"),
            Steps::Each { sqlite, .. } => sqlite.to_owned(),
            Steps::Search { table, column } => search_index(table, column),
            Steps::SearchLater { table, column } => search_index_later(table, column),
        }
    }

    /// The step as PostgreSQL reads it.
    pub(super) fn postgres(&self) -> String {
        match self.steps {
            Steps::Portable(sql) => sql.replace("keytext", "text COLLATE \"C\""),
            Steps::Each { postgres, .. } => postgres.to_owned(),
            Steps::Search { table, column } => {
                // Without the list of what was not merged yet, which every search would read whole.
                format!(
                    "CREATE INDEX {table}_search ON {table} USING gin ({column} gin_trgm_ops)
                     WITH (fastupdate = off)"
                )
            }
            // It is fast enough, and there is no way to put it off.
            Steps::SearchLater { .. } => String::new(),
        }
    }
}

/// A trigram index beside the table (FTS5 with external content), kept by triggers.
///
/// Texts of more than three characters are phrases of trigrams, so the index keeps positions (`detail='full'`, the
/// default). It names rows by `rowid`, which VACUUM may give anew: whoever copies the database with `VACUUM INTO` must
/// rebuild the index of the copy, and set `{table}_search_mark`, where there is one, to `max(rowid)`. Each commit adds a
/// piece to the index. Pieces are merged two by two as they come, which leaves fewer than the default of four does and
/// costs no more; the job `db.merge_search` makes them one.
fn search_index(table: &str, column: &str) -> String {
    format!(
        "CREATE VIRTUAL TABLE {table}_search USING fts5(
            {column}, content='{table}', content_rowid='rowid', tokenize='trigram'
        );
        INSERT INTO {table}_search({table}_search, rank) VALUES ('automerge', 2);
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

/// Makes the index know its rows up to a mark, from which it goes on: a row in each commit's piece of the index costs
/// more than the rest of it, and a thousand rows in one piece little. New rows stand behind the mark, because SQLite gives
/// them the highest `rowid` and one more; for that, the mark never stands behind the last row.
fn search_index_later(table: &str, column: &str) -> String {
    format!(
        "DROP TRIGGER {table}_search_insert;
        DROP TRIGGER {table}_search_delete;
        DROP TRIGGER {table}_search_update;
        CREATE TABLE {table}_search_mark (indexed bigint NOT NULL);
        INSERT INTO {table}_search_mark (indexed) SELECT coalesce(max(rowid), 0) FROM {table};
        CREATE TRIGGER {table}_search_delete AFTER DELETE ON {table} BEGIN
            INSERT INTO {table}_search({table}_search, rowid, {column})
                SELECT 'delete', old.rowid, old.{column} FROM {table}_search_mark WHERE old.rowid <= indexed;
            UPDATE {table}_search_mark SET indexed = (SELECT coalesce(max(rowid), 0) FROM {table})
                WHERE indexed > (SELECT coalesce(max(rowid), 0) FROM {table});
        END;
        CREATE TRIGGER {table}_search_update AFTER UPDATE OF {column} ON {table}
        WHEN old.rowid <= (SELECT indexed FROM {table}_search_mark) BEGIN
            INSERT INTO {table}_search({table}_search, rowid, {column}) VALUES ('delete', old.rowid, old.{column});
            INSERT INTO {table}_search(rowid, {column}) VALUES (new.rowid, new.{column});
        END;"
    )
}

/// What is missing where the `present` steps were applied, in the order of the names. Steps that nobody knows are of
/// a newer version, which only added: this one goes on beside it.
pub(super) fn missing(
    mut present: HashSet<String>,
    migrations: &[Migration],
) -> Result<Vec<Migration>, DbError> {
    let mut missing = migrations.to_vec();
    missing.sort_unstable_by_key(Migration::name);
    if let Some(twice) = missing.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let problem = "two steps have this name".to_owned();
        return Err(DbError::Migration(twice[0].name.to_owned(), problem));
    }
    missing.retain(|migration| !present.remove(migration.name));
    for newer in present {
        tracing::warn!(
            name = newer,
            "the schema has a step that this version doesn't know; a newer one was here"
        );
    }
    Ok(missing)
}
