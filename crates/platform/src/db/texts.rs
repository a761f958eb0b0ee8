//! Indexes of texts that take new rows in later, on SQLite: whoever searches brings them up to date first.

use super::{Db, DbError, Engine, Purpose, tx::Scoped};

/// Rows that one unit takes in: some five milliseconds.
const ROWS: i64 = 500;

impl Db {
    /// Takes all new rows of the table into its index of texts, which
    /// [`Migration::search_later`](super::Migration::search_later) put off. Does nothing where nothing is new, and on
    /// PostgreSQL, which does it with each row.
    pub async fn index_texts(&self, table: &'static str, column: &'static str) -> Result<(), DbError> {
        if self.puts_texts_off() && self.has_new_texts(table).await? {
            while self.take_texts_in(table, column).await? {}
        }
        Ok(())
    }

    /// Do such indexes take new rows in later? If not, there is never anything to take in.
    pub fn puts_texts_off(&self) -> bool {
        matches!(self.0.engine, Engine::Sqlite(_))
    }

    async fn has_new_texts(&self, table: &'static str) -> Result<bool, DbError> {
        self.ask(Purpose::Read, move |session, _| {
            let new = format!(
                "SELECT 1 FROM {table}_search_mark WHERE indexed < (SELECT coalesce(max(rowid), 0) FROM {table})"
            );
            Ok(Scoped::of_server(session).built().one::<(i64,)>(&new, &[])?.is_some())
        })
        .await
    }

    /// Takes some new rows in. False if none are left.
    async fn take_texts_in(&self, table: &'static str, column: &'static str) -> Result<bool, DbError> {
        self.ask(Purpose::Unit, move |session, _| {
            let scoped = Scoped::of_server(session).built();
            let last = format!(
                "SELECT max(id), count(*) FROM (SELECT rowid AS id FROM {table}
                    WHERE rowid > (SELECT indexed FROM {table}_search_mark) ORDER BY rowid LIMIT $1)"
            );
            let Some((Some(last), count)) = scoped.one::<(Option<i64>, i64)>(&last, &[&ROWS])? else {
                return Ok(false);
            };
            let take = format!(
                "INSERT INTO {table}_search(rowid, {column}) SELECT rowid, {column} FROM {table}
                    WHERE rowid > (SELECT indexed FROM {table}_search_mark) AND rowid <= $1"
            );
            scoped.execute(&take, &[&last])?;
            scoped.execute(&format!("UPDATE {table}_search_mark SET indexed = $1"), &[&last])?;
            Ok(count == ROWS)
        })
        .await
    }
}
