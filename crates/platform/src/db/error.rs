//! What can go wrong with a statement, in the terms of both databases.

use kernel::{Error, Kind};
use rusqlite::ErrorCode;

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique constraint or a check refused the row. The name is PostgreSQL's default one,
    /// `{table}_{column}_{column}_key`, whichever database it was.
    #[error("the constraint {0} refused the row")]
    Violation(String),
    /// A row refers to one that isn't there, or is referred to.
    #[error("a foreign key refused the row")]
    ForeignKey,
    /// Somebody else has the database locked.
    #[error("the database is busy")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The database is closed, or its transaction could not be committed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A statement crossed the borders of its handle.
    #[error("{0}")]
    Unscoped(String),
    /// A column holds something else than the code expects.
    #[error("a row can't be read: {0}")]
    Decode(String),
    /// The schema can't be brought up to date.
    #[error("the migration {0} failed: {1}")]
    Migration(String, String),
    /// The database's file is damaged, or is no database.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// Anything else the engine said.
    #[error("the database failed: {0}")]
    Engine(String),
}

impl DbError {
    /// Is it this constraint that refused the row?
    pub fn violates(&self, constraint: &str) -> bool {
        matches!(self, Self::Violation(name) if name == constraint)
    }
}

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

/// The one place that names constraints. SQLite tells columns (`UNIQUE constraint failed: t.a, t.b`).
fn violation(extended: i32, message: &str) -> DbError {
    match extended {
        rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DbError::ForeignKey,
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            let columns = message.rsplit(": ").next().unwrap_or_default();
            let mut name = String::new();
            for column in columns.split(", ") {
                let (table, column) = column.split_once('.').unwrap_or((column, ""));
                if name.is_empty() {
                    name.push_str(table);
                }
                name.push('_');
                name.push_str(column);
            }
            if extended == rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY {
                name = format!("{}_pkey", columns.split('.').next().unwrap_or_default());
            } else {
                name.push_str("_key");
            }
            DbError::Violation(name)
        }
        rusqlite::ffi::SQLITE_CONSTRAINT_CHECK => {
            DbError::Violation(message.rsplit(": ").next().unwrap_or_default().to_owned())
        }
        _ => DbError::Engine(message.to_owned()),
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Busy | DbError::Unavailable(_) => {
                Self::unavailable("database", "The database is not available right now. Try again.")
                    .caused_by(error)
            }
            DbError::Full => {
                Self::new(Kind::InsufficientStorage, "The server's disk is full.").caused_by(error)
            }
            other => Self::internal(other),
        }
    }
}
