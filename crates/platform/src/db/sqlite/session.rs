//! A connection of SQLite with its statements.

use std::cell::Cell as Flag;

use rusqlite::{
    Connection, Statement,
    types::{ToSqlOutput, ValueRef},
};

use super::error;
use crate::db::{DbError, Record, Row, Value, plan::Plan, session::Params};

/// A connection, and whether a statement failed on it since the work began.
pub(in crate::db) struct Session {
    pub(super) connection: Connection,
    failed: Flag<bool>,
    /// What statements have cost, in steps of the engine.
    #[cfg(test)]
    cost: Flag<u64>,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            failed: Flag::new(false),
            #[cfg(test)]
            cost: Flag::new(0),
        }
    }

    /// What comes next is another piece of work.
    pub(super) fn begins(&self) {
        self.failed.set(false);
    }

    pub(in crate::db) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    pub(in crate::db) fn each<R: Record>(
        &self,
        sql: &str,
        params: Params<'_>,
        limit: usize,
    ) -> Result<Vec<R>, DbError> {
        let mut statement = self.ready(sql, params)?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(row) = rows.next().map_err(|error| self.failure(error))? else { break };
            found.push(R::read(&Row::sqlite(row), 0)?);
        }
        drop(rows);
        #[cfg(test)]
        {
            let steps = statement.reset_status(rusqlite::StatementStatus::VmStep);
            self.cost.set(self.cost.get() + u64::from(steps.unsigned_abs()));
        }
        Ok(found)
    }

    /// What statements have cost since this was last asked.
    #[cfg(test)]
    pub(in crate::db) fn cost(&self) -> u64 {
        self.cost.take()
    }

    pub(in crate::db) fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
        let changed = self.ready(sql, params)?.raw_execute();
        changed.map(|rows| rows as u64).map_err(|error| self.failure(error))
    }

    pub(in crate::db) fn plan(&self, sql: &str, params: Params<'_>) -> Result<Plan, DbError> {
        let steps: Vec<(i64, i64, i64, String)> =
            self.each(&format!("EXPLAIN QUERY PLAN {sql}"), params, usize::MAX)?;
        Ok(Plan::of_sqlite(steps.into_iter().map(|(.., step)| step).collect::<Vec<_>>().join("\n")))
    }

    /// The statement with its parameters.
    fn ready(&self, sql: &str, params: Params<'_>) -> Result<rusqlite::CachedStatement<'_>, DbError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| self.failure(error))?;
        bind(&mut statement, params)?;
        Ok(statement)
    }

    fn failure(&self, error: rusqlite::Error) -> DbError {
        self.failed.set(true);
        error::named(&self.connection, error)
    }
}

/// Binds `$1`, `$2`… by their numbers. SQLite numbers such names in the order in which they appear.
fn bind(statement: &mut Statement<'_>, params: Params<'_>) -> Result<(), DbError> {
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let value = params.get(number.unwrap_or(index))?;
        statement.raw_bind_parameter(index, output(value))?;
    }
    Ok(())
}

fn output(value: Value<'_>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(number),
        Value::Real(number) => ValueRef::Real(number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

/// The value of a column, counted from 0.
pub(in crate::db) fn value<'a>(row: &'a rusqlite::Row<'a>, at: usize) -> Result<Value<'a>, DbError> {
    Ok(match row.get_ref(at)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(
            std::str::from_utf8(text).map_err(|_| DbError::Decode("a text is not UTF-8".to_owned()))?,
        ),
        ValueRef::Blob(bytes) => Value::Blob(bytes),
    })
}
