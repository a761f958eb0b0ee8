//! One connection of either engine, as the handles see it: they name no engine.

use super::{DbError, Record, Value, plan::Plan, postgres::Session as Postgres, sqlite::Session as Sqlite};

/// A connection inside its transaction.
#[derive(Clone, Copy)]
pub(super) enum Session<'a> {
    Sqlite(&'a Sqlite),
    Postgres(&'a Postgres),
}

/// Which statements an engine reads, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// The values of a statement's parameters: the organization first if the scope binds it, then its own.
#[derive(Clone, Copy)]
pub(super) struct Params<'a> {
    pub(super) org: Option<&'a [u8]>,
    pub(super) own: &'a [Value<'a>],
}

impl<'a> Params<'a> {
    /// The value of `$number`.
    pub(super) fn get(&self, number: usize) -> Result<Value<'a>, DbError> {
        let value = match (self.org, number) {
            (Some(org), 1) => Some(Value::Blob(org)),
            (Some(_), number) => number.checked_sub(2).and_then(|own| self.own.get(own).copied()),
            (None, number) => number.checked_sub(1).and_then(|own| self.own.get(own).copied()),
        };
        match value {
            // PostgreSQL can't keep it, so nobody may.
            Some(Value::Text(text)) if text.as_bytes().contains(&0) => Err(DbError::Nul),
            Some(value) => Ok(value),
            None => Err(DbError::Engine(format!("parameter {number} was not given"))),
        }
    }
}

impl Session<'_> {
    /// Runs a statement and reads its first rows, up to the limit.
    pub(super) fn each<R: Record>(
        self,
        sql: &str,
        params: Params<'_>,
        limit: usize,
    ) -> Result<Vec<R>, DbError> {
        match self {
            Self::Sqlite(session) => session.each(sql, params, limit),
            Self::Postgres(session) => session.each(sql, params, limit),
        }
    }

    /// Runs a statement; gives the number of rows it changed.
    pub(super) fn execute(self, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
        match self {
            Self::Sqlite(session) => session.execute(sql, params),
            Self::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Waits until no other unit holds the lock of that name, and holds it until this one has ended. SQLite runs one
    /// unit at a time anyway.
    pub(super) fn lock(self, name: &str) -> Result<(), DbError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.lock(name),
        }
    }

    /// Has the statements that follow planned for the values at hand. SQLite plans each statement once.
    pub(super) fn plan_by_value(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.plan_by_value(),
        }
    }

    /// How the engine goes about a statement.
    pub(super) fn plan(self, sql: &str, params: Params<'_>) -> Result<Plan, DbError> {
        match self {
            Self::Sqlite(session) => session.plan(sql, params),
            Self::Postgres(session) => session.plan(sql, params),
        }
    }

    /// What statements have cost since this was last asked.
    #[cfg(test)]
    pub(super) fn cost(self) -> u64 {
        match self {
            Self::Sqlite(session) => session.cost(),
            Self::Postgres(session) => session.cost(),
        }
    }

    /// Has a statement failed since the work began?
    pub(super) fn has_failed(self) -> bool {
        match self {
            Self::Sqlite(session) => session.has_failed(),
            Self::Postgres(session) => session.has_failed(),
        }
    }

    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}
