//! What can go wrong with a statement, in the terms of both databases.

use kernel::{Error, Kind};
use rusqlite::{ErrorCode, ffi};

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

/// The one place that names constraints, as PostgreSQL names those that were given no name.
fn violation(extended: i32, message: &str) -> DbError {
    // What SQLite says ends in what it is about: `CHECK constraint failed: name`.
    let about = message.rsplit(": ").next().unwrap_or_default();
    match extended {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => DbError::ForeignKey,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let table = about.split('.').next().unwrap_or_default();
            DbError::Violation(format!("{table}_pkey"))
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE => DbError::Violation(unique(about)),
        ffi::SQLITE_CONSTRAINT_CHECK => DbError::Violation(about.to_owned()),
        _ => DbError::Engine(message.to_owned()),
    }
}

/// `t.a, t.b` is `t_a_b_key`. Only an index over expressions is told by its name: `index 'name'`.
fn unique(about: &str) -> String {
    if let Some(name) = about.strip_prefix("index '") {
        return name.trim_end_matches('\'').to_owned();
    }
    let mut name = about.split('.').next().unwrap_or_default().to_owned();
    for column in about.split(", ") {
        name.push('_');
        name.push_str(column.rsplit('.').next().unwrap_or_default());
    }
    name + "_key"
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

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn constraints_have_the_names_that_postgresql_gives_them() {
        let connection = Connection::open_in_memory().unwrap();
        let schema = "PRAGMA foreign_keys = ON;
            CREATE TABLE teams (org_id uuid NOT NULL, id bigint NOT NULL, PRIMARY KEY (org_id, id));
            CREATE TABLE bots (
                id bigint PRIMARY KEY, org_id uuid, slug text, title text, team bigint, size bigint,
                UNIQUE (slug), UNIQUE (org_id, size), CONSTRAINT bots_size_check CHECK (size >= 0),
                FOREIGN KEY (org_id, team) REFERENCES teams (org_id, id)
            );
            CREATE UNIQUE INDEX bots_title ON bots (lower(title));
            INSERT INTO teams VALUES (1, 1);
            INSERT INTO bots VALUES (1, 1, 'a', 'A', 1, 5);";
        connection.execute_batch(schema).unwrap();
        let error = |sql: &str| DbError::from(connection.execute_batch(sql).unwrap_err());

        assert!(error("INSERT INTO teams VALUES (1, 1)").violates("teams_pkey"));
        assert!(error("INSERT INTO bots VALUES (1, 1, 'b', 'B', 1, 6)").violates("bots_pkey"));
        assert!(error("INSERT INTO bots VALUES (2, 1, 'a', 'B', 1, 6)").violates("bots_slug_key"));
        assert!(error("INSERT INTO bots VALUES (2, 1, 'b', 'B', 1, 5)").violates("bots_org_id_size_key"));
        assert!(error("INSERT INTO bots VALUES (2, 1, 'b', 'a', 1, 6)").violates("bots_title"));
        assert!(error("INSERT INTO bots VALUES (2, 1, 'b', 'B', 1, -1)").violates("bots_size_check"));
        assert!(matches!(error("INSERT INTO bots VALUES (2, 1, 'b', 'B', 9, 6)"), DbError::ForeignKey));
    }

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
