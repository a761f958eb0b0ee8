//! What can go wrong with a statement, in the terms of both databases.

use kernel::{Error, Kind};

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique constraint or index, or a check, refused the row. The name is the one that PostgreSQL tells, whichever
    /// database it was: `{table}_{column}_{column}_key` for a constraint, an index's or a check's own name.
    #[error("the constraint {0} refused the row")]
    Violation(String),
    /// A row refers to one that isn't there, or is referred to.
    #[error("a foreign key refused the row")]
    ForeignKey,
    /// A request with the same idempotency key took effect on another node at this moment.
    #[error("a request with the same idempotency key was faster")]
    Repeated,
    /// Somebody else has the database locked.
    #[error("the database is busy")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// A text holds the character U+0000, which PostgreSQL can't keep.
    #[error("a text holds the character U+0000")]
    Nul,
    /// A parameter of the statement takes values of another type.
    #[error("{0}")]
    Mismatch(String),
    /// The configured address is none.
    #[error("database.url {0}")]
    Address(String),
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

/// The name that PostgreSQL gives a constraint that was given none: the longer of table and columns is cut until the
/// whole fits into 63 bytes.
pub(super) fn default_name(table: &str, columns: &str, kind: &str) -> String {
    const LONGEST: usize = 63;
    let room = LONGEST - kind.len() - 2;
    let (mut table_bytes, mut column_bytes) = (table.len(), columns.len().min(LONGEST));
    while table_bytes + column_bytes > room {
        if table_bytes > column_bytes { table_bytes -= 1 } else { column_bytes -= 1 }
    }
    let cut = |text: &str, bytes: usize| String::from_utf8_lossy(&text.as_bytes()[..bytes]).into_owned();
    format!("{}_{}_{kind}", cut(table, table_bytes), cut(columns, column_bytes))
}

/// The name of a table's primary key.
pub(super) fn primary_key(table: &str) -> String {
    let room = table.len().min(63 - "_pkey".len());
    format!("{}_pkey", String::from_utf8_lossy(&table.as_bytes()[..room]))
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Busy | DbError::Unavailable(_) => {
                Self::unavailable("database", "The database is not available right now. Try again.")
                    .caused_by(error)
            }
            DbError::Repeated => Self::conflict(
                "A request with this Idempotency-Key is being worked on. Try again in a moment.",
                "idempotency_in_progress",
            ),
            DbError::Full => {
                Self::new(Kind::InsufficientStorage, "The server's disk is full.").caused_by(error)
            }
            DbError::Nul => Self::new(Kind::Validation, "A text must not hold the character U+0000."),
            other => Self::internal(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_failure_holds_nothing_of_the_database() {
        let statuses = [
            (DbError::Busy, 503),
            (DbError::Full, 507),
            (DbError::Unavailable("/data/t.db".to_owned()), 503),
            (DbError::Corrupt("/data/t.db".to_owned()), 500),
            (DbError::Violation("/data/t.db".to_owned()), 500),
            (DbError::Engine("SELECT /data/t.db".to_owned()), 500),
        ];
        for (error, status) in statuses {
            let error = Error::from(error);
            assert_eq!(error.kind().status(), status);
            assert!(!error.message().contains("/data"));
        }
    }
}
