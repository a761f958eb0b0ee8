//! SQLite's errors in the terms of both databases.

use rusqlite::{Connection, ErrorCode, ffi};

use crate::db::{
    DbError,
    error::{default_name, primary_key},
};

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(code, message) = &error else {
            return Self::Engine(error.to_string());
        };
        let message = message.as_deref().unwrap_or_default();
        match code.code {
            ErrorCode::ConstraintViolation => violation(code.extended_code, message),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
                Self::Unavailable(error.to_string())
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(error.to_string()),
            _ => Self::Engine(error.to_string()),
        }
    }
}

/// The error of a statement. SQLite names the columns of a unique index, PostgreSQL the index: it is looked up.
pub(super) fn named(connection: &Connection, error: rusqlite::Error) -> DbError {
    let columns = match &error {
        rusqlite::Error::SqliteFailure(code, Some(message))
            if code.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE =>
        {
            columns(about(message))
        }
        _ => None,
    };
    let index = columns.and_then(|(table, columns)| index(connection, table, &columns).ok().flatten());
    index.map_or_else(|| error.into(), DbError::Violation)
}

/// The index over those columns that was made by a statement of its own, rather than by a constraint.
fn index(connection: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<Option<String>> {
    let mut made = connection.prepare(
        "SELECT i.name, (SELECT group_concat(c.name, ',' ORDER BY c.seqno) FROM pragma_index_info(i.name) c)
         FROM pragma_index_list(?1) i WHERE i.\"unique\" AND i.origin = 'c'",
    )?;
    let mut rows = made.query([table])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, Option<String>>(1)?.is_some_and(|names| names == columns.join(",")) {
            return row.get(0).map(Some);
        }
    }
    Ok(None)
}

fn violation(extended: i32, message: &str) -> DbError {
    let about = about(message);
    match extended {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DbError::ForeignKey,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            DbError::Violation(primary_key(about.split('.').next().unwrap_or_default()))
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE => DbError::Violation(match columns(about) {
            Some((table, columns)) => default_name(table, &columns.join("_"), "key"),
            // Only an index over expressions is told by its name: `index 'name'`.
            None => about.trim_start_matches("index '").trim_end_matches('\'').to_owned(),
        }),
        ffi::SQLITE_CONSTRAINT_CHECK => DbError::Violation(about.to_owned()),
        _ => DbError::Engine(message.to_owned()),
    }
}

/// What SQLite says ends in what it is about: `CHECK constraint failed: name`.
fn about(message: &str) -> &str {
    message.rsplit(": ").next().unwrap_or_default()
}

/// `t.a, t.b`, as a table with its columns.
fn columns(about: &str) -> Option<(&str, Vec<&str>)> {
    let (table, _) = about.split_once('.')?;
    Some((table, about.split(", ").map(|column| column.rsplit('.').next().unwrap_or_default()).collect()))
}
